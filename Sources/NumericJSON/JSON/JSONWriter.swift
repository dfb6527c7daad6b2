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
  private var gaps = NumberGaps()

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

  public mutating func boolean(_ value: Bool) {
    separate()
    bytes.append(contentsOf: (value ? "true" : "false").utf8)
    needsComma = true
  }

  /// Writes a number; infinities and NaN as the strings "Infinity", "-Infinity" and "NaN".
  public mutating func number(_ value: Double, format: BinaryFormat = .binary64) {
    separate()
    if gaps.count == NumberGaps.most || gaps.format != format { fillGaps() }
    gaps.format = format
    gaps.add(value, to: &bytes)
    needsComma = true
  }

  /// Puts the texts of numbers where their gaps are.
  mutating func fillGaps() {
    if gaps.count > 0 { gaps.fill(in: &bytes, level) }
  }

  /// The text.
  public consuming func finish() -> [UInt8] {
    fillGaps()
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

/// The gaps that numbers of one format have left in a text. Their own texts are made eight at a time, which takes
/// hardly longer than one. Until then a gap holds its number, and where the gap before it is.
private struct NumberGaps {
  static var most: Int { 8 }
  /// The most bytes that a number and a comma take.
  private static var length: Int { NumberEncoder.maximumLength + 1 }

  var format = BinaryFormat.binary64
  private(set) var count = 0
  private var last = 0

  mutating func add(_ value: Double, to bytes: inout [UInt8]) {
    let place = bytes.count
    bytes.append(addingCapacity: Self.length) { output in output.append(repeating: 0, count: Self.length) }
    var text = bytes.mutableSpan
    // Safe: any bytes are bytes of text, and the stores check their bounds.
    var gap = unsafe text.mutableBytes
    gap.storeBytes(of: value.bitPattern.littleEndian, toByteOffset: place, as: UInt64.self)
    gap.storeBytes(of: UInt64(last).littleEndian, toByteOffset: place + 8, as: UInt64.self)
    (last, count) = (place, count + 1)
  }

  /// Appends the numbers' texts, moves each into its gap, and closes what it leaves of that.
  @inline(never)
  mutating func fill(in bytes: inout [UInt8], _ level: KernelLevel) {
    var (values, places) = (InlineArray<8, Double>(repeating: 0), InlineArray<8, Int>(repeating: 0))
    for number in (0..<count).reversed() {
      places[number] = last
      values[number] = Double(bitPattern: bytes.span.word(at: last))
      last = Int(bytes.span.word(at: last + 8))
    }
    let end = bytes.count
    bytes.append(addingCapacity: count * Self.length + NumberEncoder.slack) { output in
      output.append(
        numbers: values.span.extracting(first: count), encoder: NumberEncoder(format: format, level: level))
    }
    var text = bytes.mutableSpan
    var (source, target) = (end, places[0])
    for number in 0..<count {
      var comma = source
      while comma < text.count, text[comma] != UInt8(ascii: ",") { comma += 1 }
      text.move(source..<comma, to: &target)
      source = comma + 1
      text.move(places[number] + Self.length..<(number + 1 < count ? places[number + 1] : end), to: &target)
    }
    bytes.removeLast(bytes.count - target)
    count = 0
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

extension Span<UInt8> {
  /// Whether a string may plainly hold the bytes as they are: no byte needs an escape, or is not ASCII. False of fewer
  /// than eight, which are as soon appended as looked at.
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
