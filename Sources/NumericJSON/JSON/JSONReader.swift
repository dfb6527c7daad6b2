internal import Allocation
public import VectorKernels

/// What a JSON value is; its first byte says so.
public enum JSONKind: Sendable, Hashable { case object, array, string, number, boolean, null }

/// A pull reader of one JSON text (RFC 8259, strictly): the caller asks for what it expects, and no tree is built.
///
/// Each `read` function expects a value of its kind and throws `expectedValue` at another. UTF-8 is checked in every
/// string, also in skipped ones. An escaped surrogate without its partner, which the grammar allows, reads as U+FFFD.
/// After an error the reader's position is undefined.
///
/// The work is linear in the text's length. The stack's depth does not grow with nesting, which costs one bit a level.
public struct JSONReader: ~Escapable {
  /// Containers may be nested this deep; deeper ones are `tooDeep`.
  public static var maximumDepth: Int { 64 }

  let text: Span<UInt8>
  let level: KernelLevel
  /// Whether the words NaN, Infinity and -Infinity are numbers.
  let takesNonFiniteWords: Bool
  var position = 0
  var depth = 0
  /// Whether nothing was read since the innermost container was opened, so that no comma may come next.
  var isFirst = false

  /// - Parameters:
  ///   - bytes: the text.
  ///   - level: the instruction set to use; the processor must have it.
  ///   - takesNonFiniteWords: whether NaN, Infinity and -Infinity are read where a number may stand, which RFC 8259
  ///     does not know and several libraries write.
  @_lifetime(copy bytes)
  public init(_ bytes: Span<UInt8>, level: KernelLevel = .baseline, takesNonFiniteWords: Bool = false) {
    text = bytes
    self.level = level
    self.takesNonFiniteWords = takesNonFiniteWords
  }

  /// The kind of the next value. White space before it is skipped.
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
      if let next = byteAfterCurrent, next | 0x20 == UInt8(ascii: "i") || next | 0x20 == UInt8(ascii: "n") {
        if nonFiniteWord != nil { return .number }
        throw nonFiniteOrElse(.expectedDigit, at: position + 1)
      }
      return .number
    case UInt8(ascii: "t"), UInt8(ascii: "f"): return .boolean
    case UInt8(ascii: "n") where byteAfterCurrent != UInt8(ascii: "a"): return .null
    case UInt8(ascii: "N"), UInt8(ascii: "n"), UInt8(ascii: "I"), UInt8(ascii: "i"):
      if nonFiniteWord != nil { return .number }
      throw nonFiniteOrElse(.expectedValue, at: position)
    case 0xEF where position == 0 && text.matches("\u{FEFF}", at: 0): throw failure(.byteOrderMark)
    default: throw failureHere(.expectedValue)
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

  /// How many bytes have been read.
  public var offset: Int { position }

  /// Checks that only white space follows.
  @_lifetime(self: copy self)
  public mutating func finish() throws(JSONSyntaxError) {
    skipWhitespace()
    if position < text.count { throw failureHere(.trailingContent) }
  }
}

/// Why a text is not JSON, and where: thrown for every departure from RFC 8259, and for nothing else.
public struct JSONSyntaxError: Error, Sendable, Hashable {
  /// What was wrong at `offset`; ``JSONSyntaxError/description`` says each in a sentence.
  public enum Reason: Sendable, Hashable, CaseIterable {
    case unexpectedEnd, byteOrderMark, expectedValue, trailingComma, expectedCommaOrBracket, expectedCommaOrBrace,
      expectedName, expectedColon, invalidLiteral, nonFiniteLiteral, comment, leadingZero, expectedDigit,
      controlCharacter, invalidEscape, invalidUTF8, tooDeep, trailingContent
  }

  /// The zero-based offset of the byte at which the text stops being JSON; the text's length if it ends too early.
  public let offset: Int
  /// What was wrong there.
  public let reason: Reason

  /// An error at a byte of the text.
  package init(offset: Int, reason: Reason) {
    self.offset = offset
    self.reason = reason
  }
}

extension JSONSyntaxError: CustomStringConvertible {
  /// One sentence for a person, without the offset and a full stop.
  public var description: String {
    switch reason {
    case .unexpectedEnd: "The text ends before its JSON value does"
    case .byteOrderMark: "The text begins with a byte order mark; send UTF-8 without one"
    case .expectedValue:
      "A JSON value must stand here; numbers begin with a digit or a minus sign, the words are true, false and null"
    case .trailingComma: "A comma must be followed by another value; remove the one before this place"
    case .expectedCommaOrBracket: "A comma or a closing bracket ']' must follow an array's element"
    case .expectedCommaOrBrace: "A comma or a closing brace '}' must follow an object's member"
    case .expectedName: "An object's member must begin with its name, a string in double quotes"
    case .expectedColon: "A colon must follow a member's name"
    case .invalidLiteral: "The only words in JSON are true, false and null"
    case .nonFiniteLiteral: "JSON has no NaN and no Infinity; numbers must be finite"
    case .comment: "JSON has no comments; remove the text from \"//\", \"/*\" or \"#\" on"
    case .leadingZero: "A number has no zero before its first digit"
    case .expectedDigit: "A number must have a digit here"
    case .controlCharacter: "A control character in a string must be escaped"
    case .invalidEscape: "A backslash in a string must begin one of JSON's escapes"
    case .invalidUTF8: "The text is not valid UTF-8"
    case .tooDeep: "Arrays and objects nest too deep; \(JSONReader.maximumDepth) levels are read"
    case .trailingContent: "Only white space may follow the JSON value"
    }
  }
}

extension JSONReader {
  /// Skips a value of any kind, with the same checks as if it were read.
  @_lifetime(self: copy self)
  public mutating func skipValue() throws(JSONSyntaxError) {
    // One bit for each container, the innermost lowest: 1 for an object. `depth` is at most 64.
    var objects: UInt64 = 0
    let outerDepth = depth
    while true {
      switch try peekKind() {
      case .string: _ = try skipString()
      case .number: if readNonFiniteWord() == nil { try scanNumber() }
      case .boolean: _ = try readBoolean()
      case .null: try readNull()
      case .object:
        try beginObject()
        objects = objects << 1 | 1
      case .array:
        try beginArray()
        objects <<= 1
      }
      while true {
        if depth == outerDepth { return }
        if objects & 1 == 1 ? try skipName() : try nextElement() { break }
        objects >>= 1
      }
    }
  }

  /// `nextMember` without the name.
  @_lifetime(self: copy self)
  private mutating func skipName() throws(JSONSyntaxError) -> Bool {
    guard try nextItem(closing: UInt8(ascii: "}"), orElse: .expectedCommaOrBrace) else { return false }
    guard currentByte == UInt8(ascii: "\"") else { throw failureHere(.expectedName) }
    _ = try skipString()
    try skipColon()
    return true
  }
}

// MARK: - Structure

extension JSONReader {
  @_lifetime(self: copy self)
  mutating func open(_ bracket: UInt8) throws(JSONSyntaxError) {
    skipWhitespace()
    guard currentByte == bracket else { throw failureHere(.expectedValue) }
    guard depth < JSONReader.maximumDepth else { throw failure(.tooDeep) }
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
    guard text.matches(literal, at: position) else {
      throw position < text.count ? failureAfterPrefix(of: literal) : failure(.unexpectedEnd)
    }
    position += literal.utf8CodeUnitCount
  }

  @inline(__always)
  @_lifetime(self: copy self)
  mutating func skipWhitespace() { position = text.endOfWhitespace(from: position) }

  @inline(__always)
  var currentByte: UInt8? { position < text.count ? text[position] : nil }

  var byteAfterCurrent: UInt8? { position + 1 < text.count ? text[position + 1] : nil }
}

/// RFC 8259 §2: space, tab, line feed, carriage return and nothing else.
@inline(__always)
func isWhitespace(_ byte: UInt8) -> Bool {
  byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
}

// MARK: - Failures

extension JSONReader {
  func failure(_ reason: JSONSyntaxError.Reason) -> JSONSyntaxError {
    JSONSyntaxError(offset: position, reason: reason)
  }

  /// `reason` if there is a byte at the position, else `unexpectedEnd`; `comment` where one begins.
  func failureHere(_ reason: JSONSyntaxError.Reason) -> JSONSyntaxError {
    guard let byte = currentByte else { return failure(.unexpectedEnd) }
    let isComment = byte == UInt8(ascii: "#") || text.matches("//", at: position) || text.matches("/*", at: position)
    return failure(isComment ? .comment : reason)
  }

  /// The error at the first byte that differs from a literal.
  func failureAfterPrefix(of literal: StaticString) -> JSONSyntaxError {
    let bytes = literal.span
    var length = 0
    while length < bytes.count, position + length < text.count, text[position + length] == bytes[length] { length += 1 }
    let offset = position + length
    if length == 0 { return failure(.expectedValue) }
    return JSONSyntaxError(offset: offset, reason: offset < text.count ? .invalidLiteral : .unexpectedEnd)
  }

  /// `nonFiniteLiteral` if a word at the position is one that Python, C or C++ prints for a number, in any case; else
  /// `reason`.
  func nonFiniteOrElse(_ reason: JSONSyntaxError.Reason, at offset: Int) -> JSONSyntaxError {
    let start = currentByte == UInt8(ascii: "-") ? position + 1 : position
    let isWord = text.matchesInAnyCase("nan", at: start) || text.matchesInAnyCase("inf", at: start)
    return isWord ? failure(.nonFiniteLiteral) : JSONSyntaxError(offset: offset, reason: reason)
  }
}

extension Span where Element == UInt8 {
  /// Whether the bytes from `offset` on begin with a literal.
  func matches(_ literal: StaticString, at offset: Int) -> Bool {
    let bytes = literal.span
    guard bytes.count <= count - offset else { return false }
    for index in bytes.indices where self[offset + index] != bytes[index] { return false }
    return true
  }

  /// Whether the bytes from `offset` on begin with a word, which is given in lower case.
  func matchesInAnyCase(_ word: StaticString, at offset: Int) -> Bool {
    let bytes = word.span
    guard bytes.count <= count - offset else { return false }
    for index in bytes.indices where self[offset + index] | 0x20 != bytes[index] { return false }
    return true
  }

  /// The first offset from `offset` on that has no white space.
  @inline(__always)
  func endOfWhitespace(from offset: Int) -> Int {
    var offset = offset
    while offset < count, isWhitespace(self[offset]) { offset += 1 }
    return offset
  }
}
