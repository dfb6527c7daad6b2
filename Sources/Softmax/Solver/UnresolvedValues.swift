/// Functions of one row that are not rounded yet.
struct UnresolvedValues: UnresolvedOutputs {
  struct Entry {
    let value: RowValue
    /// Where the result goes in the buffer.
    let position: Int
  }

  let row: LogitsRow
  let format: ResultFormat
  let buffer: ConcurrentOutputBuffer<Double>
  private var entries: [Entry]

  /// Writes what is known without arithmetic at once.
  init(_ entries: [Entry], of row: LogitsRow, format: ResultFormat, into buffer: ConcurrentOutputBuffer<Double>) {
    self.entries = entries.filter { entry in
      guard let known = row.known(entry.value) else { return true }
      buffer[entry.position] = known
      return false
    }
    self.row = row
    self.format = format
    self.buffer = buffer
  }

  var unresolvedCount: Int { entries.count }

  mutating func resolve<A: Arithmetic>(
    with arithmetic: A, _ poll: inout CancellationPoll
  ) throws(ComputationError) {
    var sums = try SoftmaxSums(row, arithmetic, &poll)
    var left: [Entry] = []
    for entry in entries {
      try poll.spend(arithmetic.costOfExponential / 4)
      if let result = try result(entry.value, &sums, &poll) {
        buffer[entry.position] = result
      } else {
        left.append(entry)
      }
    }
    entries = left
  }

  private func result<A: Arithmetic>(
    _ value: RowValue, _ sums: inout SoftmaxSums<A>, _ poll: inout CancellationPoll
  ) throws(ComputationError) -> Double? {
    sums.arithmetic.nearest(
      to: try sums.enclosure(of: value, &poll), in: format, isIrrational: row.isIrrational(value),
      mostBits: row.mostBits(value))
  }
}
