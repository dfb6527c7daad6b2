public import Kernels
internal import Synchronization

/// How to compute, never what: no value here changes a bit of any result.
public struct Execution: Sendable {
  /// The instruction set that this processor has.
  public var level: KernelLevel
  /// Asked about every millisecond of work; `true` ends the computation with ``ComputationError/cancelled``.
  public var isCancelled: @Sendable () -> Bool
  /// Calls the body once for each of `0..<count`, in any order, perhaps at once, and returns when all have returned.
  public var parallel: @Sendable (_ count: Int, _ body: (Int) -> Void) -> Void
  /// Called once the third stage has worked about a fifth of a second for this computation, and about every millisecond of
  /// its work from then on: what is left may take long. May wait, and may have ``isCancelled`` say `true`.
  public var becameExpensive: @Sendable () -> Void
  /// What the third stage has cost so far.
  let expense = Expense()

  public init(
    level: KernelLevel = .baseline,
    isCancelled: @escaping @Sendable () -> Bool = { false },
    parallel: @escaping @Sendable (_ count: Int, _ body: (Int) -> Void) -> Void = { count, body in
      for index in 0..<count { body(index) }
    },
    becameExpensive: @escaping @Sendable () -> Void = {}
  ) {
    self.level = level
    self.isCancelled = isCancelled
    self.parallel = parallel
    self.becameExpensive = becameExpensive
  }
}

/// The third stage's work for one computation, over all of its threads.
final class Expense: Sendable {
  /// Nanoseconds from which on a computation is expensive.
  private static let limit = 200_000_000

  private let nanoseconds = Atomic<Int>(0)

  /// Adds to it. - Returns: whether the computation has become expensive.
  func add(_ cost: Int) -> Bool {
    nanoseconds.add(cost, ordering: .relaxed).newValue > Self.limit
  }
}

/// Why a valid problem was not computed.
public enum ComputationError: Error, Sendable, Hashable {
  /// ``Execution/isCancelled`` said so: the deadline passed, or nobody waits any more.
  case cancelled
  /// `upstream` has not as many numbers as the loss, or one that is not finite.
  case upstreamDoesNotFit
  /// The derivation's logits are not one slice, or its target is not a class of it, or a masked one.
  case targetDoesNotFit
}
