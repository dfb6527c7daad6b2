extension Execution {
  /// Works through `0..<count`, perhaps at once.
  /// - Returns: what `body` makes of each, in order and joined; `nil` for a count of zero.
  /// - Throws: what any of them threw.
  func reduce<Part: Sendable>(
    _ count: Int, join: (Part, Part) -> Part, _ body: (Int) throws(ComputationError) -> Part
  ) throws(ComputationError) -> Part? {
    guard count > 0 else { return nil }
    guard count > 1 else { return try body(0) }
    typealias Outcome = Result<Part, ComputationError>
    let outcomes = Shelf<Outcome>.filled(count, with: .failure(.cancelled)) { outcomes in
      parallel(count) { k in
        outcomes[k] = Outcome { () throws(ComputationError) in try body(k) }
      }
    }
    var whole = try outcomes[0].get()
    for outcome in outcomes.dropFirst() { whole = join(whole, try outcome.get()) }
    return whole
  }
}

/// Batch items in runs that are worth a thread's while.
struct Chunks {
  private let items: Int
  let count: Int

  /// - Parameter least: elements that a chunk has at least, if there are so many.
  init(_ layout: Layout, least: Int = 8192) {
    items = layout.batch
    count = max(1, min(layout.batch, layout.count / least))
  }

  /// The items of chunk `k`.
  subscript(k: Int) -> Range<Int> {
    (items * k / count)..<(items * (k + 1) / count)
  }
}
