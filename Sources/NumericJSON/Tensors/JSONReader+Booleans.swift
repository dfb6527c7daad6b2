/// Nested arrays of booleans as read; the parts are those of ``ParsedTensor``.
public struct ParsedBooleans: Sendable, Hashable {
  public var extents: [Int] = []
  public var values: [Bool] = []
  public var faults: [TensorFault] = []
  public var isTooLarge = false
}

extension JSONReader {
  /// Reads `true`, `false`, or nested arrays of these; what does not fit is a fault, as in `readTensor`.
  @_lifetime(self: copy self)
  public mutating func readBooleans(limits: TensorLimits) throws(JSONSyntaxError) -> ParsedBooleans {
    skipWhitespace()
    var builder = TensorBuilder(limits: limits, start: position, end: text.count)
    var values: [Bool] = []
    var isTooLarge = false
    reading: while true {
      let kind = try peekKind()
      if kind == .array, builder.depth != builder.rank, builder.depth < limits.rank {
        try beginArray()
        builder.open()
        if try nextElement() { continue }
        builder.note(.empty, dropping: 1)
        builder.close(isEmpty: true)
      } else if kind == .boolean {
        builder.noteScalar()
        let value = try readBoolean()
        if values.count < limits.values {
          values.append(value)
          readBooleanRun(&builder, &values)
        } else {
          isTooLarge = true
        }
      } else {
        let isTooDeep = kind == .array && builder.depth != builder.rank
        builder.note(try skipFault(kind, isTooDeep: isTooDeep))
        if isTooDeep { builder.rank = builder.depth }
        if kind != .array { builder.noteScalar() }
      }
      repeat {
        if builder.depth == 0 { break reading }
        builder.counts[builder.depth - 1] += 1
      } while try closesArray(&builder)
    }
    let structure = builder.finished()
    return ParsedBooleans(
      extents: structure.extents, values: values, faults: structure.faults, isTooLarge: isTooLarge)
  }

  /// Passes a value that is no boolean.
  /// - Returns: what is wrong with it.
  @_lifetime(self: copy self)
  private mutating func skipFault(_ kind: JSONKind, isTooDeep: Bool) throws(JSONSyntaxError) -> TensorFault.Reason {
    if kind == .string { return .string(try readString()) }
    try skipValue()
    return switch kind {
    case .null: .null
    case .object: .object
    case .number: .number
    case .array: isTooDeep ? .tooDeep : .mixedDepth
    case .boolean, .string: .boolean
    }
  }

  /// Reads on in an innermost array while booleans stand between commas, with no white space but one space after a
  /// comma: eight bytes hold a word and the comma after it.
  @_lifetime(self: copy self)
  private mutating func readBooleanRun(_ builder: inout TensorBuilder, _ values: inout [Bool]) {
    guard builder.depth > 0 else { return }
    let before = values.count
    while position + 9 <= text.count, values.count < builder.limits.values, text[position] == UInt8(ascii: ",") {
      let start = text[position + 1] == UInt8(ascii: " ") ? position + 2 : position + 1
      guard start + 8 <= text.count else { break }
      let word = text.word(at: start)
      let isTrue = word & 0xFF_FFFF_FFFF == 0x2C_6575_7274  // "true,"
      guard isTrue || word & 0xFFFF_FFFF_FFFF == 0x2C65_736C_6166 else { break }  // "false,"
      values.append(isTrue)
      position = start + (isTrue ? 4 : 5)
    }
    builder.counts[builder.depth - 1] += values.count - before
  }
}
