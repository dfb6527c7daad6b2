internal import KernelDispatch
internal import Kernels

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
  _ text: Span<UInt8>, _ position: inout Int, limit: Int, _ level: KernelLevel,
  into values: inout OutputSpan<Double>
) -> RunStop {
  // Without vectors of its own a processor gains nothing.
  if level == .baseline {
    return readOneByOne(text, &position, limit: limit, atMost: .max, into: &values) ?? .beforeValue
  }
  // How many numbers are read one by one before eights are tried: at first some, since short runs would not pay for it, then
  // that at which the eights stopped, and the more the more often there were none.
  let (loops, powers) = (level.loops, PowersOfTen.forReading)
  var patience = 16
  while true {
    if let stop = readOneByOne(text, &position, limit: limit, atMost: patience, into: &values) { return stop }
    let before = values.count
    loops.readLongNumbers(text, &position, limit: limit, powers: powers, into: &values)
    patience = values.count &- before >= 8 ? 1 : min(2 &* patience, 1024)
  }
}

/// Reads up to `count` numbers, each where it stands; returns nil if there may be more.
private func readOneByOne(
  _ text: Span<UInt8>, _ position: inout Int, limit: Int, atMost count: Int, into values: inout OutputSpan<Double>
) -> RunStop? {
  // Safe: an element is written only below the buffer's count, in order, and `filled` says how many were.
  unsafe values.withUnsafeMutableBufferPointer { buffer, filled in
    let last = min(limit &- 1, text.count &- NearText.reach)
    guard position >= 0, last >= 0 else { return .beforeValue }
    // The loop keeps these two in registers.
    var cursor = position
    var index = filled
    defer {
      position = cursor
      filled = index
    }
    let end = buffer.count &- filled > count ? filled &+ count : buffer.count
    while UInt(bitPattern: cursor) <= UInt(bitPattern: last), index < end {
      let near = NearText(text, at: cursor)
      guard let (end, pattern) = fastNumber(near, at: cursor) else {
        guard isWhitespace(near.byte(cursor)) else { return .beforeValue }
        cursor = behindWhitespace(text, cursor)
        continue
      }
      unsafe buffer[index] = Double(bitPattern: pattern)
      index &+= 1
      cursor = end
      if near.byte(end) != UInt8(ascii: ",") {
        cursor = behindWhitespace(text, end)
        guard cursor < text.count, text[cursor] == UInt8(ascii: ",") else { return .behindValue }
      }
      cursor &+= 1
    }
    return index < end || end == buffer.count ? .beforeValue : nil
  }
}

/// The same where the text's end is too near for the hot loop to look ahead: it reads a copy of the last bytes with zeros
/// behind them, which are part of no number. Of a request of ten numbers these are three.
@inline(never)
func readLastRun(
  _ text: Span<UInt8>, _ position: inout Int, _ level: KernelLevel, into values: inout OutputSpan<Double>
) -> RunStop {
  guard position < text.count, text.count - position < NearText.reach else { return .beforeValue }
  let rest = text.extracting(position..<text.count)
  var copy = InlineArray<128, UInt8>(repeating: 0)
  for index in 0..<min(rest.count, copy.count) { copy[index] = rest[index] }
  var cursor = 0
  let stop = readRun(copy.span, &cursor, limit: rest.count, level, into: &values)
  position += cursor
  return stop
}

/// Out of line, to leave the hot loop its registers.
@inline(never)
private func behindWhitespace(_ text: Span<UInt8>, _ position: Int) -> Int { text.endOfWhitespace(from: position) }
