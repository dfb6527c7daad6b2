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
  // Safe: an element is written only below the buffer's count, in order, and `count` says how many were.
  unsafe values.withUnsafeMutableBufferPointer { buffer, count in
    let last = min(limit &- 1, text.count &- NearText.reach)
    var cursor = position
    defer { position = cursor }
    while cursor <= last, count < buffer.count {
      let near = NearText(text, at: cursor)
      guard let (length, pattern) = fastNumber(near) else {
        guard isWhitespace(near.byte(0)) else { return .beforeValue }
        cursor &+= 1
        continue
      }
      unsafe buffer[count] = Double(bitPattern: pattern)
      count &+= 1
      cursor &+= length
      if near.byte(length) != UInt8(ascii: ",") {
        cursor = text.endOfWhitespace(from: cursor)
        guard cursor < text.count, text[cursor] == UInt8(ascii: ",") else { return .behindValue }
        cursor &+= 1
      } else {
        cursor &+= near.byte(length &+ 1) == 0x20 ? 2 : 1
      }
    }
    return .beforeValue
  }
}
