import HTTPCore

/// A function that the service offers: named inputs and parameters in, named outputs out.
///
/// This is the only place that says which names an endpoint knows; the readers, the refusals, the answer to `GET /` and the
/// tests of openapi.yaml all look here, and so would a second wire format. (Its lists are constants of the program: no loop
/// counts a reference that another loop counts too.)
enum Endpoint: Int, Sendable, CaseIterable {
  case softmax, loss, gradient

  /// The path of its JSON form.
  var path: String { route.template.description }

  /// Where its JSON form stands.
  var route: RouteDeclaration {
    RouteDeclaration(template, [.post, .options], body: BodyType.policy)
  }

  private var template: StaticString {
    switch self {
    case .softmax: "/softmax"
    case .loss: "/loss"
    case .gradient: "/gradient"
    }
  }

  /// What it does, in half a sentence.
  var summary: String {
    switch self {
    case .softmax: "softmax of logits along an axis, and what belongs to it"
    case .loss: "softmax cross-entropy between logits and a target"
    case .gradient: "the loss and its gradient with respect to the logits"
    }
  }

  /// The tensors that a request must bring.
  var requiredInputs: [Member] {
    switch self {
    case .softmax: [.logits]
    case .loss, .gradient: [.logits, .target]
    }
  }

  /// The tensors that it may bring.
  var optionalInputs: [Member] {
    switch self {
    case .softmax: []
    case .loss: [.weight, .sampleWeight]
    case .gradient: [.weight, .sampleWeight, .upstream]
    }
  }

  /// The scalars that it may bring; ``Parameters`` holds their defaults.
  var parameters: [Member] {
    switch self {
    case .softmax: [.axis, .temperature, .dtype]
    case .loss, .gradient: [.axis, .temperature, .dtype, .ignoreIndex, .labelSmoothing, .reduction]
    }
  }

  /// Everything that can be asked for.
  var outputs: [Output] {
    switch self {
    case .softmax: [.probabilities, .logProbabilities, .logSumExp, .entropy, .argmax, .jacobian]
    case .loss: [.loss]
    case .gradient: [.loss, .gradient, .derivation]
    }
  }

  /// What is answered when nothing is asked for.
  var defaultOutputs: [Output] {
    switch self {
    case .softmax: [.probabilities]
    case .loss: [.loss]
    case .gradient: [.loss, .gradient]
    }
  }

  /// All names that a request may hold.
  var members: [Member] { Member.allCases.filter(knows) }

  /// Whether a request may hold the member.
  func knows(_ member: Member) -> Bool {
    member == .outputs || requiredInputs.contains(member) || optionalInputs.contains(member)
      || parameters.contains(member)
  }

  /// The endpoints that know a member, or an output.
  static func knowing(_ member: Member) -> [Endpoint] { allCases.filter { $0.knows(member) } }
  static func knowing(_ output: Output) -> [Endpoint] { allCases.filter { $0.outputs.contains(output) } }
}
