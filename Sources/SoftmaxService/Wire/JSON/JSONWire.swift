import HTTP
import NumericJSON
import Softmax
import VectorKernels

/// Requests and results as JSON objects, problems as RFC 9457 has them.
struct JSONWire: Wire {
  func respond(to request: consuming Request, for operation: Operation, in context: WireContext) -> Response {
    do throws(RequestError) {
      return try results(of: consume request, for: operation, in: context)
    } catch {
      return Response(problem(for: error))
    }
  }

  /// Reads, validates, computes and writes, each step letting go of what the one before it made.
  private func results(
    of request: consuming Request, for operation: Operation, in context: WireContext
  ) throws(RequestError) -> Response {
    let (execution, memory) = (context.execution(forText: request.body.count), context.memory)
    let unvalidated = try read(request, for: operation, in: context, execution)
    _ = consume request
    guard operation.returnsTensors else {
      let check = try CheckRequest(consume unvalidated, limits: context.limits, wire: self)
      let report = try check.report(execution, memory)
      return Response(.ok, .json, body: report.json(execution.level, wire: self))
    }
    let validated = try Validator.validate(
      consume unvalidated, for: operation, limits: context.limits, wire: self)
    let capacity = JSONResponseEncoder.capacity(for: validated.plan)
    try memory.ask(toCarryOut: validated, encodedBytes: capacity)
    var encoder = JSONResponseEncoder(capacity: capacity, execution.level)
    try (consume validated).run(execution) { output, numbers, plan throws(ComputationError) in
      try encoder.write(output, numbers, of: plan, execution)
    }
    return Response(.ok, .json, body: encoder.finish())
  }

  private func read(
    _ request: borrowing Request, for operation: Operation, in context: WireContext, _ execution: Execution
  ) throws(RequestError) -> UnvalidatedRequest {
    try context.memory.ask(
      toReadJSON: request.body.span, beside: request.body.capacity - request.body.count)
    do throws(RequestError) {
      try Self.checkCharset(request)
      return try JSONRequestDecoder.decode(request.body.span, for: operation, limits: context.limits, execution)
    } catch {
      throw Self.explained(error, of: request, for: operation)
    }
  }

  // MARK: Its words

  func locate(_ location: Location) -> String { JSONPointer.text(of: location) }

  func name(of operation: Operation) -> String { operation.path }

  var mask: String { "\"-Infinity\"" }
  // What is not finite is a string.
  func scalarTensor(isFinite: Bool) -> String { isFinite ? "a bare number" : "a single value" }
  var candidateDemand: String { Self.candidateDemand }

  func tensor(of shape: TensorShape) -> String { shape.isEmpty ? scalarTensor : "an array of shape \(shape)" }

  func demand(for input: Input) -> String {
    switch input.descriptor.shape {
    case .anyRank:
      "nested arrays of \(input.descriptor.demand), such as "
        + (input.descriptor.elements == .probabilities ? "[0.2, 0.8]" : "[1.5, -0.25, 3]")
    case .logits, .target, .classes, .classesOrLogits, .batch, .losses: input.descriptor.demand
    }
  }

  func setting(_ parameter: Parameter, _ value: String) -> String { "\(quoted(parameter.name)): \(value)" }

  /// The smallest body that an operation takes.
  static func example(for operation: Operation) -> String {
    switch operation {
    case .softmax: #"{"logits": [1.5, -0.25, 3]}"#
    case .loss, .gradient: #"{"logits": [1.5, -0.25, 3], "target": 2}"#
    case .check: #"{"logits": [1.5, -0.25, 3], "target": 2, "candidate": {"loss": 0.233}}"#
    }
  }

  // MARK: What only the head and the bytes together tell

  /// RFC 8259 §11 gives the parameter charset no effect: only where a body is not ASCII can it contradict the bytes.
  private static func checkCharset(_ request: borrowing Request) throws(RequestError) {
    guard let charset = BodyType.otherCharset(of: request.head), request.body.contains(where: { $0 >= 0x80 }) else {
      return
    }
    throw .unsupportedBody(detail: "The charset is \(quoted(charset)); send JSON in UTF-8, and name no other charset")
  }

  /// A syntax error whose cause lies before the JSON.
  private static func explained(
    _ error: RequestError, of request: borrowing Request, for operation: Operation
  ) -> RequestError {
    guard case .malformed(_, let offset) = error else { return error }
    if request.body.isEmpty {
      return .malformed(
        detail: !request.head.hasQuery
          ? "The body is empty; send a JSON object, such as \(example(for: operation))"
          : "What is asked for goes into a JSON body, not after \"?\", such as \(example(for: operation))",
        offset: 0)
    }
    guard let guess = BodyGuess(request.body.span, errorAt: offset) else { return error }
    let cure =
      operation.returnsTensors
      ? "numbers as bytes go to POST /v2/models/\(operation.modelName)/infer" : "numbers are written as text here"
    return .malformed(detail: guess.sentence(example: example(for: operation), bytes: cure), offset: offset)
  }
}

/// JSON pointers (RFC 6901) in their URI fragment form (§6), which problem details use.
enum JSONPointer {
  /// The pointer to a place in a request's JSON body: `#/logits/3/1`.
  static func text(of location: Location) -> String {
    switch location {
    case .request: "#"
    case .field(let field, let path): path.reduce(into: "#/" + field.name) { $0 += "/\($1)" }
    case .candidate(let output, let path): path.reduce(into: candidates[output.rawValue]) { $0 += "/\($1)" }
    case .unknown(let name): text(of: MemberPath(name))
    case .member(let path): text(of: path)
    }
  }

  /// Those to a request's candidates, by their outputs: a report has dozens.
  private static let candidates = CheckedOutput.allCases.map { "#/\(RequestField.candidate.name)/\($0.name)" }

  /// The pointer to a place in any JSON document.
  static func text(of path: MemberPath) -> String {
    path.steps.reduce(into: "#") { text, step in
      switch step {
      case .name(let name): text += "/" + escaped(name.prefixOfUTF8(longestName))
      case .index(let index): text += "/\(index)"
      }
    }
  }

  /// A longer unknown name is cut, so that an answer stays small whatever the request.
  private static let longestName = 256

  /// A name as one reference token: `~` and `/` escaped as RFC 6901 §3 demands, then percent-encoded as RFC 3986 §3.5
  /// does.
  private static func escaped(_ name: String) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var bytes: [UInt8] = []
    for byte in name.utf8 {
      switch byte {
      case UInt8(ascii: "~"): bytes += "~0".utf8
      case UInt8(ascii: "/"): bytes += "~1".utf8
      case _ where ASCII.isAlphanumeric(byte) || fragmentMarks.contains(byte): bytes.append(byte)
      default: bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 0xF)]]
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// What a fragment may hold besides letters and digits.
  private static let fragmentMarks = Array("-._!$&'()*+,;=:@?".utf8)
}

/// Writes a computation's results as a JSON object.
struct JSONResponseEncoder: ~Copyable {
  private var writer: JSONWriter

  /// - Parameter capacity: the text's most bytes.
  init(capacity: Int, _ level: KernelLevel) {
    writer = JSONWriter(capacity: capacity, level: level)
    writer.beginObject()
  }

  /// The text.
  consuming func finish() -> [UInt8] {
    writer.endObject()
    return writer.finish()
  }

  /// Writes an output's numbers, row-major, as the computation itself is run.
  /// - Throws: ``ComputationError/cancelled``.
  mutating func write(
    _ output: Output, _ numbers: [Double], of plan: ResponsePlan, _ execution: Execution
  ) throws(ComputationError) {
    writer.name(output.name)
    let shape = plan.shape(of: output)
    switch output.descriptor.content {
    case .numbers:
      let isWhole = writer.tensor(
        numbers.span, extents: shape.span, format: plan.format, parallel: execution.parallel,
        isCancelled: { execution.isCancelled() })
      guard isWhole else { throw .cancelled }
    case .indices:
      var position = 0
      write(indices: numbers, shape: shape[...], &position)
    case .derivation: write(derivation: numbers, of: plan)
    }
  }

  private mutating func write(indices: [Double], shape: Slice<TensorShape>, _ position: inout Int) {
    guard let extent = shape.first else {
      writer.integer(Int(indices[position]))
      position += 1
      return
    }
    writer.beginArray()
    for _ in 0..<extent { write(indices: indices, shape: shape.dropFirst(), &position) }
    writer.endArray()
  }

  private mutating func write(derivation numbers: [Double], of plan: ResponsePlan) {
    let (classes, format) = (plan.geometry.classes, plan.format)
    func write(_ name: String, _ step: DerivationStep) {
      writer.name(name)
      let shape: TensorShape = step == .dLdyHatL ? [] : [classes]
      writer.tensor(numbers.span.extracting(step.range(classes: classes)), extents: shape.span, format: format)
    }
    writer.beginObject()
    write("y_hat", .yHat)
    write("dL_dy_hat_l", .dLdyHatL)
    writer.name("quotient_rule")
    writer.beginObject()
    write("first_term", .quotientFirst)
    write("second_term", .quotientSecond)
    writer.endObject()
    write("dy_hat_l_da", .dyHatLdA)
    write("chain_rule", .gradient)
    write("gradient", .gradient)
    writer.endObject()
  }

  /// An upper bound for the text's length, so that the buffer never grows: memory not written to costs nothing.
  static func capacity(for plan: ResponsePlan) -> Int {
    var capacity = 32
    for output in plan.outputs {
      let tensor = JSONWriter.capacity(forTensor: plan.shape(of: output).span)
      switch output.descriptor.content {
      case .numbers, .indices: capacity += 128 + tensor
      case .derivation: capacity += 1024 + 7 * tensor
      }
    }
    return capacity
  }
}
