public import HTTP
import Softmax
import VectorKernels

/// A format in which requests come and results go.
///
/// A wire reads a body into an ``UnvalidatedRequest``, has it validated and run, and writes the results; and it says in
/// its own terms where something is wrong and what to send instead. Validation knows of it only the words below.
protocol Wire: Sendable {
  /// The results of an operation, or the problem for which there are none.
  func respond(to request: consuming Request, for operation: Operation, in context: WireContext) -> Response

  /// Where a place of the request is: a JSON pointer, for example.
  func locate(_ location: Location) -> String

  /// What an operation is called, in a sentence.
  func name(of operation: Operation) -> String
  /// How the logit of a masked class is written.
  var mask: String { get }
  /// What a tensor of the shape [] is called, whose number is finite or not.
  func scalarTensor(isFinite: Bool) -> String
  /// What a tensor of a shape is called.
  func tensor(of shape: TensorShape) -> String
  /// What to send for an input, in a sentence after "send".
  func demand(for input: Input) -> String
  /// What to send for a check to compare, in a sentence after "send".
  var candidateDemand: String { get }
  /// How a parameter is set.
  func setting(_ parameter: Parameter, _ value: String) -> String
}

extension Wire {
  /// What a tensor of the shape [] is called.
  var scalarTensor: String { scalarTensor(isFinite: true) }

  /// What was found of a tensor.
  func found(_ shape: TensorShape) -> String { shape.isEmpty ? "is \(scalarTensor)" : "has shape \(shape)" }

  /// The only place that maps why a request gets no results to a type of problem and a sentence.
  func problem(for error: RequestError) -> ProblemDetails {
    switch error {
    case .malformed(let detail, let offset): return ProblemType.invalidJSON.problem(detail, offset: offset)
    case .unsupportedBody(let detail): return ProblemType.unsupportedMediaType.problem(detail)
    case .tooManyLogits(let limit):
      let detail = ProblemType.sentence(aboutMoreLogitsThan: limit)
      return ProblemType.tooManyLogits.problem(
        detail, errors: [ProblemDetails.Fault(pointer: locate(.field(.input(.logits))), detail: detail)])
    case .invalid(let list):
      return ProblemType.invalidInput.problem(
        summary(of: list, sentence: \.sentence, ending: ", in errors"), errors: list.faults.map(entry))
    case .zeroNormaliser(let fault):
      return ProblemType.zeroNormaliser.problem(fault.sentence, errors: [entry(for: fault)])
    case .outOfMemory: return .outOfMemory
    case .needsTooMuchMemory(let bytes):
      return ProblemType.needsTooMuchMemory.problem(ProblemType.sentence(aboutMemory: bytes))
    case .cancelled:
      return ProblemType.deadlineExceeded.problem(
        "The answer was not computed in the time that a request has (--request-timeout); "
          + "send fewer logits, or try again after the seconds in Retry-After")
    case .inconsistency: return ProblemType.internalError.usual
    }
  }

  /// The first fault whole, since many clients show no more than this, and how many there are besides.
  /// - Parameters:
  ///   - sentence: what is said of a fault.
  ///   - ending: where the others are.
  func summary(of list: FaultList, sentence: (InputFault) -> String, ending: String) -> String {
    guard let first = list.faults.first.map(sentence) else { return "The request is not valid" }
    let others = list.faults.count - 1
    if list.isTruncated { return "\(first); and more than \(others) other faults\(ending)" }
    return others == 0 ? first : "\(first); and \(others) more fault\(others == 1 ? "" : "s")\(ending)"
  }

  private func entry(for fault: InputFault) -> ProblemDetails.Fault {
    ProblemDetails.Fault(pointer: locate(fault.location), detail: fault.sentence)
  }
}

/// What a wire works with besides the request.
struct WireContext: Sendable {
  let limits: Limits
  let levels: KernelLevelPolicy
  let request: RequestContext

  /// What sets memory aside before the work takes it.
  var memory: WorkingMemory { WorkingMemory(request) }

  /// How to work on a body of this many bytes of text.
  func execution(forText bytes: Int) -> Execution {
    Execution(level: levels.level(forText: bytes), host: request)
  }
}

extension RequestContext: ExecutionHost {}

/// Sets memory aside before a request's work takes it, in two steps: what its text can hold, then what its answer
/// needs.
struct WorkingMemory {
  /// A number that is read, and the array that it grows out of.
  private static let bytesPerNumberRead = 24
  private static let bytesPerNumber = MemoryLayout<Double>.stride
  /// A logit of a check, with the probabilities and their logarithms that its hypotheses are computed from.
  private static let bytesPerLogitChecked = 120
  /// A candidate's number, and the exact one beside it.
  private static let bytesPerNumberChecked = 16

  private let context: RequestContext

  init(_ context: RequestContext) { self.context = context }

  /// Before a body of JSON is read: there are no more numbers in it than half its bytes, and where that is too much to
  /// ask for, no more than commas and one.
  ///
  /// - Parameter others: bytes that the body has besides, and that its array has room for.
  func ask(toReadJSON text: Span<UInt8>, beside others: Int = 0) throws(RequestError) {
    let most = others + text.count + text.count / 2 * Self.bytesPerNumberRead
    guard most > RequestContext.unaskedBytes else { return }
    if case .granted = context.reserveMemory(most) { return }
    let commas = BaselineLoops.countCommas(text, stopsAtColon: false).commas
    try ask(others + text.count + (commas + 1) * Self.bytesPerNumberRead)
  }

  /// Before numbers are copied from a body's bytes, which stay.
  func ask(toCopyNumbers count: Int, from bodyBytes: Int) throws(RequestError) {
    let (bytes, overflow) = count.multipliedReportingOverflow(by: Self.bytesPerNumber)
    guard !overflow, bytes < Int.max - bodyBytes else { throw .needsTooMuchMemory(bytes: .max) }
    guard bytes + bodyBytes > RequestContext.unaskedBytes else { return }
    try ask(bytes + bodyBytes)
  }

  /// Before a request is carried out, when its text has been let go.
  ///
  /// - Parameters:
  ///   - encodedBytes: what the wire takes for the answer.
  ///   - isInPlace: whether the results are computed where they stand in the answer.
  func ask(
    toCarryOut request: borrowing ValidatedRequest, encodedBytes: Int, isInPlace: Bool = false
  ) throws(RequestError) {
    var bytes = request.work.memory(threads: context.threads) + encodedBytes
    if !isInPlace {
      let plan = request.plan
      for output in plan.outputs { bytes += plan.count(of: output) * Self.bytesPerNumber }
    }
    guard bytes > RequestContext.unaskedBytes else { return }
    try ask(bytes)
  }

  /// Before a check, when the text has been let go.
  func ask(toCheck logits: Int, outputs: Int) throws(RequestError) {
    let bytes = logits * (Self.bytesPerLogitChecked + outputs * Self.bytesPerNumberChecked)
    guard bytes > RequestContext.unaskedBytes else { return }
    try ask(bytes)
  }

  private func ask(_ bytes: Int) throws(RequestError) {
    switch context.reserveMemory(bytes) {
    case .granted: break
    case .notNow: throw .outOfMemory
    case .never: throw .needsTooMuchMemory(bytes: bytes)
    }
  }
}

extension ValidatedRequest.Work {
  /// Bytes that the inputs take, and what `threads` threads keep of the rows that they compute.
  fileprivate func memory(threads: Int) -> Int {
    switch self {
    case .softmax(let problem): return problem.logits.byteCount + problem.bytesAtWork(threads: threads)
    case .loss(let work):
      let (problem, softmax) = (work.problem, work.problem.softmax)
      let target =
        switch problem.target {
        case .indices(let indices): indices.count * MemoryLayout<Int>.stride
        case .probabilities(let numbers), .logits(let numbers): numbers.byteCount
        }
      return softmax.logits.byteCount + target + (work.vector?.byteCount ?? 0) + problem.bytesAtWork(threads: threads)
    }
  }
}
