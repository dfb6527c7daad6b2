/// Everything that a request may name: inputs (tensors), parameters (scalars), and the list of outputs.
enum RequestField: Sendable, Hashable {
  case input(Input)
  case parameter(Parameter)
  case outputs
  /// The caller's own numbers, by the names of outputs.
  case candidate

  /// The name on every wire.
  var name: String {
    switch self {
    case .input(let input): input.name
    case .parameter(let parameter): parameter.name
    case .outputs: "outputs"
    case .candidate: "candidate"
    }
  }

  /// What other libraries call it.
  var aliases: [String] {
    switch self {
    case .input(let input): input.descriptor.aliases.names
    case .parameter(let parameter): parameter.descriptor.aliases.names
    case .outputs: ["return"]
    case .candidate: ["candidates", "actual", "mine", "got"]
    }
  }

  /// All of them, in the order in which sentences and documents list them.
  static let all: [RequestField] =
    Input.allCases.map(RequestField.input) + Parameter.allCases.map(RequestField.parameter) + [.outputs, .candidate]

  /// Their names beside them, for looking one up.
  static let named: [(name: String, field: RequestField)] = all.map { ($0.name, $0) }

  init?(name: String) {
    guard let entry = Self.named.first(where: { $0.name == name }) else { return nil }
    self = entry.field
  }

  /// The operations whose requests may hold it.
  var operations: [Operation] { Operation.allCases.filter { $0.knows(self) } }

  fileprivate var bit: UInt64 {
    switch self {
    case .input(let input): 1 << UInt64(input.rawValue)
    case .parameter(let parameter): 1 << UInt64(32 + parameter.rawValue)
    case .outputs: 1 << 63
    case .candidate: 1 << 62
    }
  }
}

/// A set of fields, as cheap as an integer.
struct FieldSet: Sendable, Equatable {
  private var bits: UInt64 = 0

  init(_ fields: [RequestField] = []) {
    for field in fields { insert(field) }
  }

  func contains(_ field: RequestField) -> Bool { bits & field.bit != 0 }
  func contains(_ others: FieldSet) -> Bool { bits & others.bits == others.bits }
  func isDisjoint(with others: FieldSet) -> Bool { bits & others.bits == 0 }
  mutating func insert(_ field: RequestField) { bits |= field.bit }
  mutating func remove(_ field: RequestField) { bits &= ~field.bit }
}

// What the catalogue's descriptors are made of: constants alone, and no array. Each request looks at descriptors, on
// every event loop, and a reference count that two loops share costs more than the look.

/// Some of the operations.
struct OperationSet: Sendable, ExpressibleByArrayLiteral {
  private var bits: UInt8 = 0

  init(arrayLiteral operations: Operation...) { self.init(operations) }

  init(_ operations: [Operation]) {
    for operation in operations { bits |= 1 << operation.rawValue }
  }

  static let all = OperationSet(Operation.allCases)

  func contains(_ operation: Operation) -> Bool { bits & 1 << operation.rawValue != 0 }

  /// In the catalogue's order.
  var operations: [Operation] { Operation.allCases.filter(contains) }
}

/// Names in one constant, with a space between them.
struct NameList: Sendable, ExpressibleByStringLiteral {
  private let text: StaticString

  init(stringLiteral text: StaticString) { self.text = text }

  var names: [String] { text.description.split(separator: " ").map(String.init) }
}

/// Outputs in the order asked for, none twice.
struct OutputList: Sendable, RandomAccessCollection {
  /// How many there is room for: a test holds the catalogue to it.
  static let room = 32

  private var outputs: InlineArray<32, Output>
  private(set) var count: Int

  /// - Precondition: no more than there is room for, none twice.
  init(_ outputs: [Output] = []) {
    self.outputs = InlineArray { $0 < outputs.count ? outputs[$0] : .probabilities }
    count = outputs.count
  }

  var startIndex: Int { 0 }
  var endIndex: Int { count }
  subscript(index: Int) -> Output { outputs[index] }

  func contains(_ output: Output) -> Bool { indices.contains { outputs[$0] == output } }

  mutating func append(_ output: Output) {
    guard count < Self.room, !contains(output) else { return }
    outputs[count] = output
    count += 1
  }
}

/// The name that a reader most likely meant.
public enum NameSuggestion {
  /// Longer names are not compared: no known name is near one, and the cost stays bounded.
  static let longestCompared = 64

  /// Fields that are named elsewhere and do not exist here, with what to do instead.
  static let hints: [(names: [String], cure: String)] = [
    (
      ["mask", "attention_mask", "padding_mask", "key_padding_mask"],
      "send \"where\", with true for each class that takes part; to leave a slice out, give it the target that "
        + "\"ignore_index\" names"
    ),
    (["from_logits"], "logits are what is always taken; leave it out"),
    (["keepdim", "keepdims"], "an output of the batch shape has no class axis; leave it out"),
  ]

  /// What to do instead of a field that does not exist here, if that is known.
  static func cure(for name: String) -> String? { hints.first { $0.names.contains(name) }?.cure }

  /// The field of an operation nearest to an unknown name, or nil when none is near.
  static func field(nearestTo name: String, in operation: Operation) -> RequestField? {
    let fields = operation.fields
    return fields.first { $0.aliases.contains(name) } ?? nearest(to: name, among: fields) { $0.name }
  }

  /// The output of an operation nearest to an unknown name, or nil when none is near.
  static func output(nearestTo name: String, in operation: Operation) -> Output? {
    let outputs = operation.outputs
    return outputs.first { $0.descriptor.aliases.names.contains(name) } ?? nearest(to: name, among: outputs) { $0.name }
  }

  /// The one of least ``distance(_:_:)``, or nil when more than a third of the name, and two letters, would have to
  /// change, or the name is too long to compare.
  public static func nearest<Known>(to name: String, among known: [Known], name text: (Known) -> String) -> Known? {
    guard name.utf8.count <= longestCompared else { return nil }
    let distances = known.map { ($0, distance(name, text($0))) }
    guard let best = distances.min(by: { $0.1 < $1.1 }), best.1 <= max(2, name.utf8.count / 3) else { return nil }
    return best.0
  }

  /// The least number of insertions, deletions, substitutions and swaps of neighbours that turns one name into the
  /// other (optimal string alignment), letters of either case being equal and `-` being `_`.
  public static func distance(_ a: String, _ b: String) -> Int {
    let (a, b) = (Array(a.utf8), Array(b.utf8))
    var beforeLast: [Int] = []
    var last = Array(0...b.count)
    for i in 0..<a.count {
      var current = [i + 1]
      for j in 0..<b.count {
        let cost = folded(a[i]) == folded(b[j]) ? 0 : 1
        var best = min(last[j + 1] + 1, current[j] + 1, last[j] + cost)
        if i > 0, j > 0, folded(a[i]) == folded(b[j - 1]), folded(a[i - 1]) == folded(b[j]) {
          best = min(best, beforeLast[j - 1] + 1)
        }
        current.append(best)
      }
      beforeLast = last
      last = current
    }
    return last[b.count]
  }

  private static func folded(_ byte: UInt8) -> UInt8 {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte | 0x20
    case UInt8(ascii: "-"), UInt8(ascii: " "): UInt8(ascii: "_")
    default: byte
    }
  }
}
