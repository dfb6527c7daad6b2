extension JSONReader {
  /// Passes over a value of any kind, with the same checks as if it were read.
  @_lifetime(self: copy self)
  public mutating func skipValue() throws(JSONSyntaxError) {
    /// One bit a container, the innermost lowest: 1 for an object. `depth` never passes 64.
    var objects: UInt64 = 0
    let outerDepth = depth
    while true {
      switch try peekKind() {
      case .string: _ = try skipString()
      case .number: try scanNumber()
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
