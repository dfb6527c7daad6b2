import HTTPCore
import NumericJSON

extension Response {
  /// The one place that maps why a request gets no results to a status and a body.
  init(_ refusal: Refusal) {
    switch refusal {
    case .syntax(let error):
      let detail =
        error.offset == 0 && error.reason == .unexpectedEnd
        ? "The body is empty; send a JSON object; GET / shows what it may hold"
        : "At byte \(error.offset): \(error.sentence)"
      self.init(ProblemType.invalidJSON.problem(detail, offset: error.offset))
    case .tooManyLogits(let limit):
      self.init(
        ProblemType.tooManyLogits.problem(
          "logits holds more than \(limit) numbers, the most that this service takes in one request; send several",
          errors: [Problem.Fault(pointer: "#/logits", detail: "logits holds more than \(limit) numbers")]))
    case .invalid(let list):
      let count = list.faults.count
      let detail =
        if list.isTruncated {
          "The body has more than \(count) faults; errors lists the first \(count)"
        } else if let only = list.faults.first, count == 1 {
          only.sentence
        } else {
          "The body has \(count) faults; errors lists them"
        }
      self.init(ProblemType.invalidInput.problem(detail, errors: list.faults.map(Problem.Fault.init)))
    case .zeroNormaliser(let fault):
      self.init(ProblemType.zeroNormaliser.problem(fault.sentence, errors: [Problem.Fault(fault)]))
    case .cancelled:
      self.init(
        ProblemType.deadlineExceeded.problem(
          "The answer was not computed in the time that a request has (--request-timeout); send fewer logits, or ask again after "
            + "the seconds in Retry-After"),
        fields: [.retryAfter: "\(retryAfterSeconds)"])
    case .outOfMemory:
      self.init(
        ProblemType.overloaded.problem(
          "The server has no memory for this request now; ask again after the seconds in Retry-After"),
        fields: [.retryAfter: "1"])
    case .needsTooMuchMemory(let bytes):
      self.init(
        ProblemType.needsTooMuchMemory.problem(
          "The answer needs about \(bytes >> 20) MiB of memory, more than this server has for one request (--max-memory); "
            + "send fewer logits, or ask for fewer outputs, in several requests"))
    case .inconsistency:
      self.init(ProblemType.internalError.problem("The service refused its own validated input"))
    }
  }
}

/// How long a client whose request was ended at its deadline should wait before it tries again.
private let retryAfterSeconds = 5

extension Problem.Fault {
  init(_ fault: Fault) {
    self.init(pointer: JSONPointer.text(of: fault.place), detail: fault.sentence)
  }
}
