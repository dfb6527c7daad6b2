/// The field lines of a head or of a trailer section, and what they say about the message's framing.
struct FieldSection: Sendable {
  private(set) var lines: [Fields.Line] = []
  private(set) var framing = FramingFields()

  /// Gives the lines away.
  mutating func takeLines() -> [Fields.Line] {
    var taken: [Fields.Line] = []
    swap(&taken, &lines)
    return taken
  }

  /// Validates the field line `bytes[line]` (RFC 9112 §5) and keeps where it lies.
  ///
  /// The name is a token with a colon at once after it (§5.1); of the value only the white space around it is dropped.
  /// The scanner has already refused control characters.
  @inline(__always)
  mutating func append(
    _ bytes: Span<UInt8>, _ line: Range<Int>, limit: Int, else tooMany: ParseError
  ) throws(ParseFailure) {
    guard lines.count < limit else { throw ParseFailure(tooMany, at: line.lowerBound) }
    let index = bytes.endOfToken(from: line.lowerBound, to: line.upperBound)
    guard index > line.lowerBound, index < line.upperBound, bytes[index] == UInt8(ascii: ":") else {
      // White space at the start of a line: a folded line (§5.2), or one after the start line (§2.2).
      let first = bytes[line.lowerBound]
      let isFolded = first == ASCII.space || first == ASCII.tab
      throw ParseFailure(isFolded ? .foldedLine : .fieldNameInvalid, at: index)
    }
    let name = line.lowerBound..<index
    var start = index + 1
    var end = line.upperBound
    while start < end, bytes[start] == ASCII.space || bytes[start] == ASCII.tab { start += 1 }
    while end > start, bytes[end - 1] == ASCII.space || bytes[end - 1] == ASCII.tab { end -= 1 }
    try framing.note(bytes, name: name, value: start..<end)
    if lines.isEmpty { lines.reserveCapacity(16) }
    lines.append(
      Fields.Line(
        nameStart: Int32(truncatingIfNeeded: name.lowerBound),
        nameEnd: Int32(truncatingIfNeeded: name.upperBound),
        valueStart: Int32(truncatingIfNeeded: start),
        valueEnd: Int32(truncatingIfNeeded: end)))
  }
}
