/// A writer of one JSON text into one buffer, without white space.
///
/// The caller's order of calls makes the structure; commas and colons are put in here.
public struct JSONWriter: ~Copyable {
  var bytes: [UInt8] = []
  /// Whether a comma must stand before the next item.
  var needsComma = false

  /// A writer whose buffer takes `capacity` bytes before it must grow.
  public init(capacity: Int) {
    bytes.reserveCapacity(capacity)
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
    appendEscaped(string)
    needsComma = true
  }

  public mutating func integer(_ value: Int) {
    separate()
    bytes.append(contentsOf: Array(String(value).utf8))
    needsComma = true
  }

  public mutating func boolean(_ value: Bool) {
    separate()
    bytes.append(contentsOf: Array((value ? "true" : "false").utf8))
    needsComma = true
  }

  public mutating func null() {
    separate()
    bytes.append(contentsOf: Array("null".utf8))
    needsComma = true
  }

  /// Writes a number; infinities and NaN as the strings "Infinity", "-Infinity" and "NaN".
  public mutating func number(_ value: Double, format: NumberFormat = .binary64) {
    separate()
    appendNumber(value, format)
    needsComma = true
  }

  /// Writes nested arrays of numbers, or a bare number for the shape [].
  /// - Parameters:
  ///   - values: row-major, the product of `shape` values.
  ///   - shape: the extents, outermost first, none of them 0.
  ///   - parallel: as in `JSONReader.readTensor`; the bytes are the same.
  public mutating func tensor(
    _ values: Span<Double>, shape: [Int], format: NumberFormat = .binary64, parallel: Parallel? = nil
  ) {
    separate()
    guard let row = shape.last else {
      appendNumber(values[0], format)
      needsComma = true
      return
    }
    for index in 0..<values.count {
      if index > 0 { bytes.append(UInt8(ascii: ",")) }
      var extent = row
      for level in shape.indices.reversed() {
        if index % extent != 0 { break }
        bytes.append(UInt8(ascii: "["))
        if level > 0 { extent *= shape[level - 1] }
      }
      appendNumber(values[index], format)
      extent = row
      for level in shape.indices.reversed() {
        if (index + 1) % extent != 0 { break }
        bytes.append(UInt8(ascii: "]"))
        if level > 0 { extent *= shape[level - 1] }
      }
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

  private mutating func separate() {
    if needsComma { bytes.append(UInt8(ascii: ",")) }
  }

  private mutating func appendNumber(_ value: Double, _ format: NumberFormat) {
    var text: String
    if !value.isFinite {
      text = value.isNaN ? "\"NaN\"" : value < 0 ? "\"-Infinity\"" : "\"Infinity\""
    } else if value == 0 {
      text = "0.0"
    } else {
      text = format == .binary64 ? value.description : Float(value).description
    }
    bytes.append(contentsOf: Array(text.utf8))
  }

  private mutating func appendEscaped(_ string: String) {
    bytes.append(UInt8(ascii: "\""))
    for byte in string.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        bytes.append(UInt8(ascii: "\\"))
        bytes.append(byte)
      case 0..<0x20:
        let digits = Array("0123456789abcdef".utf8)
        bytes.append(contentsOf: Array("\\u00".utf8))
        bytes.append(digits[Int(byte >> 4)])
        bytes.append(digits[Int(byte & 0xF)])
      default: bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }
}
