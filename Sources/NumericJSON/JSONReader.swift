public import Kernels

/// What a JSON value is, as its first byte tells.
public enum JSONKind: Sendable, Hashable { case object, array, string, number, boolean, null }

/// A pull reader of one JSON text (RFC 8259, strictly): the caller asks for what it expects, and no tree is built.
///
/// Each `read` function expects that `peekKind()` told of its kind; where another stands, it throws `expectedValue`.
/// UTF-8 is checked in every string, also in those skipped. An escaped surrogate without its partner, which the grammar
/// allows, reads as U+FFFD. After an error the reader's position is not defined.
///
/// The work is linear in the text's length, and the stack's depth is fixed: nesting costs a bit, not a frame.
public struct JSONReader: ~Escapable {
  /// The deepest nesting that any reader allows.
  public static var deepest: Int { 64 }

  let text: Span<UInt8>
  let maximumDepth: Int
  let level: KernelLevel
  var position = 0
  var depth = 0
  /// Whether the innermost container was opened last, so that no comma may stand before what follows.
  var isFirst = false

  /// - Parameters:
  ///   - bytes: the text.
  ///   - maximumDepth: containers nested deeper are `tooDeep`; at most 64.
  ///   - level: the instruction set that this processor has.
  @_lifetime(copy bytes)
  public init(_ bytes: Span<UInt8>, maximumDepth: Int = JSONReader.deepest, level: KernelLevel = .baseline) {
    text = bytes
    self.level = level
    self.maximumDepth = min(maximumDepth, JSONReader.deepest)
  }

  /// The zero-based offset of the byte that is read next.
  public var offset: Int { position }

  /// The kind of the value that comes next; white space before it is passed over.
  @_lifetime(self: copy self)
  public mutating func peekKind() throws(JSONSyntaxError) -> JSONKind {
    skipWhitespace()
    guard let byte = currentByte else { throw failure(.unexpectedEnd) }
    switch byte {
    case UInt8(ascii: "{"): return .object
    case UInt8(ascii: "["): return .array
    case UInt8(ascii: "\""): return .string
    case UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
    case UInt8(ascii: "-"):
      if byteAfterCurrent == UInt8(ascii: "I") { throw nonFiniteOrElse(.expectedDigit, at: position + 1) }
      return .number
    case UInt8(ascii: "t"), UInt8(ascii: "f"): return .boolean
    case UInt8(ascii: "n"): return .null
    case UInt8(ascii: "N"), UInt8(ascii: "I"): throw nonFiniteOrElse(.expectedValue, at: position)
    case 0xEF where position == 0 && matches("\u{FEFF}", at: 0): throw failure(.byteOrderMark)
    default: throw failure(.expectedValue)
    }
  }

  /// Reads `{`.
  @_lifetime(self: copy self)
  public mutating func beginObject() throws(JSONSyntaxError) {
    try open(UInt8(ascii: "{"))
  }

  /// Reads `[`.
  @_lifetime(self: copy self)
  public mutating func beginArray() throws(JSONSyntaxError) {
    try open(UInt8(ascii: "["))
  }

  /// Reads up to the next member's value and returns its name, or reads `}` and returns nil.
  @_lifetime(copy self)
  @_lifetime(self: copy self)
  public mutating func nextMember() throws(JSONSyntaxError) -> JSONString? {
    guard try nextItem(closing: UInt8(ascii: "}"), orElse: .expectedCommaOrBrace) else { return nil }
    guard currentByte == UInt8(ascii: "\"") else { throw failureHere(.expectedName) }
    let name = try scanString()
    try skipColon()
    return name
  }

  /// Reads up to the next element and returns true, or reads `]` and returns false.
  @_lifetime(self: copy self)
  public mutating func nextElement() throws(JSONSyntaxError) -> Bool {
    try nextItem(closing: UInt8(ascii: "]"), orElse: .expectedCommaOrBracket)
  }

  /// Reads `true` or `false`.
  @_lifetime(self: copy self)
  public mutating func readBoolean() throws(JSONSyntaxError) -> Bool {
    skipWhitespace()
    if currentByte == UInt8(ascii: "t") {
      try readLiteral("true")
      return true
    }
    try readLiteral("false")
    return false
  }

  /// Reads `null`.
  @_lifetime(self: copy self)
  public mutating func readNull() throws(JSONSyntaxError) {
    skipWhitespace()
    try readLiteral("null")
  }

  /// Demands that only white space follows.
  @_lifetime(self: copy self)
  public mutating func finish() throws(JSONSyntaxError) {
    skipWhitespace()
    if position < text.count { throw failure(.trailingContent) }
  }
}

// MARK: - Structure

extension JSONReader {
  @_lifetime(self: copy self)
  mutating func open(_ bracket: UInt8) throws(JSONSyntaxError) {
    skipWhitespace()
    guard currentByte == bracket else { throw failureHere(.expectedValue) }
    guard depth < maximumDepth else { throw failure(.tooDeep) }
    depth += 1
    position += 1
    isFirst = true
  }

  /// Moves to the container's next item and returns true, or past its closing bracket and returns false.
  @_lifetime(self: copy self)
  mutating func nextItem(
    closing: UInt8, orElse reason: JSONSyntaxError.Reason
  ) throws(JSONSyntaxError) -> Bool {
    skipWhitespace()
    if currentByte == closing {
      position += 1
      depth -= 1
      isFirst = false
      return false
    }
    if isFirst {
      isFirst = false
      return true
    }
    guard currentByte == UInt8(ascii: ",") else { throw failureHere(reason) }
    position += 1
    skipWhitespace()
    if currentByte == closing { throw failure(.trailingComma) }
    return true
  }

  @_lifetime(self: copy self)
  mutating func skipColon() throws(JSONSyntaxError) {
    skipWhitespace()
    guard currentByte == UInt8(ascii: ":") else { throw failureHere(.expectedColon) }
    position += 1
  }

  @_lifetime(self: copy self)
  mutating func readLiteral(_ literal: StaticString) throws(JSONSyntaxError) {
    guard matches(literal, at: position) else {
      throw position < text.count ? failureAfterPrefix(of: literal) : failure(.unexpectedEnd)
    }
    position += literal.utf8CodeUnitCount
  }

  /// RFC 8259 §2: space, tab, line feed, carriage return and nothing else.
  @inline(__always)
  @_lifetime(self: copy self)
  mutating func skipWhitespace() {
    while position < text.count, isWhitespace(text[position]) { position += 1 }
  }

  @inline(__always)
  var currentByte: UInt8? { position < text.count ? text[position] : nil }

  var byteAfterCurrent: UInt8? { position + 1 < text.count ? text[position + 1] : nil }
}

@inline(__always)
func isWhitespace(_ byte: UInt8) -> Bool {
  byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
}

// MARK: - Failures

extension JSONReader {
  func failure(_ reason: JSONSyntaxError.Reason) -> JSONSyntaxError {
    JSONSyntaxError(offset: position, reason: reason)
  }

  /// `reason` if there is a byte at the position, else `unexpectedEnd`.
  func failureHere(_ reason: JSONSyntaxError.Reason) -> JSONSyntaxError {
    failure(position < text.count ? reason : .unexpectedEnd)
  }

  /// The first byte at which the text departs from a literal that it does not match.
  func failureAfterPrefix(of literal: StaticString) -> JSONSyntaxError {
    var length = 0
    while length < literal.utf8CodeUnitCount, position + length < text.count,
      text[position + length] == literal.utf8(at: length)
    {
      length += 1
    }
    let offset = position + length
    if length == 0 { return failure(.expectedValue) }
    return JSONSyntaxError(offset: offset, reason: offset < text.count ? .invalidLiteral : .unexpectedEnd)
  }

  /// `nonFiniteLiteral` if the word at the position is one that Python's json module writes for a number.
  func nonFiniteOrElse(_ reason: JSONSyntaxError.Reason, at offset: Int) -> JSONSyntaxError {
    if matches("NaN", at: position) || matches("Infinity", at: position) || matches("-Infinity", at: position) {
      return failure(.nonFiniteLiteral)
    }
    return JSONSyntaxError(offset: offset, reason: reason)
  }

  func matches(_ literal: StaticString, at offset: Int) -> Bool {
    guard literal.utf8CodeUnitCount <= text.count - offset else { return false }
    for index in 0..<literal.utf8CodeUnitCount where text[offset + index] != literal.utf8(at: index) { return false }
    return true
  }
}

extension StaticString {
  /// One code unit of a literal; `index` is below `utf8CodeUnitCount`.
  @inline(__always)
  func utf8(at index: Int) -> UInt8 {
    precondition(index >= 0 && index < utf8CodeUnitCount)
    // Safe: the index is checked, and a literal's storage is immutable and never freed.
    return unsafe utf8Start[index]
  }
}
