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
        if beginsNonFiniteWord { return .number }
        throw nonFiniteOrElse(.expectedDigit, at: position + 1)
      }
      return .number
    case UInt8(ascii: "t"), UInt8(ascii: "f"): return .boolean
    case UInt8(ascii: "n") where byteAfterCurrent != UInt8(ascii: "a"): return .null
    case UInt8(ascii: "N"), UInt8(ascii: "n"), UInt8(ascii: "I"), UInt8(ascii: "i"):
      if beginsNonFiniteWord { return .number }
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
  /// What was wrong at `offset`.
  public enum Reason: Sendable, Hashable, CaseIterable {
    /// The text ends before the value does.
    case unexpectedEnd
    /// A byte order mark before the text (RFC 8259 §8.1).
    case byteOrderMark
    /// A byte that begins no value, where a value must begin.
    case expectedValue
    /// A comma or a closing bracket after a comma, where a value must begin.
    case trailingComma
    /// Something else than `,` or `]` after an element.
    case expectedCommaOrBracket
    /// Something else than `,` or `}` after a member.
    case expectedCommaOrBrace
    /// Something else than a string, where a member's name must begin.
    case expectedName
    /// Something else than `:` after a member's name.
    case expectedColon
    /// A misspelt `true`, `false` or `null`.
    case invalidLiteral
    /// A bare `NaN`, `Infinity`, `-inf` or the like, which Python's json module and others write and JSON does not
    /// have.
    case nonFiniteLiteral
    /// A comment, which JSON does not have.
    case comment
    /// A number with a zero before its first digit.
    case leadingZero
    /// A number without a digit where there must be one.
    case expectedDigit
    /// A control character in a string that is not escaped (RFC 8259 §7).
    case controlCharacter
    /// A backslash that no escape follows.
    case invalidEscape
    /// Bytes in a string that are not UTF-8 (RFC 3629).
    case invalidUTF8
    /// Arrays and objects nested deeper than the reader allows.
    case tooDeep
    /// Something else than white space after the value.
    case trailingContent
  }

  /// The zero-based offset of the byte at which the text stops being JSON; the text's length if it ends too early.
  public let offset: Int
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
