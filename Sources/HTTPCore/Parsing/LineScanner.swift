/// Finds the lines of a head or a trailer section: each ends in CRLF, and holds no control but HTAB (RFC 9112 §2.2).
///
/// It remembers how far it has looked, so that bytes fed one at a time cost no more than fed at once, and what it says
/// depends on the bytes alone, not on how they were cut.
struct LineScanner: Sendable {
  /// Where the next line starts.
  private(set) var lineStart: Int
  /// Up to here, no line end has been found since `lineStart`.
  private var scanned: Int

  init(from start: Int = 0) {
    lineStart = start
    scanned = start
  }

  /// The next line without its CRLF, or nil until more bytes are there. One that does not end before `bound`
  /// is `tooLong`.
  @inline(__always)
  mutating func nextLine(
    in bytes: Span<UInt8>, before bound: Int, else tooLong: @autoclosure () -> ParseError
  ) throws(ParseFailure) -> Range<Int>? {
    let last = bound - 1
    let end = min(bytes.count, last)
    let index = bytes.firstControl(from: scanned, to: end)
    scanned = index
    guard index < end else {
      if index >= last { throw ParseFailure(tooLong(), at: bound) }
      return nil
    }
    guard bytes[index] == ASCII.carriageReturn else {
      throw ParseFailure(bytes[index] == ASCII.lineFeed ? .bareLineFeed : .controlCharacter, at: index)
    }
    guard index + 1 < bytes.count else { return nil }
    guard bytes[index + 1] == ASCII.lineFeed else { throw ParseFailure(.bareCarriageReturn, at: index) }
    let line = lineStart..<index
    lineStart = index + 2
    scanned = lineStart
    return line
  }
}
