public import Kernels

/// How to compute, never what: no value here changes a bit of any result.
public struct Execution: Sendable {
  /// The instruction set that this processor has.
  public var level: KernelLevel
  /// Asked about every millisecond of work; `true` ends the computation with ``ComputationError/cancelled``.
  public var isCancelled: @Sendable () -> Bool
  /// Calls the body once for each of `0..<count`, in any order, perhaps at once, and returns when all have returned.
  public var parallel: @Sendable (_ count: Int, _ body: (Int) -> Void) -> Void

  public init(
    level: KernelLevel = .baseline,
    isCancelled: @escaping @Sendable () -> Bool = { false },
    parallel: @escaping @Sendable (_ count: Int, _ body: (Int) -> Void) -> Void = { count, body in
      for index in 0..<count { body(index) }
    }
  ) {
    self.level = level
    self.isCancelled = isCancelled
    self.parallel = parallel
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
