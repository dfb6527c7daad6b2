import HTTP

/// A function that the service offers: named inputs and parameters in, named outputs out.
///
/// What it takes and answers is said by ``Input``, ``Parameter`` and ``Output``, each in its own table; here stands
/// only what belongs to the function as a whole. The readers, the validation, the suggestions, `GET /` and the tests of
/// openapi.yaml are loops over these four tables.
enum Operation: Int, Sendable, CaseIterable, BitIndexed {
  case softmax, loss, gradient, check

  /// What it does, in half a sentence.
  var summary: String {
    switch self {
    case .softmax: "softmax of logits along an axis, and what belongs to it"
    case .loss: "softmax cross-entropy between logits and a target"
    case .gradient: "the loss and its gradient with respect to the logits"
    case .check: "your own numbers beside the exact ones, and what is wrong with them"
    }
  }

  /// The route of its JSON form, whose path is also its name in sentences.
  var route: RouteDeclaration {
    let template: StaticString =
      switch self {
      case .softmax: "/softmax"
      case .loss: "/loss"
      case .gradient: "/gradient"
      case .check: "/check"
      }
    return RouteDeclaration(
      template, [.post, .options], body: BodyPolicy(mediaTypes: "application/json", workPoolBytes: workPoolBytes))
  }

  var path: String { route.template.description }

  /// From this many bytes on, a body goes to the work pool.
  ///
  /// 64 KiB are read and answered in about 0.05 ms, or 0.3 ms where all numbers are of one digit: longer ones would
  /// keep the loop's other connections waiting. A check computes many answers, so that only the smallest run there.
  var workPoolBytes: Int { self == .check ? 1024 : 64 * 1024 }

  // MARK: What the other tables say of it

  /// Whether it answers tensors, which any wire can carry; /check answers a report.
  var returnsTensors: Bool { self != .check }

  /// The operations whose inputs and parameters it takes: its own, and for /check those whose outputs it compares.
  private var comparedOperations: [Operation] {
    switch self {
    case .softmax, .loss, .gradient: [self]
    case .check: [.softmax, .gradient]
    }
  }

  /// The tensors that a request must have, and those that it may have.
  var requiredInputs: [Input] {
    Input.allCases.filter { input in comparedOperations.allSatisfy { input.descriptor.requiredBy.contains($0) } }
  }
  var optionalInputs: [Input] {
    let required = requiredInputs
    return Input.allCases.filter { input in
      let descriptor = input.descriptor
      return !required.contains(input) && (returnsTensors || descriptor.isForCheck)
        && comparedOperations.contains { descriptor.requiredBy.contains($0) || descriptor.optionalFor.contains($0) }
    }
  }

  /// The scalars that a request may have.
  var parameters: [Parameter] {
    Parameter.allCases.filter { parameter in
      let (operations, isForCheck) = (parameter.descriptor.operations, parameter.descriptor.isForCheck)
      return operations.contains(self) || isForCheck && comparedOperations.contains { operations.contains($0) }
    }
  }

  /// Everything that can be asked for.
  var outputs: [Output] { Output.allCases.filter { $0.descriptor.operations.contains(self) } }

  /// What is answered when nothing is asked for.
  var defaultOutputs: OutputList { Self.allDefaultOutputs[rawValue] }

  /// The same where `top_k` is given, which would else have no effect.
  var defaultOutputsOfTop: OutputList {
    knows(.parameter(.topK)) ? OutputList([.topIndices, .topProbabilities]) : defaultOutputs
  }

  /// What is answered besides, where an input that it needs is given.
  var outputsWithInputs: OutputList { Self.allOutputsWithInputs[rawValue] }

  /// All names that a request may hold.
  var fields: [RequestField] { RequestField.all.filter(knows) }

  /// Whether a request may hold the field.
  func knows(_ field: RequestField) -> Bool { Self.knownFields[rawValue].contains(field) }

  /// Those that stand in a required one's place.
  var alternatives: FieldSet { Self.alternativeFields[rawValue] }

  /// What may stand in a required input's place, if anything may.
  func alternative(to input: Input) -> Input? { optionalInputs.first { $0.descriptor.insteadOf == input } }

  /// The inputs that a request must have, as a set.
  var required: FieldSet { Self.requiredFields[rawValue] }

  // Put together once: each request asks for them.
  private static let allDefaultOutputs = allCases.map { operation in
    OutputList(Output.allCases.filter { $0.descriptor.defaultOf.contains(operation) })
  }
  private static let allOutputsWithInputs = allCases.map { operation in
    OutputList(operation.outputs.filter { $0.descriptor.needsInput != nil })
  }
  private static let requiredFields = allCases.map { FieldSet($0.requiredInputs.map(RequestField.input)) }
  private static let alternativeFields = allCases.map { operation in
    FieldSet(operation.optionalInputs.filter { $0.descriptor.insteadOf != nil }.map(RequestField.input))
  }
  private static let knownFields = allCases.map { operation in
    FieldSet(
      (operation.requiredInputs + operation.optionalInputs).map(RequestField.input)
        + operation.parameters.map(RequestField.parameter) + [operation.returnsTensors ? .outputs : .candidate])
  }
}

/// Everything that a request may name: inputs (tensors), parameters (scalars), and the list of outputs.
enum RequestField: Sendable, Hashable, BitIndexed {
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

  var bit: Int {
    switch self {
    case .input(let input): input.rawValue
    case .parameter(let parameter): 32 + parameter.rawValue
    case .outputs: 63
    case .candidate: 62
    }
  }
}

/// What has a bit of its own in a ``BitSet``.
protocol BitIndexed {
  /// From 0 to 63.
  var bit: Int { get }
}

extension BitIndexed where Self: RawRepresentable<Int> {
  var bit: Int { rawValue }
}

/// A set, as cheap as an integer.
struct BitSet<Element: BitIndexed>: Sendable, Equatable, ExpressibleByArrayLiteral {
  private var bits: UInt64 = 0

  init(_ elements: [Element] = []) {
    for element in elements { insert(element) }
  }

  init(arrayLiteral elements: Element...) { self.init(elements) }

  func contains(_ element: Element) -> Bool { bits &>> element.bit & 1 != 0 }
  func contains(_ others: BitSet) -> Bool { bits & others.bits == others.bits }
  func isDisjoint(with others: BitSet) -> Bool { bits & others.bits == 0 }
  mutating func insert(_ element: Element) { bits |= 1 &<< element.bit }
  mutating func remove(_ element: Element) { bits &= ~(1 &<< element.bit) }
}

extension BitSet where Element: CaseIterable {
  static var all: BitSet { BitSet(Array(Element.allCases)) }
}

typealias FieldSet = BitSet<RequestField>
typealias OperationSet = BitSet<Operation>
typealias CheckedOutputSet = BitSet<CheckedOutput>

extension OperationSet {
  /// In the catalogue's order.
  var operations: [Operation] { Operation.allCases.filter(contains) }
}

// What the catalogue's descriptors hold in place of arrays where each request looks at them, on every event loop: a
// reference count that two loops share costs more than the look.

/// Names in one constant, with a space between them.
struct NameList: Sendable, ExpressibleByStringLiteral {
  private let text: StaticString

  init(stringLiteral text: StaticString) { self.text = text }

  var names: [String] { text.description.split(separator: " ").map(String.init) }
}

/// Outputs in the order asked for, none twice.
struct OutputList: Sendable, RandomAccessCollection {
  /// How many there is room for: a test holds the catalogue to it.
  static let room = OutputList().outputs.count

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
    guard count < outputs.count, !contains(output) else { return }
    outputs[count] = output
    count += 1
  }
}
