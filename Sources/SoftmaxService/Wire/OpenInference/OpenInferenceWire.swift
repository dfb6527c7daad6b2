import HTTP
import NumericJSON
import Softmax

/// Inference as the Open Inference Protocol has it: tensors in JSON or as the bytes after it, either way.
struct OpenInferenceWire: Wire {
  /// The model's name, as the path has it.
  let model: String
  /// Where each input that was read stands, once that is known.
  private var inputs: [PlacedInput] = []

  struct PlacedInput {
    let input: ModelInput
    let place: TensorPlace
    let shape: TensorShape
  }

  init(model: String) { self.model = model }

  /// Reads, validates, computes and writes, each step letting go of what the one before it made.
  func respond(to request: consuming Request, for operation: Operation, in context: WireContext) -> Response {
    let head = request.head
    let body = (consume request).body
    let execution = context.execution(forText: body.count)
    // Names places of inputs once they are read.
    var wire = self
    do throws(RequestError) {
      let bound = try read(consume body, head, for: operation, in: context, execution)
      let (requested, id) = (bound.requested, bound.id)
      wire.inputs = bound.inputs
      guard operation.returnsTensors else {
        let check = try CheckRequest((consume bound).unvalidated(), limits: context.limits, wire: wire)
        let report = try check.report(execution, context.memory)
        return InferReport(report, model: model, id: id).response(requested, execution.level, wire: wire)
      }
      let validated = try Validator.validate(
        (consume bound).unvalidated(), for: operation, limits: context.limits, wire: wire)
      var layout = InferResponseLayout(validated.plan, requested)
      try layout.check()
      if layout.isBinary { layout.overwriting = validated.overwriting }
      let capacity = layout.capacity(model: model, id: id)
      try context.memory.ask(
        toCarryOut: validated, encodedBytes: capacity + layout.overwritingBytes, isInPlace: layout.isBinary)
      var encoder = InferResponseEncoder(layout, capacity: capacity, model: model, id: id, execution)
      if let overwriting = layout.overwriting {
        try encoder.writeBinary(consume validated, overwriting)
      } else if layout.isBinary {
        try encoder.writeBinary { buffers throws(RequestError) in try validated.run(execution, into: buffers) }
      } else {
        try (consume validated).returning(layout.order).run(execution) { output, numbers, _ throws(ComputationError) in
          try encoder.write(output, numbers)
        }
      }
      return encoder.finish()
    } catch {
      return wire.response(to: error)
    }
  }

  /// The request that a body is, which is let go.
  private func read(
    _ bytes: consuming [UInt8], _ head: RequestHead, for operation: Operation, in context: WireContext,
    _ execution: Execution
  ) throws(RequestError) -> BoundRequest {
    let (memory, limits) = (context.memory, context.limits)
    let frame = try InferBody(head, bytes.span, for: operation)
    try memory.ask(
      toReadJSON: bytes.span.extracting(first: frame.jsonBytes), beside: bytes.capacity - frame.jsonBytes)
    let infer = try frame.request(bytes.span, InferRequestDecoder(limits: limits, execution: execution))
    try memory.ask(
      toCopyNumbers: infer.numbersToCopy(from: bytes.count - frame.jsonBytes), from: bytes.capacity)
    return InferBinder(operation, wire: self, limits: limits).bind(infer, in: bytes, jsonBytes: frame.jsonBytes)
  }

  /// One sentence that names the first fault's place, since the protocol's form has no list of them.
  private func response(to error: RequestError) -> Response {
    var problem = problem(for: error)
    if case .invalid(let list) = error { problem.detail = summary(of: list, sentence: sentence, ending: "") }
    return Response(problem)
  }

  private func sentence(_ fault: InputFault) -> String {
    guard let path = path(of: fault.location) else { return fault.sentence }
    let place = path.description
    return fault.sentence.hasPrefix(place) ? fault.sentence : "\(place): \(fault.sentence)"
  }

  // MARK: Its words

  func locate(_ location: Location) -> String {
    path(of: location).map(JSONPointer.text) ?? JSONPointer.text(of: location)
  }

  /// Where a place is in the request's JSON; numbers in binary have the place that they would have in `data`.
  private func path(of location: Location) -> MemberPath? {
    switch location {
    case .request, .unknown, .field(.candidate, _): return nil
    case .member(let path): return path
    case .field(.parameter(let parameter), _): return MemberPath("parameters").member(parameter.name)
    case .field(.outputs, let indices): return MemberPath("outputs").element(indices)
    case .candidate(let output, let indices): return path(of: .candidate(output), indices)
    case .field(.input(let input), let indices): return path(of: .input(input), indices)
    }
  }

  private func path(of input: ModelInput, _ indices: [Int]) -> MemberPath? {
    guard let placed = inputs.first(where: { $0.input == input }) else { return nil }
    // A prediction of one number is at fault as a whole.
    if placed.shape.isEmpty, input == .input(.logits) || input == .input(.probabilities) {
      return placed.place.path.member("shape")
    }
    guard indices.count == placed.shape.count else { return placed.place.path }
    let position = zip(indices, placed.shape).reduce(0) { $0 * $1.1 + $1.0 }
    return placed.place.path.member("data").element(position)
  }

  func name(of operation: Operation) -> String { "the model \(quoted(operation.modelName))" }

  var mask: String { "-Infinity" }
  func scalarTensor(isFinite: Bool) -> String { "a tensor of shape []" }
  var candidateDemand: String {
    "your numbers as inputs named for outputs, such as \(quoted(ModelInput.candidate(.gradient).name))"
  }

  func tensor(of shape: TensorShape) -> String { "a tensor of shape \(shape)" }

  func demand(for input: Input) -> String {
    let ranks = input.descriptor.shape == .anyRank ? ", of 1 to \(TensorShape.maximumRank) dimensions" : ""
    return "a tensor of \(input.descriptor.demand)\(ranks)"
  }

  func setting(_ parameter: Parameter, _ value: String) -> String {
    "\(quoted(parameter.name)): \(value) in \"parameters\""
  }

  /// A small request that any client can send to the model softmax.
  static let example =
    #"{"inputs": [{"name": "logits", "shape": [3], "datatype": "FP64", "data": [1.5, -0.25, 3]}]}"#
}

/// Errors as the protocol has them: an object whose only member is the string `error`.
enum OpenInferenceProblem {
  /// Gives a response that tells of a problem the protocol's form, if its path belongs to the protocol and its client
  /// does not ask for RFC 9457. What cannot be understood is 400 there, never 422.
  static func rewrite(_ response: inout Response, for head: RequestHead?, at path: String?) {
    guard var problem = response.problem, let path, OpenInferenceEndpoint.owns(path) else { return }
    response.problem = nil
    if problem.status == .unprocessableContent { problem.status = .badRequest }
    response.status = problem.status
    response.fields.append(.vary, "Accept")
    guard !wantsProblemDetails(head) else {
      response.body = problem.json
      return
    }
    response.contentType = .json
    response.body = ModelDocuments.document { $0.member("error", problem.detail) }
  }

  /// Whether the field Accept names the media type of RFC 9457 itself, and wants it at least as much as JSON.
  private static func wantsProblemDetails(_ head: RequestHead?) -> Bool {
    guard let accepted = head.map(AcceptedTypes.init(of:)), accepted.names(.problem) else { return false }
    return accepted.weight(of: .problem) > 0 && accepted.weight(of: .problem) >= accepted.weight(of: .json)
  }
}
