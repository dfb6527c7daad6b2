internal import Allocation

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
