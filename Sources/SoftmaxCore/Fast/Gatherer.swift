/// Hands out slices of tensors as contiguous rows.
struct Gatherer: Sendable {
  let layout: Layout
  /// [classes] where a slice's elements lie apart, else empty.
  private var row: [Double]

  init(_ layout: Layout) {
    self.layout = layout
    row = layout.inner == 1 ? [] : [Double](repeating: 0, count: layout.classes)
  }

  /// Calls `body` with item n's slice of a tensor of the logits' shape.
  mutating func read<Result, Failure: Error>(
    _ tensor: [Double], _ n: Int, _ body: (Span<Double>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let start = layout.start(of: n)
    guard layout.inner != 1 else { return try body(tensor.span.extracting(start..<(start + layout.classes))) }
    let source = tensor.span
    for c in 0..<layout.classes { row[c] = source[start + c * layout.inner] }
    return try body(row.span)
  }
}

extension Layout {
  /// Has `body` write item n's slice of a tensor of the logits' shape, which begins at a place of a shelf.
  /// - Returns: what `body` does.
  func write<Result>(
    _ shelf: Shelf<Double>, from place: Int, _ n: Int, _ body: (inout MutableSpan<Double>) -> Result
  ) -> Result {
    let start = place + start(of: n)
    guard inner != 1 else { return shelf.write(start..<(start + classes), body) }
    var results = [Double](repeating: 0, count: classes)
    var span = results.mutableSpan
    let result = body(&span)
    for c in 0..<classes { shelf[start + c * inner] = results[c] }
    return result
  }
}
