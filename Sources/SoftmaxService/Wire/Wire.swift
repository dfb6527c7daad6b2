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
