/// Batch items in runs that are worth a thread's while.
struct Chunks {
  private let items: Int
  let count: Int

  /// Elements that a chunk has at least, if there are so many.
  private static let least = 8192

  init(_ layout: Layout) {
    items = layout.batch
    count = max(1, min(layout.batch, layout.count / Self.least))
  }

  /// The items of chunk `k`.
  subscript(k: Int) -> Range<Int> {
    (items * k / count)..<(items * (k + 1) / count)
  }

  /// Works through all chunks, perhaps at once, each with a climb of its own.
  /// - Returns: what the stages were asked for.
  /// - Throws: what any of them threw.
  func forEach(
    _ execution: Execution, from stage: Stage,
    _ body: (Int, Range<Int>, inout Climb) throws(ComputationError) -> Void
  ) throws(ComputationError) -> StageCounts {
    if count == 1 {
      var climb = Climb(execution, from: stage)
      try body(0, self[0], &climb)
      return climb.counts
    }
    let counts = Shelf(repeating: StageCounts(), count: count)
    let errors = Shelf<ComputationError?>(repeating: nil, count: count)
    execution.parallel(count) { k in
      var climb = Climb(execution, from: stage)
      do throws(ComputationError) {
        try body(k, self[k], &climb)
        counts[k] = climb.counts
      } catch {
        errors[k] = error
      }
    }
    var sum = StageCounts()
    for k in 0..<count {
      if let error = errors[k] { throw error }
      sum = sum + counts[k]
    }
    return sum
  }
}
