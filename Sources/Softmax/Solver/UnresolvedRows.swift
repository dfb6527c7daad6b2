/// A row with outputs that the vector stage left open.
struct UnresolvedRow: Sendable {
  let number: Int
  /// How many of its outputs are open.
  let count: Int
  /// Whether its loss is among them.
  var isLossOpen = false
}

/// The rows with open outputs, as threads share them out for the other stages.
///
/// A row costs some microseconds a class there, so that a few rows are worth a thread. The outputs of one row are
/// shared out too where they cost much more than the row's exponentials, which each part computes anew.
struct UnresolvedRows: Sendable {
  /// What one thread takes at a time: some rows, or a part of one row's outputs.
  struct Share {
    let rows: Range<Int>
    /// Which of how many parts of the row's outputs it is.
    let part: Int
    let parts: Int

    /// Which of a row's `count` outputs are in this part.
    func outputs(of count: Int) -> Range<Int> { (count * part / parts)..<(count * (part + 1) / parts) }
  }

  /// How many logits are worth a thread, at least.
  private static let leastElements = 64
  private static let mostParts = 8

  /// `nil` where all rows are open.
  private let rows: [UnresolvedRow]?
  private let outputs: Int
  let shares: [Share]

  /// - Parameters:
  ///   - rows: what the vector stage left open, in order; `nil` where it was not asked.
  ///   - layout: the logits'.
  ///   - outputs: how many outputs a row has.
  init(_ rows: [UnresolvedRow]?, layout: Layout, outputs: Int) {
    self.rows = rows
    self.outputs = outputs
    let count = rows?.count ?? layout.batch
    let length = max(1, Self.leastElements / layout.classes)
    var shares: [Share] = []
    var start = 0
    while start < count {
      let parts = min(Self.mostParts, (rows?[start].count ?? outputs) / (32 * layout.classes))
      if parts > 1 {
        for part in 0..<parts { shares.append(Share(rows: start..<(start + 1), part: part, parts: parts)) }
        start += 1
      } else {
        let end = min(count, start + length)
        shares.append(Share(rows: start..<end, part: 0, parts: 1))
        start = end
      }
    }
    self.shares = shares
  }

  /// Whether the vector stage was asked, so that the open outputs are those that are NaN.
  var haveResults: Bool { rows != nil }

  subscript(index: Int) -> UnresolvedRow {
    rows?[index] ?? UnresolvedRow(number: index, count: outputs, isLossOpen: true)
  }
}
