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
  public init(offset: Int, reason: Reason) {
    self.offset = offset
    self.reason = reason
  }
}

extension JSONSyntaxError: CustomStringConvertible {
  /// One sentence for a person, without the offset.
  public var description: String {
    switch reason {
    case .unexpectedEnd: "The text ends before its JSON value does."
    case .byteOrderMark: "The text begins with a byte order mark; send UTF-8 without one."
    case .expectedValue:
      "A JSON value must stand here; numbers begin with a digit or a minus sign, the words are true, false and null."
    case .trailingComma: "A comma must be followed by another value; remove the one before this place."
    case .expectedCommaOrBracket: "A comma or a closing bracket ']' must follow an array's element."
    case .expectedCommaOrBrace: "A comma or a closing brace '}' must follow an object's member."
    case .expectedName: "An object's member must begin with its name, a string in double quotes."
    case .expectedColon: "A colon must follow a member's name."
    case .invalidLiteral: "The only words in JSON are true, false and null."
    case .nonFiniteLiteral: "JSON has no NaN and no Infinity; numbers must be finite."
    case .comment: "JSON has no comments; remove the text from \"//\", \"/*\" or \"#\" on."
    case .leadingZero: "A number has no zero before its first digit."
    case .expectedDigit: "A number must have a digit here."
    case .controlCharacter: "A control character in a string must be escaped."
    case .invalidEscape: "A backslash in a string must begin one of JSON's escapes."
    case .invalidUTF8: "The text is not valid UTF-8."
    case .tooDeep: "Arrays and objects nest too deep; \(JSONReader.maximumDepth) levels are read."
    case .trailingContent: "Only white space may follow the JSON value."
    }
  }
}
