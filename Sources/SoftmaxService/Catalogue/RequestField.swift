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
struct FieldSet: Sendable {
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
