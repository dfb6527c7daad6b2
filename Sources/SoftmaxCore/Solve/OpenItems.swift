/// A batch item with outputs that the first stage left open.
struct OpenItem: Sendable {
  let number: Int
  /// How many of its outputs are open.
  let count: Int
  /// Whether its loss is among them.
  var isLossOpen = false
}

/// The items with open outputs, as they are dealt out to threads for the other stages.
///
/// A row costs some microseconds a class there, so that few rows are worth a thread's while. The outputs of one row may be
/// dealt out too, where they cost much more than the exponentials that each part of them needs anew.
struct OpenItems: Sendable {
  /// Some of the outputs of some items.
  struct Run {
    let items: Range<Int>
    /// Of how many parts of an item's outputs this is which; more than one only for a single item.
    let part: Int
    let parts: Int

    /// Which of an item's `count` outputs are in this part.
    func outputs(of count: Int) -> Range<Int> { (count * part / parts)..<(count * (part + 1) / parts) }
  }

  /// Elements that are worth a thread's while.
  private static let least = 64
  private static let mostParts = 8

  /// `nil` where all items are open.
  private let items: [OpenItem]?
  private let outputs: Int
  let runs: [Run]

  /// - Parameters:
  ///   - items: what the first stage left, in order; `nil` where it was not asked.
  ///   - layout: the logits'.
  ///   - outputs: how many outputs an item has.
  init(_ items: [OpenItem]?, _ layout: Layout, outputs: Int) {
    self.items = items
    self.outputs = outputs
    let count = items?.count ?? layout.batch
    let length = max(1, Self.least / layout.classes)
    var runs: [Run] = []
    var start = 0
    while start < count {
      let parts = min(Self.mostParts, (items?[start].count ?? outputs) / (32 * layout.classes))
      if parts > 1 {
        for part in 0..<parts { runs.append(Run(items: start..<(start + 1), part: part, parts: parts)) }
        start += 1
      } else {
        let end = min(count, start + length)
        runs.append(Run(items: start..<end, part: 0, parts: 1))
        start = end
      }
    }
    self.runs = runs
  }

  /// Whether the first stage was asked, so that open outputs are NaN.
  var arePartly: Bool { items != nil }

  subscript(index: Int) -> OpenItem {
    items?[index] ?? OpenItem(number: index, count: outputs, isLossOpen: true)
  }
}
