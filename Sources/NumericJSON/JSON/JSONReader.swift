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
