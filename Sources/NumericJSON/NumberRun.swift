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
  // Safe: an element is written only below the buffer's count, in order, and `filled` says how many were.
  unsafe values.withUnsafeMutableBufferPointer { buffer, filled in
    let last = min(limit &- 1, text.count &- NearText.reach)
    guard position >= 0, last >= 0 else { return .beforeValue }
    // The loop keeps these two in registers.
    var cursor = position
    var count = filled
    defer {
      position = cursor
      filled = count
    }
    while UInt(bitPattern: cursor) <= UInt(bitPattern: last), count < buffer.count {
      let near = NearText(text, at: cursor)
      guard let (end, pattern) = fastNumber(near, at: cursor) else {
        guard isWhitespace(near.byte(cursor)) else { return .beforeValue }
        cursor = behindWhitespace(text, cursor)
        continue
      }
      unsafe buffer[count] = Double(bitPattern: pattern)
      count &+= 1
      cursor = end
      if near.byte(end) != UInt8(ascii: ",") {
        cursor = behindWhitespace(text, end)
        guard cursor < text.count, text[cursor] == UInt8(ascii: ",") else { return .behindValue }
      }
      cursor &+= 1
    }
    return .beforeValue
  }
}

/// The same where the text's end is too near for the hot loop to look ahead: it reads a copy of the last bytes with zeros
/// behind them, which are part of no number. Of a request of ten numbers these are three.
@inline(never)
func readLastRun(_ text: Span<UInt8>, _ position: inout Int, into values: inout OutputSpan<Double>) -> RunStop {
  guard position < text.count, text.count - position < NearText.reach else { return .beforeValue }
  let rest = text.extracting(position..<text.count)
  var copy = InlineArray<128, UInt8>(repeating: 0)
  for index in 0..<min(rest.count, copy.count) { copy[index] = rest[index] }
  var cursor = 0
  let stop = readRun(copy.span, &cursor, limit: rest.count, into: &values)
  position += cursor
  return stop
}

/// Out of line, to leave the hot loop its registers.
@inline(never)
private func behindWhitespace(_ text: Span<UInt8>, _ position: Int) -> Int { text.endOfWhitespace(from: position) }
