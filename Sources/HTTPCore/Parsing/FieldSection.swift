/// The field lines of a head or of a trailer section, read one after another, and what they say about the message's framing.
struct FieldSection: Sendable {
  private(set) var index = FieldIndex()
  private(set) var framing = FramingFields()

  /// Validates the field line `bytes[line]` (RFC 9112 §5) and takes note of it.
  ///
  /// The name is a token with a colon at once after it (§5.1); of the value only the white space around it is dropped.
  /// The scanner has already refused control characters.
  @inline(__always)
  mutating func take(
    _ bytes: Span<UInt8>, _ line: Range<Int>, limit: Int, else tooMany: ParseError
  ) throws(ParseFailure) {
    guard index.count < limit else { throw ParseFailure(tooMany, at: line.lowerBound) }
    let colon = bytes.endOfToken(from: line.lowerBound, to: line.upperBound)
    guard colon > line.lowerBound, colon < line.upperBound, bytes[colon] == UInt8(ascii: ":") else {
      // White space at the start of a line: a folded line (§5.2), or one after the start line (§2.2).
      let first = bytes[line.lowerBound]
      let isFolded = first == ASCII.space || first == ASCII.tab
      throw ParseFailure(isFolded ? .foldedLine : .fieldNameInvalid, at: colon)
    }
    let name = line.lowerBound..<colon
    try framing.note(bytes, name: name, value: bytes.trimmed(colon + 1..<line.upperBound))
    index.append(bytes.extracting(name), at: line.lowerBound)
  }
}

extension Span<UInt8> {
  /// `range` without the spaces and tabs at its ends (RFC 9110 §5.6.3).
  @inline(__always)
  func trimmed(_ range: Range<Int>) -> Range<Int> {
    var start = range.lowerBound
    var end = range.upperBound
    while start < end, self[start] == ASCII.space || self[start] == ASCII.tab { start += 1 }
    while end > start, self[end - 1] == ASCII.space || self[end - 1] == ASCII.tab { end -= 1 }
    return start..<end
  }
}
