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
  private var waiting = WaitingNumbers()

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
  public mutating func name(_ name: String) { quoted(name, isName: true) }

  public mutating func string(_ string: String) { quoted(string, isName: false) }

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
    if waiting.count == WaitingNumbers.most || waiting.format != format { writeWaiting() }
    waiting.add(value, format, at: bytes.count)
    bytes.append(addingCapacity: WaitingNumbers.gap) { output in
      output.append(repeating: UInt8(ascii: " "), count: WaitingNumbers.gap)
    }
    needsComma = true
  }

  /// Writes the numbers whose texts are not made yet.
  mutating func writeWaiting() {
    let waiting = waiting
    guard waiting.count > 0 else { return }
    let (end, encoder) = (bytes.count, NumberEncoder(format: waiting.format, level: level))
    bytes.append(addingCapacity: waiting.count * WaitingNumbers.gap + NumberEncoder.slack) { output in
      output.append(numbers: waiting.values.span.extracting(first: waiting.count), encoder: encoder)
    }
    var text = bytes.mutableSpan
    let length = waiting.fillGaps(of: &text, before: end)
    bytes.removeLast(bytes.count - length)
    self.waiting.count = 0
  }

  /// The text.
  public consuming func finish() -> [UInt8] {
    writeWaiting()
    return bytes
  }

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
    bytes.append(addingCapacity: 6 * text.count + 4) { output in
      if followsItem { output.append(UInt8(ascii: ",")) }
      output.append(UInt8(ascii: "\""))
      for index in text.indices { output.append(escaped: text[index]) }
      output.append(UInt8(ascii: "\""))
      if isName { output.append(UInt8(ascii: ":")) }
    }
    needsComma = !isName
  }
}

/// Numbers of one format whose texts are not made yet, and where they belong: eight take hardly longer than one.
private struct WaitingNumbers {
  static var most: Int { 8 }
  /// What is left free for the text of a number: the most that it and a comma take.
  static var gap: Int { NumberEncoder.maximumLength + 1 }

  private(set) var format = NumberFormat.binary64
  private(set) var values = InlineArray<8, Double>(repeating: 0)
  private var places = InlineArray<8, Int>(repeating: 0)
  var count = 0

  mutating func add(_ value: Double, _ format: NumberFormat, at place: Int) {
    self.format = format
    values[count] = value
    places[count] = place
    count += 1
  }

  /// Moves the numbers' texts, which stand at `end` with commas between them, into the gaps before it, and closes what
  /// they leave of these.
  /// - Returns: where the text ends then.
  func fillGaps(of text: inout MutableSpan<UInt8>, before end: Int) -> Int {
    var (source, target) = (end, places[0])
    for number in 0..<count {
      var comma = source
      while comma < text.count, text[comma] != UInt8(ascii: ",") { comma += 1 }
      text.move(source..<comma, to: &target)
      source = comma + 1
      let next = number + 1 < count ? places[number + 1] : end
      text.move(places[number] + Self.gap..<next, to: &target)
    }
    return target
  }
}

extension MutableSpan<UInt8> {
  /// Copies some bytes to a place that may overlap theirs, and moves the place to their end.
  @inline(__always)
  @_lifetime(self: copy self)
  fileprivate mutating func move(_ range: Range<Int>, to place: inout Int) {
    precondition(range.upperBound <= count && place >= 0 && place <= count - range.count)
    unsafe withUnsafeMutableBytes { bytes in
      guard let base = bytes.baseAddress else { return }
      unsafe (base + place).copyMemory(from: base + range.lowerBound, byteCount: range.count)
    }
    place += range.count
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
