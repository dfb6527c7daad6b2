/// Where a run of numbers stopped.
enum RunStop {
  /// Where a value must begin: the hot path does not take it, or the run's limit or the storage's end is reached.
  case beforeValue
  /// Behind a value, at a byte that is neither a comma nor white space, or near the text's end.
  case behindValue
}

/// The hot loop of reading: numbers with commas and white space between, into storage, for as long as all is ordinary.
///
/// - Parameters:
///   - position: where a value must begin; at the end, where the run stopped.
///   - limit: no number at or behind it is read.
@inline(never)
func readRun(
  _ text: Span<UInt8>, _ position: inout Int, limit: Int, into values: inout OutputSpan<Double>
) -> RunStop {
  let last = min(limit - 1, text.count - fastNumberReach)
  var cursor = position
  defer { position = cursor }
  while cursor <= last, !values.isFull {
    if isWhitespace(text[cursor]) {
      cursor &+= 1
      continue
    }
    let value = fastNumber(text, &cursor)
    if value.isNaN { return .beforeValue }
    values.append(value)
    // The number ended within reach, so a byte follows it.
    while text[cursor] != UInt8(ascii: ",") {
      guard isWhitespace(text[cursor]) else { return .behindValue }
      cursor &+= 1
      guard cursor < text.count else { return .behindValue }
    }
    cursor &+= 1
    if cursor < text.count, text[cursor] == 0x20 { cursor &+= 1 }
  }
  return .beforeValue
}
