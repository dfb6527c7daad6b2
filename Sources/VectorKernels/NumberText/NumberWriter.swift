public import CVector

/// Eight numbers being written as text, one in each lane: their decimals, and how these become their texts.
///
/// In memory it is rows of eight words, in the order of ``Field``.
@frozen
public struct DecimalBlock: BitwiseCopyable, Sendable {
  /// What a row holds. Negative numbers are in two's complement.
  @frozen
  public enum Field: Int, CaseIterable, Sendable {
    /// A number's magnitude is (10·tens + last) · 10^exponent with last < 10. A normal number has 10^14 ≤ tens < 10^16;
    /// zero is 0 · 10^-15. The last digit is kept apart, since it is found separately and sixteen digits fill two
    /// words.
    case tens, last, exponent
    /// 1 for a number with a minus sign.
    case sign
    /// 1 where this lane could not be decided; then its other fields mean nothing.
    case undecided
    /// Two rows: for each lane in turn, two words with its first eight digits and its second eight, a digit in a byte,
    /// the first in the highest.
    case digits, moreDigits
    /// Two rows: for each lane in turn, the second eight digits once more, and a word that is the seventeenth.
    case lastDigits, moreLastDigits
    /// Where the ``TextLayout`` of the text begins in the table.
    case layout
    /// Bytes of the text before its tail.
    case length
    /// Which of the tails ends the text.
    case tail
  }

  @usableFromInline
  var rows = InlineArray<12, Words>(repeating: .zero)
  /// Where the powers of ten begin that served the last numbers; at first, those of numbers from 1e-10 to 1e5.
  @usableFromInline
  var window: UInt64 = 302

  @inlinable
  public init() {}

  @inlinable @inline(__always)
  public subscript(field: Field) -> Words {
    get { rows[field.rawValue] }
    set { rows[field.rawValue] = newValue }
  }
}

/// Where each byte of a number's text comes from: 32 indices, 128 where it is no digit, and then 32 bytes whose bits it
/// has besides. The first 16 indices are into the lane's words in the rows `digits`, the others into those in
/// `lastDigits`.
///
/// There are two layouts for each power of ten in plain notation and two for numbers with an exponent, by the sign.
/// What else a text may be comes after them.
public enum TextLayout {
  /// The powers of ten of a first digit for which a number is in plain notation: from -`below` on, so many.
  @inlinable
  public static var plainPowers: (below: UInt64, count: UInt64) { (4, 20) }
  /// Bytes of a layout.
  @inlinable
  public static var size: Int { 64 }
}

/// What a text ends with, for each power of ten of a first digit: in plain notation a comma, else the exponent's text
/// and a comma.
public enum TextTail {
  /// The powers of ten that a number's first digit may have.
  public static var powers: ClosedRange<Int> { -324...308 }
  @inlinable
  static var leastPower: UInt64 { 0 &- 324 }
  /// The place of one that is a comma: that of 10^0.
  @inlinable
  public static var comma: UInt64 { 0 &- leastPower }
}

/// The tables by which texts are put together. They outlive whoever reads them,
/// and are never written after they are made.
@frozen @safe
public struct TextTables: @unchecked Sendable {
  /// The first 124 bits of 10^q for q in -293...323, rounded down: the upper 60 bits. The four bits of room make the
  /// product's integer part end at a word's end.
  @usableFromInline
  let upperPowers: UnsafePointer<UInt64>
  /// And the lower 64.
  @usableFromInline
  let lowerPowers: UnsafePointer<UInt64>
  /// The last of the powers from which sixteen can be read.
  @inlinable
  static var lastWindow: UInt64 { 617 - 16 }
  /// Each layout's ``TextLayout/size`` bytes.
  @usableFromInline
  let layouts: UnsafePointer<UInt8>
  /// At most seven bytes of text each, the first in the lowest; the highest byte is the text's length.
  @usableFromInline
  let tails: UnsafePointer<UInt64>

  public init(
    upperPowers: UnsafePointer<UInt64>, lowerPowers: UnsafePointer<UInt64>, layouts: UnsafePointer<UInt8>,
    tails: UnsafePointer<UInt64>
  ) {
    unsafe self.upperPowers = upperPowers
    unsafe self.lowerPowers = lowerPowers
    unsafe self.layouts = layouts
    unsafe self.tails = tails
  }
}

extension VectorLoops {
  /// Writes the texts of some of a block's numbers, each with a comma, and returns where they end.
  ///
  /// - Parameters:
  ///   - block: one whose lanes are all decided.
  ///   - lanes: some of 0..<8.
  ///   - tables: what the block's rows `layout` and `tail` point into.
  ///   - start: room for 32 bytes from the beginning of each text on, and for eight from its tail on.
  @inlinable @inline(never)
  public static func writeTexts(
    of block: UnsafePointer<DecimalBlock>, _ lanes: Range<Int>, _ tables: TextTables,
    to start: UnsafeMutablePointer<UInt8>
  ) -> UnsafeMutablePointer<UInt8> {
    let rows = unsafe UnsafePointer<UInt8>(OpaquePointer(block))
    let digits = unsafe rows + 64 &* DecimalBlock.Field.digits.rawValue
    let lastDigits = unsafe rows + 64 &* DecimalBlock.Field.lastDigits.rawValue
    var cursor = unsafe start
    for lane in lanes {
      let layout = Int(truncatingIfNeeded: unsafe word(.layout, lane, of: block))
      unsafe vector_pick(digits + 16 &* lane, lastDigits + 16 &* lane, tables.layouts + layout, cursor)
      let tail = unsafe tables.tails[Int(truncatingIfNeeded: word(.tail, lane, of: block))]
      unsafe cursor += Int(truncatingIfNeeded: word(.length, lane, of: block))
      unsafe UnsafeMutableRawPointer(cursor).storeBytes(of: tail.littleEndian, as: UInt64.self)
      unsafe cursor += Int(truncatingIfNeeded: tail &>> 56)
    }
    return unsafe cursor
  }

  /// A word of a lane. It is loaded from memory, because reading it through the vector would copy the vector.
  @inlinable @inline(__always)
  static func word(_ field: DecimalBlock.Field, _ lane: Int, of block: UnsafePointer<DecimalBlock>) -> UInt64 {
    unsafe UnsafeRawPointer(block).load(fromByteOffset: 64 &* field.rawValue &+ 8 &* lane, as: UInt64.self)
  }
}

/// Binary to the shortest decimal that reads back to the same number, and of the shortest the closest, eight numbers at
/// a time. After R. Giulietti, "The Schubfach way to render doubles" (2020), with one product in the ordinary case as
/// in V. Zverovich's żmij and Y. Guo's yy.
extension VectorLoops {
  /// Finds the decimals of `values[start ..< start + 8]`, or of as many as there are.
  ///
  /// - Parameters:
  ///   - format: the decimals need to read back to the same number of this format only, which each value is.
  ///   - tables: the powers of ten, of which the block's window is the part that served it last.
  /// - Returns: whether ``DecimalBlock/Field/undecided`` is 1 in any lane, because this precision does not decide it:
  ///   next to an end of the interval that reads back, half-way between two candidates, a power of two (whose interval
  ///   is another), a subnormal number, or no number of the format.
  ///
  /// The number is c · 2^e. With k = floor(log10 2^e) + 1, the distance between neighbours is in [1/10, 1) units of
  /// 10^k. So the interval that reads back holds at most one multiple of 10^k. If there is one, it is the shortest;
  /// otherwise the multiple of 10^(k-1) closest to the value is in the interval.
  @inlinable @inline(never)
  public static func shortestDecimals(
    of values: Span<Double>, from start: Int, format: BinaryFormat, _ tables: TextTables, into block: inout DecimalBlock
  ) -> Bool {
    precondition(start >= 0 && start < values.count)
    // 3 fills lanes without a value, since it is always decided.
    let bits = unsafe unsafeBitCast(load(values, start, absent: 3), to: Words.self)
    let biased = (bits &>> 52) & 0x7FF
    let fraction = bits & 0x000F_FFFF_FFFF_FFFF
    var c = fraction | 1 &<< 52
    let isExtreme = ((biased &+ 1) & 0x7FE).isZero
    var isOther = isExtreme .| fraction.isZero
    var e = biased  // + 1075
    let isNarrow = format.precision < 53
    if isNarrow {
      let cut = UInt64(truncatingIfNeeded: 53 &- format.precision)
      c = c &>> cut
      e = e &+ cut
      let leastNormal = UInt64(truncatingIfNeeded: 1023 &+ format.leastNormalExponent)
      let count = UInt64(truncatingIfNeeded: 2 &* format.greatestExponent)
      let isBeyond = .!((biased &- leastNormal) .< Words(repeating: count))
      isOther = isOther .| isBeyond .| (.!(fraction & (1 &<< cut &- 1)).isZero)
      // Keep the power of undecided lanes inside the table.
      e = e.replacing(with: 1024, where: isOther)
    }
    let log10Offset = UInt64(400 &<< 20) &- 1075 &* 315_653
    let log2Offset = UInt64(1200 &<< 16) &- 293 &* 217_706
    // floor(log10 2^e) + 400, which is positive; right for |e| < 1,650.
    let log10 = (e.lowerProduct(Words(repeating: 315_653)) &+ log10Offset) &>> 20
    // The table's row for 10^q = 10^-k: 0...616 for e in -1075...972.
    var place = 692 &- log10
    // floor(log2 10^q) + 1200. Then 2^e · 10^q is in [2^(shift-5), 2^(shift-4)), and shift in 1...4.
    let log2 = (place.lowerProduct(Words(repeating: 217_706)) &+ log2Offset) &>> 16
    let shift = e &+ log2 &- 2270
    // The powers of these lanes are not used. Zeros are common, and must not move the window.
    place = place.replacing(with: Words(repeating: block.window), where: isExtreme)
    block.window = vector_window(place, block.window, TextTables.lastWindow)
    let upper = unsafe vector_look_up(tables.upperPowers, place, block.window)
    let lower = unsafe vector_look_up(tables.lowerPowers, place, block.window)

    // c · 2^e · 10^-k = c 2^shift · power / 2^128. No sum of the upper product overflows, since the factors are below
    // 2^57 and 2^60.
    let scaled = c &<< shift
    let low = scaled.lowerProduct(upper)
    let (scaledUpper, upperUpper) = (scaled.upperHalf, upper.upperHalf)
    let cross = scaled.lowerProduct(upperUpper) &+ scaledUpper.lowerProduct(upper) &+ low.upperHalf
    let integer = scaledUpper.lowerProduct(upperUpper) &+ cross.upperHalf
    let middle = (cross &<< 32) | low.lowerHalf
    let below = middle &+ scaled.upperProduct(lower)
    // 63 bits of its fraction are kept. The true fraction is above `fractionBits` - 1 and below `fractionBits` + 2.
    // Half the distance between neighbours is above `half` - 1 and below `half` + 5, since it uses the power's upper
    // word only.
    let fractionBits = below &>> 1
    let half = (upper &<< shift) &>> 2
    let fromLower = fractionBits &- half
    let toUpper = fractionBits &+ half
    // Times 20: twice the next digit.
    let twenty = Words(repeating: 20)
    let carried = fractionBits.lowerProduct(twenty).upperHalf
    let digit = (fractionBits.upperHalf.lowerProduct(twenty) &+ carried).upperHalf
    let rest = (fractionBits &<< 4) &+ (fractionBits &<< 2)
    let isNearEnd = ((fromLower &+ 16) &>> 5).isZero .| ((toUpper &<< 1 &+ 32) &>> 6).isZero
    let isHalfway = ((rest &- 0x7FFF_FFFF_FFFF_FFC0) &>> 7).isZero

    // By sign bits and without branches, since nothing predicts which it is. A digit of 10 is never used: then the next
    // multiple of 10^k is within half a unit of 10^(k-1), which is at most half the distance between neighbours.
    let isLonger = ((fromLower | toUpper) &>> 63) &- 1
    var tens = integer &+ Words(where: below .< middle) &+ (toUpper &>> 63)
    var last = (digit &+ (rest &>> 63)) & isLonger
    var exponent = log10 &- 400
    if isNarrow {
      // Append zeros, to have as many digits as a binary64. Before the last there are as many as an integer of the
      // format's precision has, or one or two fewer. In two steps, since factors must be below 2^32: the first makes
      // nine digits at most.
      let integerDigits = (315_653 &* format.precision) &>> 20 &+ 1
      let zeros = 15 &- integerDigits
      var padding: UInt64 = 1
      for _ in 7..<zeros { padding = padding &* 10 }
      tens = (tens.lowerProduct(Words(repeating: 10)) &+ last).lowerProduct(Words(repeating: padding))
      tens = tens.lowerProduct(Words(repeating: 10_000_000))
      last = .zero
      let isShort = Words(where: tens .< Words(repeating: 100_000_000_000_000))
      tens = tens &+ (((tens &<< 3) &+ tens) & (Words.zero &- isShort))
      exponent = exponent &- UInt64(truncatingIfNeeded: zeros &+ 1) &- isShort
    }
    // Zeros are common, so they are decided here. Zero is written without a sign.
    let isZero = (bits &<< 1).isZero
    tens = tens.replacing(with: 0, where: isZero)
    last = last.replacing(with: 0, where: isZero)
    exponent = exponent.replacing(with: 0 &- 15, where: isZero)
    let sign = (bits &>> 63).replacing(with: 0, where: isZero)
    block[.tens] = tens
    block[.last] = last
    block[.exponent] = exponent
    block[.sign] = sign
    let undecided = Words(where: (isOther .| isNearEnd .| isHalfway) .& .!isZero)
    block[.undecided] = undecided
    return undecided.hasAny
  }

  /// Makes texts of the block's decimals: their digits, and how these are laid out.
  @inlinable @inline(never)
  public static func layOutDigits(of block: inout DecimalBlock) {
    // Where the first of the seventeen digits would be a zero, they are multiplied by ten.
    let (sixteen, seventeenth) = (block[.tens], block[.last])
    let isShorter = sixteen .< Words(repeating: 1_000_000_000_000_000)
    let timesTen: Words = (sixteen &<< 3) &+ (sixteen &<< 1) &+ seventeenth
    let tens = sixteen.replacing(with: timesTen, where: isShorter)
    let last = seventeenth.replacing(with: 0, where: isShorter)
    // The power of ten of the first digit.
    let power = block[.exponent] &+ 16 &- Words(where: isShorter)

    let eights = byHundredMillion(tens)
    let (head, middle) = (digits(of: eights.upperHalf), digits(of: eights.lowerHalf))
    var pairs = SIMD16<UInt64>()
    pairs.evenHalf = head
    pairs.oddHalf = middle
    block[.digits] = pairs.lowHalf
    block[.moreDigits] = pairs.highHalf
    pairs.evenHalf = middle
    pairs.oddHalf = last
    block[.lastDigits] = pairs.lowHalf
    block[.moreLastDigits] = pairs.highHalf

    // Count the zeros at the end: among the last eight digits and, only if all of these are zeros, among the eight
    // before. The first digit counts even if it is a zero.
    let tail: Words = (middle &<< 8) | last
    let front: Words = (head &<< 8) | (middle &>> 56)
    let isShort = tail.isZero
    let counted = tail.replacing(with: front, where: isShort)
    // All bits below the lowest that is not zero.
    let below = ~counted & (counted &- 1)
    let zeros = vector_sum_bytes((below &>> 7) & 0x0101_0101_0101_0101)
    // The digits and the point.
    let count = 18 &- zeros &- (Words(where: isShort) &<< 3)

    let isPlain = power &+ TextLayout.plainPowers.below .< Words(repeating: TextLayout.plainPowers.count)
    let row = Words(repeating: TextLayout.plainPowers.count).replacing(
      with: power &+ TextLayout.plainPowers.below, where: isPlain)
    block[.layout] = (row &<< 7) | (block[.sign] &<< 6)
    // Plain: after zeros where the number is below 1, and with at least one digit after the point.
    let zerosBefore = (Words.zero &- power) & Words.signs(of: power)
    let plain = count &+ zerosBefore
    let missing = power &+ 3 &- plain
    let atLeast = plain &+ (missing & ~Words.signs(of: missing))
    // With an exponent: "1e-5", not "1.e-5".
    let pointed = count.replacing(with: 1, where: count .== Words(repeating: 2))
    block[.length] = pointed.replacing(with: atLeast, where: isPlain) &+ block[.sign]
    block[.tail] = power &- TextTail.leastPower
  }

  /// The quotient of a number by 10^8 in the upper half of its word, and the remainder in the lower; for zero and for
  /// numbers from 10^15 up to 10^16.
  ///
  /// The quotient of n is computed as n · m / 2^89, without the product of the lower halves of n · 2^9 and m, which is
  /// less than 2^64 / 2^98 of it. The multiplier m exceeds 2^89 / 10^8 by more than 100 and less than 101. This adds at
  /// least 1.6e-10, which is more than what is left out, and at most 1.7e-9, which is less than the 1e-8 that would be
  /// missing to the next quotient.
  @inlinable @inline(__always)
  static func byHundredMillion(_ number: Words) -> Words {
    let scaled = number &<< 9
    let multiplier = Words(repeating: 6_189_700_196_426_901_475)
    let cross = scaled.upperHalf.lowerProduct(multiplier) &+ scaled.lowerProduct(multiplier.upperHalf)
    let quotient = (scaled.upperHalf.lowerProduct(multiplier.upperHalf) &+ cross.upperHalf) &>> 34
    return number &+ quotient.lowerProduct(Words(repeating: 1 &<< 32 &- 100_000_000))
  }

  /// The eight digits of numbers below 10^8, each in a byte, the first in the highest. The number is cut into halves,
  /// quarters and eighths: each product and shift divides all parts at once by 10,000, 100 and 10. Of a part x with a
  /// quotient q and a divisor d, x + q (2^k - d) has the remainder in its lower k bits and the quotient above.
  @inlinable @inline(__always)
  static func digits(of number: Words) -> Words {
    let upper = number.lowerProduct(Words(repeating: 109_951_163)) &>> 40
    let halves = (number &+ upper.lowerProduct(Words(repeating: 1 &<< 32 &- 10_000))).halves
    let quarters = Words(halves &+ ((halves &* 10_486) &>> 20) &* 65_436).quarters
    let products = quarters &* Words(repeating: 0x0067_0067_0067_0067).quarters
    let tens = (Words(products) &>> 10 & 0x000F_000F_000F_000F).quarters
    return Words(quarters &+ tens &* Words(repeating: 0x00F6_00F6_00F6_00F6).quarters)
  }
}
