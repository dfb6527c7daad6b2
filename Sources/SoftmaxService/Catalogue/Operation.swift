import HTTP

/// A function that the service offers: named inputs and parameters in, named outputs out.
///
/// What it takes and answers is said by ``Input``, ``Parameter`` and ``Output``, each in its own table; here stands
/// only what belongs to the function as a whole. The readers, the validation, the suggestions, `GET /` and the tests of
/// openapi.yaml are loops over these four tables.
enum Operation: Int, Sendable, CaseIterable {
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
  ///
  /// Bodies of 64 KiB are read and answered in about 0.05 ms, or 0.3 ms where all numbers are of one digit: longer ones
  /// would keep an event loop's other connections waiting.
  var route: RouteDeclaration {
    let template: StaticString =
      switch self {
      case .softmax: "/softmax"
      case .loss: "/loss"
      case .gradient: "/gradient"
      case .check: "/check"
      }
    // A check computes many answers: it never runs on an event loop.
    let workPoolBytes = self == .check ? 0 : 64 * 1024
    return RouteDeclaration(
      template, [.post, .options], body: BodyPolicy(mediaTypes: "application/json", workPoolBytes: workPoolBytes))
  }

  var path: String { route.template.description }

  // MARK: What the other tables say of it

  /// Whether it answers tensors, which any wire can carry; /check answers a report.
  var answersTensors: Bool { self != .check }

  /// The operations whose inputs and parameters it takes: /check compares the outputs of these.
  private var models: [Operation] {
    switch self {
    case .softmax, .loss, .gradient: [self]
    case .check: [.softmax, .gradient]
    }
  }

  /// The tensors that a request must have, and those that it may have.
  var requiredInputs: [Input] {
    Input.allCases.filter { input in models.allSatisfy { input.descriptor.requiredBy.contains($0) } }
  }
  var optionalInputs: [Input] {
    let required = requiredInputs
    return Input.allCases.filter { input in
      let descriptor = input.descriptor
      return !required.contains(input) && (answersTensors || descriptor.isForCheck)
        && models.contains { descriptor.requiredBy.contains($0) || descriptor.optionalFor.contains($0) }
    }
  }

  /// The scalars that a request may have.
  var parameters: [Parameter] {
    Parameter.allCases.filter { parameter in
      let operations = parameter.descriptor.operations
      return operations.contains(self) || models.contains { operations.contains($0) }
    }
  }

  /// Everything that can be asked for.
  var outputs: [Output] { Output.allCases.filter { $0.descriptor.operations.contains(self) } }

  /// What is answered when nothing is asked for.
  var defaultOutputs: OutputList { Self.allDefaultOutputs[rawValue] }

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
        + operation.parameters.map(RequestField.parameter) + [operation.answersTensors ? .outputs : .candidate])
  }
}
