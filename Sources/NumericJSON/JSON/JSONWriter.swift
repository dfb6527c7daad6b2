internal import Allocation
public import VectorKernels

/// A writer of one JSON text into one buffer, without white space.
///
/// The order of calls makes the structure; the writer adds commas and colons.
public struct JSONWriter: ~Copyable {
  var bytes: [UInt8] = []
  /// Whether a comma must come before the next item.
  var needsComma = false
  let level: KernelLevel

  /// - Parameters:
  ///   - capacity: how many bytes the buffer takes before it must grow.
  ///   - level: the instruction set to use; the processor must have it.
  public init(capacity: Int, level: KernelLevel = .baseline) {
    self.level = level
    bytes.reserveLargeCapacity(capacity)
  }

  public mutating func beginObject() { open(UInt8(ascii: "{")) }
  public mutating func endObject() { close(UInt8(ascii: "}")) }
  public mutating func beginArray() { open(UInt8(ascii: "[")) }
  public mutating func endArray() { close(UInt8(ascii: "]")) }

  /// Writes a member's name; its value follows.
  public mutating func name(_ name: String) {
    string(name)
    bytes.append(UInt8(ascii: ":"))
    needsComma = false
  }

  public mutating func string(_ string: String) {
    separate()
    appendQuoted(string)
    needsComma = true
  }

  public mutating func integer(_ value: Int) {
    separate()
    // The longest has 19 digits and a sign.
    bytes.append(addingCapacity: 20) { output in output.append(decimal: value) }
    needsComma = true
  }

  public mutating func boolean(_ value: Bool) {
    separate()
    bytes.append(contentsOf: (value ? "true" : "false").utf8)
    needsComma = true
  }

  /// Writes a number; infinities and NaN as the strings "Infinity", "-Infinity" and "NaN".
  public mutating func number(_ value: Double, format: NumberFormat = .binary64) {
    separate()
    let values: InlineArray<1, Double> = [value]
    let encoder = NumberEncoder(format: format, level: level)
    bytes.append(addingCapacity: NumberEncoder.maximumLength + 1 + NumberEncoder.slack) { output in
      output.append(numbers: values.span, encoder: encoder)
    }
    needsComma = true
  }

  /// The text.
  public consuming func finish() -> [UInt8] { bytes }

  private mutating func open(_ bracket: UInt8) {
    separate()
    bytes.append(bracket)
    needsComma = false
  }

  private mutating func close(_ bracket: UInt8) {
    bytes.append(bracket)
    needsComma = true
  }

  mutating func separate() {
    if needsComma { bytes.append(UInt8(ascii: ",")) }
  }

  private mutating func appendQuoted(_ string: String) {
    let text = string.utf8.span
    bytes.append(addingCapacity: 6 * text.count + 2) { output in
      output.append(UInt8(ascii: "\""))
      for index in text.indices { output.append(escaped: text[index]) }
      output.append(UInt8(ascii: "\""))
    }
  }
}

extension OutputSpan where Element == UInt8 {
  /// Appends an integer's digits, after its sign where it is negative.
  @_lifetime(self: copy self)
  fileprivate mutating func append(decimal value: Int) {
    if value < 0 { append(UInt8(ascii: "-")) }
    let size = value.magnitude
    var power: UInt = 1
    while size / power >= 10 { power *= 10 }
    while power > 0 {
      append(UInt8(ascii: "0") + UInt8(size / power % 10))
      power /= 10
    }
  }

  /// Appends a byte of a string, or the escape that it needs (RFC 8259 §7).
  @inline(__always)
  @_lifetime(self: copy self)
  fileprivate mutating func append(escaped byte: UInt8) {
    if byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
      append(escapeOf: byte)
    } else {
      append(byte)
    }
  }

  @inline(never)
  @_lifetime(self: copy self)
  private mutating func append(escapeOf byte: UInt8) {
    append(UInt8(ascii: "\\"))
    guard byte < 0x20 else { return append(byte) }
    let digits = Array("0123456789abcdef".utf8)
    for letter in "u00".utf8 { append(letter) }
    append(digits[Int(byte >> 4)])
    append(digits[Int(byte & 0xF)])
  }
}
