import HTTP
import Softmax
import VectorKernels

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
