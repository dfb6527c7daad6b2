/// A function that the service offers: named inputs and parameters in, named outputs out.
///
/// This table is the only place that says which names an endpoint knows; the readers, the refusals, the answer to `GET /`
/// and the tests of openapi.yaml all look here, and so would a second wire format. (A class, so that handing a row of the
/// table on costs a reference count and not one for each of its lists.)
final class Endpoint: Sendable {
  /// What an endpoint computes.
  enum Function: Sendable { case softmax, loss, gradient }

  let function: Function
  /// The path of its JSON form.
  let path: String
  /// What it does, in half a sentence.
  let summary: String
  /// The tensors that a request must bring.
  let requiredInputs: [Member]
  /// The tensors that it may bring.
  let optionalInputs: [Member]
  /// The scalars that it may bring; ``Parameters`` holds their defaults.
  let parameters: [Member]
  /// Everything that can be asked for.
  let outputs: [Output]
  /// What is answered when nothing is asked for.
  let defaultOutputs: [Output]
  /// All names that a request may hold.
  let members: [Member]
  let memberSet: MemberSet

  init(
    _ function: Function, path: String, summary: String, requiredInputs: [Member], optionalInputs: [Member],
    parameters: [Member], outputs: [Output], defaultOutputs: [Output]
  ) {
    self.function = function
    self.path = path
    self.summary = summary
    self.requiredInputs = requiredInputs
    self.optionalInputs = optionalInputs
    self.parameters = parameters
    self.outputs = outputs
    self.defaultOutputs = defaultOutputs
    members = requiredInputs + optionalInputs + parameters + [.outputs]
    memberSet = MemberSet(members)
  }
}

extension Endpoint {
  static let softmax = Endpoint(
    .softmax, path: "/softmax", summary: "softmax of logits along an axis, and what belongs to it",
    requiredInputs: [.logits], optionalInputs: [],
    parameters: [.axis, .temperature, .dtype],
    outputs: [.probabilities, .logProbabilities, .logSumExp, .entropy, .argmax, .jacobian],
    defaultOutputs: [.probabilities])

  static let loss = Endpoint(
    .loss, path: "/loss", summary: "softmax cross-entropy between logits and a target",
    requiredInputs: [.logits, .target], optionalInputs: [.weight, .sampleWeight],
    parameters: [.axis, .temperature, .dtype, .ignoreIndex, .labelSmoothing, .reduction],
    outputs: [.loss],
    defaultOutputs: [.loss])

  static let gradient = Endpoint(
    .gradient, path: "/gradient", summary: "the loss and its gradient with respect to the logits",
    requiredInputs: [.logits, .target], optionalInputs: [.weight, .sampleWeight, .upstream],
    parameters: [.axis, .temperature, .dtype, .ignoreIndex, .labelSmoothing, .reduction],
    outputs: [.loss, .gradient, .derivation],
    defaultOutputs: [.loss, .gradient])

  static let all = [softmax, loss, gradient]

  /// The endpoints that know a member, or an output.
  static func knowing(_ member: Member) -> [Endpoint] { all.filter { $0.memberSet.contains(member) } }
  static func knowing(_ output: Output) -> [Endpoint] { all.filter { $0.outputs.contains(output) } }
}
