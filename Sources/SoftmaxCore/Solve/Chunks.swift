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
  /// - Returns: what `body` makes of the chunks, in order and joined, and what the stages were asked for.
  /// - Throws: what any of them threw.
  func reduce<Part: Sendable>(
    _ execution: Execution, from stage: Stage, join: (Part, Part) -> Part,
    _ body: (Range<Int>, inout Climb) throws(ComputationError) -> Part
  ) throws(ComputationError) -> (Part, StageCounts) {
    if count == 1 {
      var climb = Climb(execution, from: stage)
      return (try body(self[0], &climb), climb.counts)
    }
    typealias Outcome = Result<(Part, StageCounts), ComputationError>
    let outcomes = Shelf<Outcome>.filled(count, with: .failure(.cancelled)) { outcomes in
      execution.parallel(count) { k in
        outcomes[k] = Outcome { () throws(ComputationError) in
          var climb = Climb(execution, from: stage)
          return (try body(self[k], &climb), climb.counts)
        }
      }
    }
    var (whole, counts) = try outcomes[0].get()
    for outcome in outcomes.dropFirst() {
      let part = try outcome.get()
      whole = join(whole, part.0)
      counts = counts + part.1
    }
    return (whole, counts)
  }
}
