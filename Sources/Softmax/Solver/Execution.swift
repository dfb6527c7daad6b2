internal import Synchronization
public import VectorKernels

/// How to compute, never what: no value here changes a bit of any result.
public struct Execution: Sendable {
  /// The instruction set that this processor has.
  public let level: KernelLevel
  private let host: any ExecutionHost

  /// Computes with an instruction set that the processor has, as the host lets it.
  package init(level: KernelLevel, host: any ExecutionHost) {
    self.level = level
    self.host = host
  }

  /// By the calling thread alone, to the end: for tests and benchmarks.
  package init(level: KernelLevel = .baseline) { self.init(level: level, host: CallingThread()) }

  /// The same from another stage on, or counted.
  package func from(_ stage: Stage, counting counter: StageCounter? = nil) -> Execution {
    Execution(level: level, host: ObservedHost(host, stage, counter))
  }

  /// The first stage to ask.
  var firstStage: Stage { host.firstStage }
  /// What counts how many outputs each stage is asked for, if anything does.
  var counter: StageCounter? { host.counter }

  /// Asked about every 0.1 ms of work; `true` ends the computation with ``ComputationError/cancelled``.
  public var isCancelled: @Sendable () -> Bool { host.isCancelled }
  /// Calls the body once for each of `0..<count`, in any order, perhaps at once, and returns when all have returned.
  public var parallel: @Sendable (_ count: Int, _ body: (Int) -> Void) -> Void { host.parallel }

  fileprivate func reportUnboundedWork(_ nanoseconds: Int) { host.reportUnboundedWork(nanoseconds) }

  private final class CallingThread: ExecutionHost {
    let isCancelled: @Sendable () -> Bool = { false }
    let parallel: @Sendable (Int, (Int) -> Void) -> Void = { count, body in for index in 0..<count { body(index) } }
    let reportUnboundedWork: @Sendable (Int) -> Void = { _ in }
  }

  /// Another host, with what tests and benchmarks choose.
  private final class ObservedHost: ExecutionHost {
    private let host: any ExecutionHost
    let firstStage: Stage
    let counter: StageCounter?

    init(_ host: any ExecutionHost, _ firstStage: Stage, _ counter: StageCounter?) {
      self.host = host
      self.firstStage = firstStage
      self.counter = counter
    }

    var isCancelled: @Sendable () -> Bool { host.isCancelled }
    var parallel: @Sendable (Int, (Int) -> Void) -> Void { host.parallel }
    var reportUnboundedWork: @Sendable (Int) -> Void { host.reportUnboundedWork }
  }
}

/// Who runs a computation.
///
/// An object, because every step of a computation is handed it: that costs one reference count, not one for each
/// closure.
package protocol ExecutionHost: AnyObject, Sendable {
  /// Whether to stop; see ``Execution/isCancelled``.
  var isCancelled: @Sendable () -> Bool { get }
  /// Runs parts of the work; see ``Execution/parallel``.
  var parallel: @Sendable (_ count: Int, _ body: (Int) -> Void) -> Void { get }
  /// Called about every 0.1 ms of work beyond the vector stage, and at its end, with the nanoseconds of it since
  /// the last call: what is left may take long. May wait, and may make ``isCancelled`` return `true`.
  var reportUnboundedWork: @Sendable (_ nanoseconds: Int) -> Void { get }
  /// The first stage to ask.
  var firstStage: Stage { get }
  /// What counts how many outputs each stage is asked for, if anything does.
  var counter: StageCounter? { get }
}

extension ExecutionHost {
  package var firstStage: Stage { .vector }
  package var counter: StageCounter? { nil }
}

/// Why a valid problem was not computed.
public enum ComputationError: Error, Sendable, Hashable {
  /// ``Execution/isCancelled`` said so: the deadline passed, or nobody waits any more.
  case cancelled
  /// `upstream` has not as many numbers as the loss, or one that is not finite.
  case upstreamDoesNotFit
  /// The vector that the Hessian is multiplied by has not as many numbers as the logits, or one that is not finite; or
  /// the loss is more than cross-entropy of softmax.
  case vectorDoesNotFit
  /// The derivation's logits are not one row, or capped, or its target is not a class of it, or a masked one; or
  /// the divergence's is no distribution over the classes.
  case targetDoesNotFit
}

/// Asks about every 0.1 ms of work whether to go on, and reports the work beyond the vector stage.
struct CancellationPoll {
  private let execution: Execution?
  private var nanoseconds = 0
  /// A stage beyond the vector's is at work: a number costs a hundred times as much, or what no bound on the problem's
  /// size limits.
  var isUnbounded = false

  init(_ execution: Execution) { self.execution = execution }

  /// Never cancels.
  init() { execution = nil }

  /// Announces work of about `cost` nanoseconds.
  @inline(__always) mutating func spend(_ cost: Int) throws(ComputationError) {
    nanoseconds &+= cost
    if nanoseconds > 100_000 { try ask() }
  }

  @inline(never) private mutating func ask() throws(ComputationError) {
    report()
    if let execution, execution.isCancelled() { throw .cancelled }
  }

  /// Reports what has not been told yet.
  mutating func report() {
    if isUnbounded, nanoseconds > 0 { execution?.reportUnboundedWork(nanoseconds) }
    nanoseconds = 0
  }
}

/// Runs what asks a poll whether to go on, which always says yes: then it throws nothing.
@inline(__always)
func withoutCancellation<Value>(_ body: (inout CancellationPoll) throws(ComputationError) -> Value) -> Value {
  var poll = CancellationPoll()
  do throws(ComputationError) {
    return try body(&poll)
  } catch {
    preconditionFailure("\(error)")
  }
}

extension Execution {
  /// Calls `body` for each of `0..<count`, perhaps at once.
  /// - Returns: the results of `body`, joined in order; `nil` for a count of zero.
  /// - Throws: what any of them threw; ``ComputationError/cancelled`` where one was not begun any more.
  @inline(__always)
  func reduce<Part: Sendable>(
    _ count: Int, join: (Part, Part) -> Part, _ body: (Int) throws(ComputationError) -> Part
  ) throws(ComputationError) -> Part? {
    guard count > 0 else { return nil }
    guard count > 1 else { return try body(0) }
    typealias Outcome = Result<Part, ComputationError>
    let outcomes = Mutex([Outcome](repeating: .failure(.cancelled), count: count))
    parallel(count) { k in
      // A body with little to do may end before it asks.
      guard !isCancelled() else { return }
      let outcome = Outcome { () throws(ComputationError) in try body(k) }
      outcomes.withLock { $0[k] = outcome }
    }
    let parts = outcomes.withLock { $0 }
    var whole = try parts[0].get()
    for part in parts.dropFirst() { whole = join(whole, try part.get()) }
    return whole
  }
}

/// The rows of a batch in chunks that are worth a thread.
struct ParallelChunks {
  private let rows: Range<Int>
  let count: Int

  /// - Parameters:
  ///   - rows: those wanted; nil for all.
  ///   - least: elements that a chunk has at least, if there are as many.
  init(_ layout: Layout, _ rows: Range<Int>? = nil, least: Int = 8192) {
    self.rows = rows ?? 0..<layout.batch
    count = max(1, min(self.rows.count, self.rows.count * layout.classes / least))
  }

  /// The rows of chunk `k`.
  subscript(k: Int) -> Range<Int> {
    (rows.lowerBound + rows.count * k / count)..<(rows.lowerBound + rows.count * (k + 1) / count)
  }
}
