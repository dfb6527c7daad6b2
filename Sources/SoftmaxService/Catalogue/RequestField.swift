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
