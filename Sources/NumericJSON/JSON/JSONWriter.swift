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

  /// Opens an object; ``endObject()`` closes it.
  public mutating func beginObject() { open(UInt8(ascii: "{")) }
  /// Closes the innermost object.
  public mutating func endObject() { close(UInt8(ascii: "}")) }
  /// Opens an array; ``endArray()`` closes it.
  public mutating func beginArray() { open(UInt8(ascii: "[")) }
  /// Closes the innermost array.
  public mutating func endArray() { close(UInt8(ascii: "]")) }

  /// Writes a member's name; its value follows.
  public mutating func name(_ name: String) { quoted(name, isName: true) }

  /// Writes an object of the members that `write` writes; where it has a name, as the value of that member.
  public mutating func object(_ name: String? = nil, _ write: (inout JSONWriter) -> Void) {
    if let name { self.name(name) }
    beginObject()
    write(&self)
    endObject()
  }

  /// Writes an array of the values that `write` writes; where it has a name, as the value of that member.
  public mutating func array(_ name: String? = nil, _ write: (inout JSONWriter) -> Void) {
    if let name { self.name(name) }
    beginArray()
    write(&self)
    endArray()
  }

  /// Writes a string, with the escapes that it needs.
  public mutating func string(_ string: String) { quoted(string, isName: false) }

  /// Writes a whole number.
  public mutating func integer(_ value: Int) {
    separate()
    // The longest has 19 digits and a sign.
    bytes.append(addingCapacity: 20) { output in output.append(decimal: value) }
    needsComma = true
  }

  /// Writes a member whose value is a string.
  public mutating func member(_ name: String, _ value: String) {
    self.name(name)
    string(value)
  }

  /// Writes a member whose value is an integer.
  public mutating func member(_ name: String, _ value: Int) {
    self.name(name)
    integer(value)
  }

  /// Writes a member whose value is a number, as ``number(_:format:)`` does.
  public mutating func member(_ name: String, _ value: Double, format: BinaryFormat = .binary64) {
    self.name(name)
    number(value, format: format)
  }

  /// Writes a member whose value is a boolean.
  public mutating func member(_ name: String, _ value: Bool) {
    self.name(name)
    boolean(value)
  }

  /// Writes `true` or `false`.
  public mutating func boolean(_ value: Bool) {
    separate()
    bytes.append(contentsOf: (value ? "true" : "false").utf8)
    needsComma = true
  }

  /// Writes a number; infinities and NaN as the strings "Infinity", "-Infinity" and "NaN".
  public mutating func number(_ value: Double, format: BinaryFormat = .binary64) {
    let values: InlineArray<1, Double> = [value]
    tensor(values.span, extents: Span(), format: format)
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

  private mutating func quoted(_ string: String, isName: Bool) {
    let (text, followsItem) = (string.utf8.span, needsComma)
    let isPlain = text.isPlain
    bytes.append(addingCapacity: (isPlain ? 1 : 6) * text.count + 4) { output in
      if followsItem { output.append(UInt8(ascii: ",")) }
      output.append(UInt8(ascii: "\""))
      if isPlain {
        output.append(text)
      } else {
        output.append(escaping: text)
      }
      output.append(UInt8(ascii: "\""))
      if isName { output.append(UInt8(ascii: ":")) }
    }
    needsComma = !isName
  }
}

extension Span<UInt8> {
  /// Whether a string may plainly hold the bytes as they are: no byte needs an escape, or is not ASCII. False of fewer
  /// than eight, for which looking costs as much as appending.
  fileprivate var isPlain: Bool {
    guard count >= 8 else { return false }
    // The last eight overlap those before them.
    var place = 0
    while place < count - 8 {
      guard SWAR.countOfPlain(word(at: place)) == 8 else { return false }
      place += 8
    }
    return SWAR.countOfPlain(word(at: count - 8)) == 8
  }
}
