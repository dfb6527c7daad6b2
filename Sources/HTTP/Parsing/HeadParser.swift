internal import Allocation

/// Parses a request's head (RFC 9112 §2 to §6) from bytes that may arrive in any pieces.
///
/// Each call of `parse` gets all bytes since the head's first one. It returns the head's length once the head is
/// complete, nil while it is not, and throws at the first byte that no valid head can have there. The result depends on
/// the bytes alone, not on the pieces, and the total cost is linear in the bytes.
struct HeadParser: Sendable {
  private var scanner = LineScanner()
  private var skippedLines = 0
  private var line: RequestLine?
  private var section = FieldSection()

  /// Whether the request starts with the method HEAD, whatever is wrong with the rest: then even an error is answered
  /// without a body (RFC 9110 §9.3.2).
  private(set) var isHead = false

  /// Empty lines that may precede a request (§2.2): some clients send one or two after a body.
  private static let maximumEmptyLines = 2

  /// Whether `bytes`, all so far, contain more than empty lines that may precede a request, the last perhaps
  /// incomplete.
  func hasBegun(_ bytes: Span<UInt8>) -> Bool {
    let rest = bytes.extracting((2 * skippedLines)...)
    return rest.count > 1
      || !rest.isEmpty
        && (rest[0] != ASCII.carriageReturn || skippedLines == Self.maximumEmptyLines)
  }

  mutating func parse(
    _ bytes: Span<UInt8>, limits: HTTPLimits, into head: inout RequestHead?
  ) throws(ParseFailure) -> Int? {
    if line == nil {
      guard try parseRequestLine(bytes, limits) else { return nil }
    }
    while true {
      guard let range = try scanner.nextLine(in: bytes, before: limits.headBytes, else: .headTooLarge) else {
        return nil
      }
      guard !range.isEmpty else { break }
      try section.take(bytes, range, limit: limits.fieldCount, else: .tooManyFields)
    }
    head = try completeHead(bytes.extracting(first: scanner.lineStart))
    return scanner.lineStart
  }

  /// Returns false until the line is complete.
  private mutating func parseRequestLine(_ bytes: Span<UInt8>, _ limits: HTTPLimits) throws(ParseFailure) -> Bool {
    // Room for the target, a method and a version.
    let bound =
      limits.targetBytes < limits.headBytes ? min(limits.headBytes, limits.targetBytes + 64) : limits.headBytes
    while true {
      let start = scanner.lineStart
      isHead = bytes.word(from: start, to: min(start + 5, bytes.count)) == ASCII.word("HEAD ")
      guard
        let range = try scanner.nextLine(
          in: bytes, before: bound, else: RequestLine.overlong(bytes.extracting(first: bound - 1)))
      else { return false }
      if range.isEmpty, skippedLines < Self.maximumEmptyLines {
        skippedLines += 1
        continue
      }
      line = try RequestLine(bytes, range, targetLimit: limits.targetBytes)
      return true
    }
  }

  /// Checks what the fields mean together.
  private mutating func completeHead(_ bytes: Span<UInt8>) throws(ParseFailure) -> RequestHead? {
    guard let line = line.take() else { return nil }
    let semantics = section.semantics
    if line.version == .http11, !semantics.hasHost { throw ParseFailure(.hostMissing, at: bytes.count) }
    if semantics.isChunked {
      guard line.version == .http11 else { throw ParseFailure(.transferEncodingInHTTP10, at: bytes.count) }
      guard semantics.contentLength == nil else {
        throw ParseFailure(.transferEncodingWithContentLength, at: bytes.count)
      }
    }
    if line.version == .http11, let offset = semantics.unknownExpectation {
      throw ParseFailure(.expectationUnknown, at: offset)
    }
    let framing: BodyFraming =
      if semantics.isChunked { .chunked } else if let length = semantics.contentLength { .length(length) } else {
        .none
      }
    let lines = [UInt8](copying: bytes.extracting(droppingLast: 2))
    return RequestHead(line, fields: Fields(head: lines, section.index), framing: framing, semantics: semantics)
  }
}

extension RequestHead {
  /// A connection keeps no longer head between two requests.
  static let longestRepeated = 1024

  /// The head that begins `bytes` and its length, if that is this one once more but for the value of Content-Length.
  ///
  /// That is what most clients send on a connection, and comparing costs a fraction of parsing. Nil says only that it
  /// must be parsed. How long a comparison takes tells nothing of what this head holds.
  func repeated(in bytes: Span<UInt8>, limit: Int) -> (head: RequestHead, count: Int)? {
    let own = fields.bytes
    let lines = own.span
    let value = contentLengthRange ?? lines.count..<lines.count
    var end = value.lowerBound
    if contentLengthRange != nil {
      // As many digits as Int has.
      while end < min(bytes.count, value.lowerBound + 19), ASCII.isDigit(bytes[end]) { end += 1 }
    }
    let rest = lines.extracting(value.upperBound...)
    let count = end + rest.count + 2
    guard mayRepeat, count <= min(bytes.count, limit) else { return nil }
    // Both, whatever the first says.
    let isBefore = bytes.extracting(first: value.lowerBound).equals(lines.extracting(first: value.lowerBound))
    let isAfter = bytes.extracting(end..<count - 2).equals(rest)
    guard isBefore, isAfter, bytes[count - 2] == ASCII.carriageReturn, bytes[count - 1] == ASCII.lineFeed else {
      return nil
    }
    guard contentLengthRange != nil else { return (self, count) }
    let range = value.lowerBound..<end
    guard let length = try? HeadSemantics.length(bytes, range) else { return nil }
    guard framing != .length(length) else { return (self, count) }
    return (RequestHead(self, [UInt8](copying: bytes.extracting(first: count - 2)), length: length, at: range), count)
  }
}

/// A request's first line (RFC 9112 §3): method, target and version, with single spaces between them.
struct RequestLine: Sendable {
  let method: Method
  let target: RequestTarget
  let version: HTTPVersion

  /// Parses `bytes[line]`, which contains no control character except perhaps HTAB.
  init(_ bytes: Span<UInt8>, _ line: Range<Int>, targetLimit: Int) throws(ParseFailure) {
    var index = bytes.endOfToken(from: line.lowerBound, to: line.upperBound)
    let methodRange = line.lowerBound..<index
    guard !methodRange.isEmpty, index < line.upperBound, bytes[index] == ASCII.space else {
      throw ParseFailure(.requestLineMalformed, at: index)
    }
    let targetStart = index + 1
    index = bytes.firstSpace(from: targetStart, to: line.upperBound)
    let target = targetStart..<index
    guard !target.isEmpty, index < line.upperBound else { throw ParseFailure(.requestLineMalformed, at: index) }
    guard target.count <= targetLimit else { throw ParseFailure(.targetTooLong, at: targetStart) }
    version = try Self.version(bytes, index + 1..<line.upperBound)
    guard let method = Method(bytes, methodRange) else {
      throw ParseFailure(.methodUnknown, at: methodRange.lowerBound)
    }
    self.method = method
    self.target = try RequestTarget(bytes, target, method: method)
  }

  /// Why a line is refused that is longer than `bytes`, the most that is read of one: its target is too long, its
  /// method is longer than any known one (§3), or it is no request line.
  static func overlong(_ bytes: Span<UInt8>) -> ParseError {
    if bytes.firstSpace(from: 0, to: bytes.count) < bytes.count { return .targetTooLong }
    return bytes.endOfToken(from: 0, to: bytes.count) == bytes.count ? .methodUnknown : .requestLineMalformed
  }

  /// Exactly `HTTP/` digit `.` digit, in capitals. A minor version above 1 is served as HTTP/1.1 (RFC 9110 §2.5).
  private static func version(_ bytes: Span<UInt8>, _ range: Range<Int>) throws(ParseFailure) -> HTTPVersion {
    let start = range.lowerBound
    let word = bytes.word(from: start, to: range.upperBound)
    if range.count == 8, word == ASCII.word("HTTP/1.1") { return .http11 }
    guard range.count == 8, word & ~versionDigits == ASCII.word("HTTP/0.0") & ~versionDigits,
      ASCII.isDigit(bytes[start + 5]), ASCII.isDigit(bytes[start + 7])
    else { throw ParseFailure(.versionMalformed, at: start) }
    guard bytes[start + 5] == UInt8(ascii: "1") else { throw ParseFailure(.versionUnsupported, at: start) }
    return bytes[start + 7] == UInt8(ascii: "0") ? .http10 : .http11
  }

  /// The bytes of a version that are digits.
  private static var versionDigits: UInt64 { 0xFF00_FF00_0000_0000 }
}

extension Method {
  /// The method named by `bytes[range]`, or nil if it is not implemented.
  init?(_ bytes: Span<UInt8>, _ range: Range<Int>) {
    // The longest name has seven letters.
    guard range.count < 8,
      let place = Self.words.firstIndex(of: bytes.word(from: range.lowerBound, to: range.upperBound))
    else { return nil }
    self.init(rawValue: place)
  }

  /// Each name as `Span.word(from:to:)` reads it.
  private static let words = names.map { $0.utf8.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) } }
}

/// Finds the lines of a head or a trailer section: each ends in CRLF and contains no control character but HTAB
/// (RFC 9112 §2.2).
///
/// It remembers how far it has scanned, so bytes that arrive one at a time cost no more than bytes that arrive at once.
/// The result depends on the bytes alone, not on the pieces.
struct LineScanner: Sendable {
  /// Where the next line starts.
  private(set) var lineStart: Int
  /// Up to here, no line end has been found since `lineStart`.
  private var scanned: Int

  init(from start: Int = 0) {
    lineStart = start
    scanned = start
  }

  /// The next line without its CRLF, or nil until more bytes have arrived. A line that does not end before `bound` is
  /// refused as `tooLong`.
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
