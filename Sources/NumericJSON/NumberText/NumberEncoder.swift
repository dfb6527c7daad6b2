internal import VectorKernels

/// Writes numbers as text, eight at a time: a format, and the vector loops that find the decimals.
///
/// A number's text is the shortest decimal that reads back to the same number of the format, and of the shortest the
/// closest.
struct NumberEncoder {
  let format: BinaryFormat
  fileprivate let loops: any VectorLoops.Type

  init(format: BinaryFormat, level: KernelLevel) {
    self.format = format
    loops = level.loops
  }

  /// The most bytes that a number takes: "-2.2250738585072014e-308".
  static var maximumLength: Int { 24 }
  /// How many bytes after a number and its comma may be written to, since 32 bytes are stored for each number.
  static var slack: Int { 8 }
}

extension OutputSpan where Element == UInt8 {
  /// Appends numbers with commas between them, or breaks where rows end.
  ///
  /// - Precondition: room for `maximumLength` + 1 bytes a number, for the breaks' brackets, and `slack` more. The
  ///   numbers' part is checked.
  @_lifetime(self: copy self)
  mutating func append(numbers values: Span<Double>, rows: RowBreaks = .none, encoder: NumberEncoder) {
    precondition(freeCapacity >= values.count * (NumberEncoder.maximumLength + 1) + NumberEncoder.slack)
    if values.isEmpty { return }
    var rows = rows
    // Safe: each number takes at most `maximumLength` bytes and its comma one, the room for all was checked, and the
    // count is of the bytes written.
    unsafe withUnsafeMutableBufferPointer { buffer, count in
      guard let base = buffer.baseAddress else { return }
      let start = unsafe base + count
      count += unsafe encoder.write(values, &rows, to: start) - start
    }
  }
}

extension NumberEncoder {
  /// Writes numbers with commas or breaks between them and returns where they end.
  ///
  /// While the texts of eight numbers are put together, the digits of the next eight are laid out, and the decimals of
  /// those after them are found. None of the three waits for another, which keeps the processor busy: each alone is one
  /// long chain of steps.
  fileprivate func write(
    _ values: Span<Double>, _ rows: inout RowBreaks, to start: UnsafeMutablePointer<UInt8>
  ) -> UnsafeMutablePointer<UInt8> {
    let tables = NumberTables.all
    var blocks = InlineArray<3, DecimalBlock>(repeating: DecimalBlock())
    var span = blocks.mutableSpan
    return unsafe span.withUnsafeMutableBufferPointer { blocks in
      guard let base = blocks.baseAddress else { return unsafe start }
      var (finding, layingOut, writing) = unsafe (
        NumberBatch(block: base), NumberBatch(block: base + 1), NumberBatch(block: base + 2)
      )
      var cursor = unsafe start
      var first = 0
      while true {
        if first < values.count { finding.find(values, from: first, encoder: self, tables) }
        let second = first &- NumberBatch.size
        if second >= 0, second < values.count { layingOut.layOut(values, from: second, encoder: self) }
        let third = second &- NumberBatch.size
        if third >= 0 {
          let count = min(NumberBatch.size, values.count &- third)
          unsafe cursor = writing.write(count, &rows, with: self, tables, to: cursor)
          if third &+ count == values.count { return unsafe cursor - 1 }
        }
        first &+= NumberBatch.size
        (finding, layingOut, writing) = (writing, finding, layingOut)
      }
    }
  }
}

/// Eight numbers, or fewer at the end, that are being written. The block outlives it.
@safe private struct NumberBatch {
  static var size: Int { 8 }

  let block: UnsafeMutablePointer<DecimalBlock>
  /// Whether the vector loops decided all of the decimals.
  private var isDecided = true

  init(block: UnsafeMutablePointer<DecimalBlock>) { unsafe self.block = block }

  /// Finds the decimals of as many of `values[start ..< start + size]` as there are.
  @inline(__always)
  mutating func find(_ values: Span<Double>, from start: Int, encoder: NumberEncoder, _ tables: TextTables) {
    isDecided = unsafe !encoder.loops.shortestDecimals(
      of: values, from: start, format: encoder.format, tables, into: &block.pointee)
    if !isDecided { decideExactly(values, from: start, format: encoder.format) }
  }

  /// Makes texts of the decimals that were found.
  @inline(__always)
  func layOut(_ values: Span<Double>, from start: Int, encoder: NumberEncoder) {
    unsafe encoder.loops.layOutDigits(of: &block.pointee)
    if !isDecided { layOutNames(values, from: start, format: encoder.format) }
  }

  /// Finds the decimals that the vector loops have left undecided, among `values[start ..< start + 8]`.
  @inline(never)
  private func decideExactly(_ values: Span<Double>, from start: Int, format: BinaryFormat) {
    let undecided = unsafe block.pointee[.undecided]
    for lane in 0..<8 where undecided[lane] == 1 {
      guard let decimal = format.exactDecimal(of: values[start + lane]) else { continue }
      unsafe block.pointee[.tens][lane] = decimal.digits / 10
      unsafe block.pointee[.last][lane] = decimal.digits % 10
      unsafe block.pointee[.exponent][lane] = UInt64(bitPattern: Int64(decimal.exponent))
      if decimal.digits == 0 { unsafe block.pointee[.sign][lane] = 0 }
    }
  }

  /// Lays out what is no number of the format.
  @inline(never)
  private func layOutNames(_ values: Span<Double>, from start: Int, format: BinaryFormat) {
    let undecided = unsafe block.pointee[.undecided]
    for lane in 0..<8 where undecided[lane] == 1 {
      let value = values[start + lane]
      guard !format.nearest(to: value.magnitude).isFinite else { continue }
      let name = NumberName(of: value)
      unsafe block.pointee[.layout][lane] = name.layout
      unsafe block.pointee[.length][lane] = UInt64(name.text.utf8.count)
      unsafe block.pointee[.tail][lane] = TextTail.comma
    }
  }

  /// Writes the texts of the first `count` numbers, each with a comma, and breaks before those that begin a row, and
  /// returns where they end.
  @inline(__always)
  func write(
    _ count: Int, _ rows: inout RowBreaks, with encoder: NumberEncoder, _ tables: TextTables,
    to start: UnsafeMutablePointer<UInt8>
  ) -> UnsafeMutablePointer<UInt8> {
    var cursor = unsafe start
    var number = 0
    while number < count {
      if rows.distance == 0 { unsafe cursor = rows.write(over: cursor - 1) }
      let length = min(count &- number, rows.distance)
      unsafe cursor = encoder.loops.writeTexts(of: block, number..<number &+ length, tables, to: cursor)
      rows.distance &-= length
      number &+= length
    }
    return unsafe cursor
  }
}

/// The tables by which the vector loops put numbers' texts together: where each byte comes from, and how a text ends.
///
/// From 1e-4 up to but not including 1e16 a number is in plain notation, with at least one digit after the point.
/// Otherwise one digit comes before the point, and the exponent has no plus sign and no leading zeros. Python and Swift
/// choose the same notation, apart from the exponent's sign and zeros.
struct NumberTables {
  /// Made once, and never freed.
  static let all: TextTables = {
    let tables = NumberTables()
    let tails = TextTail.powers.map { tail(plainPowers.contains($0) ? "," : "e\($0),") }
    let powers = (-293...323).map { 2 * ($0 - PowersOfTen.exponents.lowerBound) }
    let upper = powers.map { PowersOfTen.significands[$0] >> 4 }
    let lower = powers.map { PowersOfTen.significands[$0] << 60 | PowersOfTen.significands[$0 + 1] >> 4 }
    return unsafe TextTables(
      upperPowers: lasting(upper), lowerPowers: lasting(lower), layouts: lasting(tables.layouts),
      tails: lasting(tails))
  }()

  private static let plainPowers: Range<Int> = {
    let least = -Int(TextLayout.plainPowers.below)
    return least..<(least + Int(TextLayout.plainPowers.count))
  }()

  /// A copy in memory that is never freed.
  static func lasting<Element>(_ values: [Element]) -> UnsafePointer<Element> {
    let copy = UnsafeMutablePointer<Element>.allocate(capacity: values.count)
    for place in values.indices { unsafe (copy + place).initialize(to: values[place]) }
    return unsafe UnsafePointer(copy)
  }

  private var layouts: [UInt8] = []

  private init() {
    for place in 0...TextLayout.plainPowers.count {
      for sign in ["", "-"] {
        let isPlain = place < TextLayout.plainPowers.count
        let power = isPlain ? Int(place) - Int(TextLayout.plainPowers.below) : 0
        let zeros = power < 0 ? "0." + String(repeating: "0", count: -power - 1) : ""
        var text = (sign + zeros).utf8.map(Source.mark)
        for digit in 0...16 {
          if power >= 0, digit == power + 1 { text.append(.mark(UInt8(ascii: "."))) }
          text.append(.digit(digit))
        }
        append(text)
      }
    }
    for name in NumberName.allCases { append(name.text.utf8.map(Source.mark)) }
  }

  /// What a byte of a text is: a digit, by its place among the seventeen, or another byte.
  private enum Source {
    case digit(Int)
    case mark(UInt8)
  }

  private mutating func append(_ text: [Source]) {
    let half = TextLayout.size / 2
    var (indices, marks) = ([UInt8](repeating: 128, count: half), [UInt8](repeating: 0, count: half))
    for (place, source) in text.enumerated() {
      switch source {
      case .digit(let digit):
        // Of two words of eight digits, the last of which is in the lowest byte. In the second half the first word is
        // digits 8 to 15, and of the second one digit 16 is in the lowest byte.
        let isSecond = place >= half / 2
        indices[place] = UInt8(isSecond ? (digit == 16 ? 8 : 15 - digit) : digit ^ 7)
        marks[place] = UInt8(ascii: "0")
      case .mark(let byte): marks[place] = byte
      }
    }
    layouts += indices + marks
  }

  /// A text of at most seven bytes in a word, the first in the lowest byte, and its length in the highest.
  private static func tail(_ text: String) -> UInt64 {
    text.utf8.reversed().reduce(UInt64(0)) { word, byte in word << 8 | UInt64(byte) } | UInt64(text.utf8.count) << 56
  }
}

/// What JSON cannot write as a number. Its layouts come after those of numbers.
enum NumberName: Int, CaseIterable {
  case infinity, minusInfinity, notANumber

  /// The name of what is not finite in a format.
  init(of value: Double) { self = value.isNaN ? .notANumber : value < 0 ? .minusInfinity : .infinity }

  var text: String {
    switch self {
    case .infinity: "\"Infinity\""
    case .minusInfinity: "\"-Infinity\""
    case .notANumber: "\"NaN\""
    }
  }

  /// Where its layout begins.
  var layout: UInt64 { UInt64(TextLayout.size) * (2 * (TextLayout.plainPowers.count + 1) + UInt64(rawValue)) }
}

extension PowersOfTen {
  /// The first 64 bits of 10^-18...10^-11.
  static var forLong: Words {
    var words = Words.zero
    for lane in 0..<8 { words[lane] = significands[2 &* (lane &- 18 &- exponents.lowerBound)] }
    return words
  }

  /// Made once, and never freed.
  static let forReading: ReadingTables = {
    let powers = ReadingTables.powersOfTen.map { significands[2 * ($0 - exponents.lowerBound)] }
    return unsafe ReadingTables(powers: NumberTables.lasting(powers))
  }()
}

/// The shortest decimal that reads back to the same number, and of the shortest the closest, for the numbers that the
/// vector loops leave undecided. After R. Giulietti, "The Schubfach way to render doubles" (2020).
struct ShortestDecimal {
  /// The value is digits · 10^exponent. Trailing zeros are not removed.
  var digits: UInt64
  var exponent: Int

  init(digits: UInt64, exponent: Int) {
    self.digits = digits
    self.exponent = exponent
  }

  /// For c · 2^e, where 0 < c < 2^53 and e is in -1074...971, with the neighbours c - 1 and c + 1 times 2^e. A decimal
  /// half-way to a neighbour reads back if c is even.
  ///
  /// If `isRegular` is false, c is the least number of its length in bits, so that the lower neighbour is half as far
  /// away.
  ///
  /// Let k be the floor of log10 of the length of the interval that reads back. It holds a multiple of 10^k, and
  /// perhaps one of 10^(k+1), which is then shorter. Both ends and the value are compared with the candidates. Each of
  /// them is n · 2^(e-2) · 10^-k for an integer n ≤ 2^55 + 2. Its double is either an integer or further than 2^-65
  /// from one (scripts/proof/number-text computes the least distance for every e), so that the product, which is off by
  /// less than 2^-70, decides.
  @inline(never)
  init(of c: UInt64, _ e: Int, isRegular: Bool) {
    let k = isRegular ? Self.floorLog10(ofTwoTo: e) : Self.floorLog10(ofThreeFourthsOfTwoTo: e)
    let (power, shift) = Self.scale(e, k)
    let tolerance = UInt128(1) << 59
    func doubled(_ n: UInt64) -> (integer: UInt64, isExact: Bool) {
      let scaled = n &<< shift
      let upper = scaled.multipliedFullWidth(by: power.high)
      let lower = scaled.multipliedFullWidth(by: power.low)
      let (fraction, carry) = (UInt128(upper.low) << 64).addingReportingOverflow(
        UInt128(lower.high) << 64 | UInt128(lower.low))
      let (rounded, secondCarry) = fraction.addingReportingOverflow(tolerance)
      return (upper.high &+ (carry ? 1 : 0) &+ (secondCarry ? 1 : 0), rounded < 2 * tolerance)
    }
    let lower = doubled(4 &* c &- (isRegular ? 2 : 1))
    let value = doubled(4 &* c)
    let upper = doubled(4 &* c &+ 2)
    let isClosed = c & 1 == 0
    func readsBack(_ candidate: UInt64) -> Bool {
      let twice = 2 &* candidate
      let isAboveLower = twice > lower.integer || (twice == lower.integer && lower.isExact && isClosed)
      let isBelowUpper = twice < upper.integer || (twice == upper.integer && (!upper.isExact || isClosed))
      return isAboveLower && isBelowUpper
    }
    let below = value.integer / 2
    let tens = below / 10 &* 10
    exponent = k
    digits = tens
    if readsBack(tens) { return }
    digits = tens &+ 10
    if readsBack(digits) { return }
    // An odd doubled integer is half-way or more. Exactly half-way, the even candidate is taken.
    let isUp = value.integer & 1 == 1 && (!value.isExact || below & 1 == 1)
    let closest = below &+ (isUp ? 1 : 0)
    digits = readsBack(closest) ? closest : isUp ? below : below &+ 1
  }

  /// The 128 bits of 10^-k, and the shift for which 2^e · 10^-k = power · 2^(shift - 127). It is 0...3, since
  /// 2^e · 10^-k is in [1, 13.4).
  @inline(__always)
  private static func scale(_ e: Int, _ k: Int) -> (power: (high: UInt64, low: UInt64), shift: Int) {
    let q = 0 &- k
    let index = 2 &* (q &- PowersOfTen.exponents.lowerBound)
    let shift = e &+ (217_706 &* q) &>> 16  // floor(log2 10^q), over the table's range
    return ((PowersOfTen.significands[index], PowersOfTen.significands[index &+ 1]), shift)
  }

  /// Right for |e| < 1,650.
  @inline(__always)
  private static func floorLog10(ofTwoTo e: Int) -> Int { (315_653 &* e) &>> 20 }

  /// floor(log10(3/4 · 2^e)); right over binary64's exponents.
  @inline(__always)
  private static func floorLog10(ofThreeFourthsOfTwoTo e: Int) -> Int { (315_653 &* e &- 131_008) &>> 20 }
}

extension BinaryFormat {
  /// The shortest decimal of a number's magnitude, rounded to this format, padded with zeros to 16 or 17 digits. Zero
  /// is 0 · 10^-15; what is infinite in this format, or no number, has none.
  func exactDecimal(of value: Double) -> ShortestDecimal? {
    let magnitude = nearest(to: value.magnitude)
    guard magnitude.isFinite else { return nil }
    if magnitude == 0 { return ShortestDecimal(digits: 0, exponent: -15) }
    // Small probabilities are subnormal in binary16, which has few of them.
    if self == .binary16, magnitude < powerOfTwo(leastNormalExponent) {
      return Self.subnormalsOfBinary16[Int(magnitude / powerOfTwo(leastExponent)) - 1]
    }
    return exactDecimal(ofNumber: magnitude)
  }

  /// The decimals of 2^-24 times 1 to 1,023.
  private static let subnormalsOfBinary16 = (1..<1024).map {
    BinaryFormat.binary16.exactDecimal(ofNumber: Double($0) * powerOfTwo(BinaryFormat.binary16.leastExponent))
  }

  /// The same for a number of this format above zero.
  private func exactDecimal(ofNumber magnitude: Double) -> ShortestDecimal {
    // The number is an integer below 2^precision times the distance between neighbours.
    let exponent = max(Int(magnitude.exponent), leastNormalExponent) - (precision - 1)
    let significand = UInt64(Double(sign: .plus, exponent: -exponent, significand: magnitude))
    let isRegular = significand != 1 << UInt64(precision - 1) || exponent == leastExponent
    var decimal = ShortestDecimal(of: significand, exponent, isRegular: isRegular)
    while decimal.digits < 1_000_000_000_000_000 {
      decimal.digits *= 10
      decimal.exponent -= 1
    }
    return decimal
  }
}
