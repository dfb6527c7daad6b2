internal import KernelDispatch
internal import Kernels

/// Numbers into bytes, eight at a time. All `unsafe` of the writing side is here.

/// The most bytes that a number takes ("-2.2250738585072014e-308"), and how many behind them and a comma may be written,
/// since text goes in whole words: of that number the last word ends 27 bytes from the sign.
enum NumberText {
  static var maximumLength: Int { 24 }
  static var slack: Int { 16 }
}

extension OutputSpan where Element == UInt8 {
  /// Appends numbers with commas between them.
  ///
  /// - Precondition: room for `maximumLength` + 1 bytes a number and `slack` more.
  @_lifetime(self: copy self)
  mutating func append(numbers values: Span<Double>, in range: Range<Int>, format: NumberFormat, level: KernelLevel) {
    precondition(freeCapacity >= range.count * (NumberText.maximumLength + 1) + NumberText.slack)
    if range.isEmpty { return }
    let values = values.extracting(range)
    // Safe: each number takes at most `maximumLength` bytes and its comma one, the room for all was checked, and the
    // count that is set is of the bytes written.
    unsafe withUnsafeMutableBufferPointer { buffer, count in
      guard let base = buffer.baseAddress else { return }
      let start = unsafe base + count
      count += unsafe writeNumbers(values, format, level, to: start) - start
    }
  }
}

/// Writes numbers with commas between them and returns where they end.
///
/// A batch's decimals are found while the texts of the batch before are put together: the one is a long chain of steps that
/// wait for each other, the other a short one for each number, and both together fill the processor better.
private func writeNumbers(
  _ values: Span<Double>, _ format: NumberFormat, _ level: KernelLevel, to start: UnsafeMutablePointer<UInt8>
) -> UnsafeMutablePointer<UInt8> {
  let (loops, powers) = (level.loops, PowersOfTen.forWriting)
  let exponents = ExponentText.all
  return unsafe withBatch(start) { first in
    first.find(values, from: 0, format, loops, powers.span)
    guard values.count > NumberBatch.size else {
      return unsafe first.write(values.count, exponents.span, to: start) - 1
    }
    return unsafe withBatch(start) { second in
      var (batch, next) = (first, second)
      var cursor = unsafe start
      var index = 0
      while index &+ NumberBatch.size < values.count {
        next.find(values, from: index &+ NumberBatch.size, format, loops, powers.span)
        unsafe cursor = batch.write(NumberBatch.size, exponents.span, to: cursor)
        swap(&batch, &next)
        index &+= NumberBatch.size
      }
      return unsafe batch.write(values.count &- index, exponents.span, to: cursor) - 1
    }
  }
}

/// Hands out a batch, which lies on the stack: a temporary allocation of so many bytes would be one of the heap.
@inline(__always)
private func withBatch(
  _ start: UnsafeMutablePointer<UInt8>, _ body: (NumberBatch) -> UnsafeMutablePointer<UInt8>
) -> UnsafeMutablePointer<UInt8> {
  var blocks = InlineArray<2, DecimalBlock>(repeating: DecimalBlock())
  var span = blocks.mutableSpan
  return unsafe span.withUnsafeMutableBufferPointer { blocks in
    guard let base = blocks.baseAddress else { return unsafe start }
    return unsafe body(NumberBatch(blocks: base))
  }
}

/// Up to sixteen numbers that are being written. The blocks outlive it.
@safe private struct NumberBatch {
  /// Two, for a block's chain of steps to begin while the other's goes on.
  static var blockCount: Int { 2 }
  static var size: Int { 8 * blockCount }

  let blocks: UnsafeMutablePointer<DecimalBlock>

  /// A word of a number's lane: to ask a vector for it would copy the vector.
  @inline(__always)
  private func word(_ row: DecimalBlock.Row, _ number: Int) -> UInt64 {
    // Safe: rows stand one behind the other in their block, eight words each, and numbers are below `size`.
    let place = (number &>> 3) &* MemoryLayout<DecimalBlock>.stride &+ 64 &* row.rawValue &+ 8 &* (number & 7)
    return unsafe UnsafeRawPointer(blocks).load(fromByteOffset: place, as: UInt64.self)
  }

  /// Finds the decimals of as many of `values[start ..< start + size]` as there are.
  @inline(__always)
  func find(
    _ values: Span<Double>, from start: Int, _ format: NumberFormat, _ loops: any VectorLoops.Type,
    _ powers: Span<UInt64>
  ) {
    for block in 0..<NumberBatch.blockCount {
      let first = start &+ 8 &* block
      guard first < values.count else { break }
      let isUndecided = unsafe loops.shortestDecimals(
        of: values, from: first, isSingle: format == .binary32, powers: powers, into: &blocks[block])
      if isUndecided { settle(values, from: start, block: block, format: format) }
    }
  }

  /// Finds exactly what the vector loops have left undecided.
  @inline(never)
  private func settle(_ values: Span<Double>, from start: Int, block: Int, format: NumberFormat) {
    for number in 8 * block..<8 * block + 8 where word(.undecided, number) == 1 {
      let (value, lane) = (values[start + number], number & 7)
      let decimal = format.exactDecimal(of: value)
      unsafe blocks[block][.tens][lane] = decimal.digits / 10
      unsafe blocks[block][.last][lane] = decimal.digits % 10
      unsafe blocks[block][.exponent][lane] = UInt64(bitPattern: Int64(decimal.exponent))
      if decimal.digits == 0 || !value.isFinite { unsafe blocks[block][.sign][lane] = 0 }
    }
    unsafe BaselineLoops.layDigits(of: &blocks[block])
  }

  /// Writes the texts of the first `count` numbers, each with a comma, and returns where they end.
  @inline(__always)
  func write(
    _ count: Int, _ exponents: Span<UInt64>, to start: UnsafeMutablePointer<UInt8>
  ) -> UnsafeMutablePointer<UInt8> {
    var cursor = unsafe start
    for number in 0..<count { unsafe cursor = writeNumber(number, exponents, to: cursor) }
    return unsafe cursor
  }

  /// From 1e-4 up to but not including 1e16 in plain notation, with at least one digit after the point; else one digit before
  /// the point, and an exponent without a plus sign or leading zeros: as Python and Swift choose, but for those.
  ///
  /// Its seventeen digits are sixteen in two words and the last. If they begin with a zero, they are written one place further
  /// ahead: the point, or a digit before it, is written over that zero.
  @inline(__always)
  private func writeNumber(
    _ number: Int, _ exponents: Span<UInt64>, to start: UnsafeMutablePointer<UInt8>
  ) -> UnsafeMutablePointer<UInt8> {
    unsafe start.pointee = UInt8(ascii: "-")
    let p = unsafe start + Int(truncatingIfNeeded: word(.sign, number))
    let lead = Int(truncatingIfNeeded: word(.lead, number))
    let count = Int(truncatingIfNeeded: word(.count, number))
    let power = Int(truncatingIfNeeded: word(.power, number))
    let head = word(.head, number)
    let middle = word(.middle, number)
    let last = UInt8(truncatingIfNeeded: word(.end, number))
    if power >= 7, power < 16 {
      // The seventeenth digit has its place whatever the power.
      let isShort = lead == 1
      let moved = isShort ? word(.first, number) & ~(0xFF &<< 56) | middle &<< 56 : head
      let behind = isShort ? middle &>> 8 | UInt64(last) &<< 56 : middle
      unsafe store(moved, to: p)
      unsafe store(behind, to: p + 8)
      // What stands behind the point, one place further. If the power is 15, the last digit is all there is.
      let point = unsafe p + (1 &+ power)
      unsafe store(behind &>> UInt64(truncatingIfNeeded: 8 &* (power &- 7)), to: point + 1)
      unsafe point.pointee = UInt8(ascii: ".")
      unsafe p[17] = isShort ? UInt8(ascii: "0") : last
      return unsafe endNumber(p + max(1 &+ count, power &+ 3))
    }
    let isPlain = power >= -4 && power < 7
    let layout = isPlain ? PointLayout.all[power &+ 4] : PointLayout.all[4]
    let q = unsafe p + (layout.offset &- lead)
    unsafe store(head, to: q)
    unsafe store(middle, to: q + 8)
    unsafe q[16] = last
    if isPlain {
      unsafe store(layout.firstWord(word(.first, number)), to: p)
      return unsafe endNumber(p + max(layout.offset &+ count, power &+ 3))
    }
    unsafe store(word(.pointed, number), to: p)
    let place = power &- ExponentText.powers.lowerBound
    if place >= exponents.count { return unsafe writeName(power, to: start) }
    // "1e-5", not "1.e-5".
    let exponent = unsafe p + (count == 1 ? 1 : 1 &+ count)
    let text = exponents[place]
    unsafe store(text, to: exponent)
    return unsafe exponent + Int(truncatingIfNeeded: text &>> 56)
  }
}

/// Ends a number's text with a comma.
@inline(__always)
private func endNumber(_ p: UnsafeMutablePointer<UInt8>) -> UnsafeMutablePointer<UInt8> {
  unsafe p.pointee = UInt8(ascii: ",")
  return unsafe p + 1
}

/// What JSON has no numbers for, by powers of ten beyond those of numbers.
private enum NamedPower {
  static var infinity: Int { 400 }
  static var minusInfinity: Int { 401 }
  static var notANumber: Int { 402 }
}

@inline(never)
private func writeName(_ power: Int, to start: UnsafeMutablePointer<UInt8>) -> UnsafeMutablePointer<UInt8> {
  let text: StaticString =
    switch power {
    case NamedPower.infinity: "\"Infinity\","
    case NamedPower.minusInfinity: "\"-Infinity\","
    default: "\"NaN\","
    }
  let bytes = unsafe UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
  for index in bytes.indices { unsafe start[index] = bytes[index] }
  return unsafe start + bytes.count
}

extension NumberFormat {
  /// The shortest decimal of a number's magnitude, rounded to this format, with zeros behind it, so that it has 16 or 17
  /// digits; zero is 0 · 10^-15.
  fileprivate func exactDecimal(of value: Double) -> ShortestDecimal {
    let (biased, fraction) = fields(of: value)
    if biased == biasedInfinity {
      let power = fraction != 0 ? NamedPower.notANumber : value < 0 ? NamedPower.minusInfinity : NamedPower.infinity
      return ShortestDecimal(digits: 10_000_000_000_000_000, exponent: power - 16)
    }
    if biased == 0, fraction == 0 { return ShortestDecimal(digits: 0, exponent: -15) }
    var decimal =
      biased == 0
      ? ShortestDecimal(of: fraction, 1 - bias, isRegular: true)
      : ShortestDecimal(of: fraction | leadingBit, biased - bias, isRegular: fraction != 0 || biased == 1)
    while decimal.digits < 1_000_000_000_000_000 {
      decimal.digits *= 10
      decimal.exponent -= 1
    }
    return decimal
  }

  /// The fields of a number's magnitude, rounded to this format.
  private func fields(of value: Double) -> (biased: Int, fraction: UInt64) {
    switch self {
    case .binary64: return (Int(value.exponentBitPattern), value.significandBitPattern)
    case .binary32:
      let narrow = Float(value)
      return (Int(narrow.exponentBitPattern), UInt64(narrow.significandBitPattern))
    }
  }

  private var leadingBit: UInt64 { self == .binary64 ? 1 << 52 : 1 << 23 }
  private var biasedInfinity: Int { self == .binary64 ? 0x7FF : 0xFF }
  /// A significand is an integer times 2^(biased - bias).
  private var bias: Int { self == .binary64 ? 1075 : 150 }
}

/// How a number's first eight bytes come out of its first eight digits where the point is among them. Looked up and not
/// decided, since the powers of ten of a tensor's numbers cannot be predicted.
private struct PointLayout {
  /// The bytes before the point.
  private var before: UInt64
  /// Times this, the bytes behind the point move up to `offset`.
  private var factor: UInt64
  /// The point, and the zeros before it and behind it of a number below 1.
  private var marks: UInt64
  /// How far from the number's begin the digits are written, for those behind the point to be in their places, if the first
  /// is not zero.
  private(set) var offset: Int

  /// Where the first digit stands for 10^power.
  @inline(__always)
  private init(power: Int) {
    let places = UInt64(truncatingIfNeeded: 8 &* max(power &+ 1, 1))
    before = power < 0 ? 0 : 1 &<< places &- 1
    offset = max(1, 1 &- power)
    factor = 1 &<< UInt64(truncatingIfNeeded: 8 &* offset)
    let zeros = Word.zeros & (factor &- 1)
    let point = UInt64(UInt8(ascii: ".")) &<< places
    marks = power < 0 ? zeros & ~(0xFF &<< places) | point : point
  }

  /// For powers of ten from -4 on: "0.0001" to "1234567.8".
  static let all: InlineArray<11, PointLayout> = [
    PointLayout(power: -4), PointLayout(power: -3), PointLayout(power: -2), PointLayout(power: -1),
    PointLayout(power: 0), PointLayout(power: 1), PointLayout(power: 2), PointLayout(power: 3),
    PointLayout(power: 4), PointLayout(power: 5), PointLayout(power: 6),
  ]

  /// The first eight bytes, for `DecimalBlock.first`.
  @inline(__always)
  func firstWord(_ digits: UInt64) -> UInt64 {
    let kept = digits & before
    return kept | (digits ^ kept) &* factor | marks
  }
}

/// The texts of exponents.
private enum ExponentText {
  /// The powers of ten of a number's first digit.
  static let powers = -324...308

  /// For each power "e", the number without a plus sign, and a comma, from the lowest byte on; in the highest, how many bytes
  /// these are.
  static let all: [UInt64] = powers.map { power in
    let text = "e\(power),".utf8
    return text.reversed().reduce(UInt64(0)) { word, byte in word << 8 | UInt64(byte) } | UInt64(text.count) << 56
  }
}

@inline(__always)
private func store(_ word: UInt64, to p: UnsafeMutablePointer<UInt8>) {
  unsafe UnsafeMutableRawPointer(p).storeBytes(of: word.littleEndian, as: UInt64.self)
}
