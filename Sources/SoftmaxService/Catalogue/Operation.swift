import HTTP

/// A function that the service offers: named inputs and parameters in, named outputs out.
///
/// What it takes and answers is said by ``Input``, ``Parameter`` and ``Output``, each in its own table; here stands
/// only what belongs to the function as a whole. The readers, the validation, the suggestions, `GET /` and the tests of
/// openapi.yaml are loops over these four tables.
enum Operation: Int, Sendable, CaseIterable {
  case softmax, loss, gradient

  /// What it does, in half a sentence.
  var summary: String {
    switch self {
    case .softmax: "softmax of logits along an axis, and what belongs to it"
    case .loss: "softmax cross-entropy between logits and a target"
    case .gradient: "the loss and its gradient with respect to the logits"
    }
  }

  /// The route of its JSON form, whose path is also its name in sentences.
  ///
  /// Bodies of 32 KiB are read and answered in about 0.2 ms: longer ones would keep an event loop's other connections
  /// waiting.
  var route: RouteDeclaration {
    let template: StaticString =
      switch self {
      case .softmax: "/softmax"
      case .loss: "/loss"
      case .gradient: "/gradient"
      }
    return RouteDeclaration(
      template, [.post, .options], body: BodyPolicy(mediaTypes: "application/json", workPoolBytes: 32 * 1024))
  }

  var path: String { route.template.description }

  // MARK: What the other tables say of it

  /// The tensors that a request must have, and those that it may have.
  var requiredInputs: [Input] { Input.allCases.filter { $0.descriptor.requiredBy.contains(self) } }
  var optionalInputs: [Input] { Input.allCases.filter { $0.descriptor.optionalFor.contains(self) } }

  /// The scalars that a request may have.
  var parameters: [Parameter] { Parameter.allCases.filter { $0.descriptor.operations.contains(self) } }

  /// Everything that can be asked for.
  var outputs: [Output] { Output.allCases.filter { $0.descriptor.operations.contains(self) } }

  /// What is answered when nothing is asked for.
  var defaultOutputs: OutputList { Self.allDefaultOutputs[rawValue] }

  /// All names that a request may hold.
  var fields: [RequestField] { RequestField.all.filter(knows) }

  /// Whether a request may hold the field.
  func knows(_ field: RequestField) -> Bool { Self.knownFields[rawValue].contains(field) }

  /// The inputs that a request must have, as a set.
  var required: FieldSet { Self.requiredFields[rawValue] }

  // Put together once: each request asks for them.
  private static let allDefaultOutputs = allCases.map { operation in
    OutputList(Output.allCases.filter { $0.descriptor.defaultOf.contains(operation) })
  }
  private static let requiredFields = allCases.map { FieldSet($0.requiredInputs.map(RequestField.input)) }
  private static let knownFields = allCases.map { operation in
    FieldSet(
      (operation.requiredInputs + operation.optionalInputs).map(RequestField.input)
        + operation.parameters.map(RequestField.parameter) + [.outputs])
  }
}
