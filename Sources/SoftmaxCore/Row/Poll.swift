/// Asks about every millisecond of work whether to go on.
struct Poll {
  private let isCancelled: @Sendable () -> Bool
  private var nanoseconds = 0

  init(_ execution: Execution) { isCancelled = execution.isCancelled }

  /// Never says no.
  init() { isCancelled = { false } }

  /// Says that about so much work is about to be done.
  @inline(__always) mutating func spend(_ cost: Int) throws(ComputationError) {
    nanoseconds &+= cost
    if nanoseconds > 500_000 { try ask() }
  }

  @inline(never) private mutating func ask() throws(ComputationError) {
    nanoseconds = 0
    if isCancelled() { throw .cancelled }
  }
}
