/// Asks about every millisecond of work whether to go on, and says when the work has become expensive.
struct Poll {
  private let execution: Execution?
  private var nanoseconds = 0
  /// The third stage is at work, whose cost depends on more than the problem's size.
  var isUnbounded = false

  init(_ execution: Execution) { self.execution = execution }

  /// Never says no.
  init() { execution = nil }

  /// Says that about so much work is about to be done.
  @inline(__always) mutating func spend(_ cost: Int) throws(ComputationError) {
    nanoseconds &+= cost
    if nanoseconds > 500_000 { try ask() }
  }

  @inline(never) private mutating func ask() throws(ComputationError) {
    let spent = nanoseconds
    nanoseconds = 0
    guard let execution else { return }
    if isUnbounded, execution.expense.add(spent) { execution.becameExpensive() }
    if execution.isCancelled() { throw .cancelled }
  }
}
