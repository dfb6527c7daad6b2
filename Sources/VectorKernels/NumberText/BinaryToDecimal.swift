/// Binary to the shortest decimal that reads back to the same number, and of the shortest the closest, eight numbers at
/// a time. After R. Giulietti, "The Schubfach way to render doubles" (2020), with one product in the ordinary case as
/// in V. Zverovich's żmij and Y. Guo's yy.
extension VectorLoops {
  /// Finds the decimals of `values[start ..< start + 8]`, or of as many as there are, and the parts of their texts.
  ///
  /// - Parameters:
  ///   - format: the decimals need to read back to the same number of this format only, which each value is.
  ///   - powers: the first 124 bits of 10^q for q in -293...323, rounded down: the upper 60 bits, then the lower 64.
  ///     The four bits of room make the product's integer part end at a word's end.
  /// - Returns: whether ``DecimalBlock/Field/undecided`` is 1 in any lane, because this precision does not decide it:
  ///   next to an end of the interval that reads back, half-way between two candidates, a power of two (whose interval
  ///   is another), a subnormal number, or no number of the format.
  ///
  /// The number is c · 2^e. With k = floor(log10 2^e) + 1, the distance between neighbours is in [1/10, 1) units of
  /// 10^k. So the interval that reads back holds at most one multiple of 10^k. If there is one, it is the shortest;
  /// otherwise the multiple of 10^(k-1) closest to the value is in the interval.
  @inlinable @inline(__always)
  public static func shortestDecimals(
    of values: Span<Double>, from start: Int, format: BinaryFormat, powers: Span<UInt64>,
    into block: inout DecimalBlock
  ) -> Bool {
    precondition(start >= 0 && start < values.count && powers.count == 2 &* 617)
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
    let place = 692 &- log10
    // floor(log2 10^q) + 1200. Then 2^e · 10^q is in [2^(shift-5), 2^(shift-4)), and shift in 1...4.
    let log2 = (place.lowerProduct(Words(repeating: 217_706)) &+ log2Offset) &>> 16
    let shift = e &+ log2 &- 2270
    var upper = Words.zero
    var lower = Words.zero
    for lane in 0..<8 {
      let row = 2 &* Int(truncatingIfNeeded: place[lane])
      unsafe upper[lane] = powers[unchecked: row]
      unsafe lower[lane] = powers[unchecked: row &+ 1]
    }

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
    block[.tens] = tens
    block[.last] = last
    block[.exponent] = exponent
    block[.sign] = (bits &>> 63).replacing(with: 0, where: isZero)
    lay(tens, last, exponent, into: &block)
    let undecided = Words(where: (isOther .| isNearEnd .| isHalfway) .& .!isZero)
    block[.undecided] = undecided
    return undecided.hasAny
  }

  /// Makes the parts of the texts from the block's decimals again.
  @inlinable @inline(__always)
  public static func layDigits(of block: inout DecimalBlock) {
    lay(block[.tens], block[.last], block[.exponent], into: &block)
  }

  @inlinable @inline(__always)
  static func lay(_ tens: Words, _ last: Words, _ exponent: Words, into block: inout DecimalBlock) {
    let zeros: UInt64 = 0x3030_3030_3030_3030
    // tens / 10^8, exactly: the multiplier times 10^8 exceeds 2^90 by 875,776, and tens times that is below 2^90.
    let upper = tens.upperProduct(Words(repeating: 0xABCC_7711_8461_CEFD)) &>> 26
    let head = digits(of: upper)
    let middle = digits(of: tens &- upper.lowerProduct(Words(repeating: 100_000_000)))
    let lead = (tens &- 1_000_000_000_000_000) &>> 63
    let headText = head | zeros
    let first: Words = headText &>> (lead &<< 3)
    let pointed: Words = (first & 0xFF) | ((first & ~0xFF) &<< 8)
    block[.head] = headText
    block[.middle] = (middle | zeros)
    block[.end] = (last | 0x30)
    block[.lead] = lead
    block[.first] = first
    block[.pointed] = (pointed | 0x2E00)
    block[.power] = (exponent &+ 16 &- lead)
    // Count the zeros at the end among the last eight digits and, only if all of these are zeros, among the eight
    // before. One of those is not zero, or the first of the seventeen is the only digit.
    let tail: Words = (middle &>> 8) | (last &<< 56)
    let isShort = Words(where: tail.isZero)
    let front: Words = (head &>> 8) | (middle &<< 56)
    let counted: Words = tail | (front & (Words.zero &- isShort))
    block[.count] = (countOfBytes(counted) &+ 9 &- (isShort &<< 3) &- lead)
  }

  /// The eight digits of numbers below 10^8, each in a byte, the first in the lowest. The number is cut into halves,
  /// quarters and eighths: each product and shift divides all parts at once by 10,000, 100 and 10.
  @inlinable @inline(__always)
  static func digits(of number: Words) -> Words {
    let upper = number.lowerProduct(Words(repeating: 109_951_163)) &>> 40
    let rest: Words = number &- upper.lowerProduct(Words(repeating: 10_000))
    let halves = (upper | (rest &<< 32)).halves
    let hundreds = (halves &* 10_486) &>> 20
    // x 2^16 + q (1 - 100 · 2^16) is (x - 100 q) 2^16 + q.
    let quarters = Words((halves &<< 16) &+ (hundreds &* 0xFF9C_0001)).quarters
    let products = Words(quarters &* Words(repeating: 0x0067_0067_0067_0067).quarters)
    let tens = ((products &>> 10) & 0x000F_000F_000F_000F).quarters
    let moved = (Words(quarters) &<< 8).quarters
    return Words(moved &+ (tens &* Words(repeating: 0xF601_F601_F601_F601).quarters))
  }

  /// How many bytes there are up to the highest that is not zero; for bytes below 16.
  @inlinable @inline(__always)
  static func countOfBytes(_ word: Words) -> Words {
    var bytes = word | (word &>> 8)
    bytes = bytes | (bytes &>> 16)
    bytes = bytes | (bytes &>> 32)
    var ones = ((bytes &+ 0x7F7F_7F7F_7F7F_7F7F) &>> 7) & 0x0101_0101_0101_0101
    ones = ones &+ (ones &>> 32)
    ones = ones &+ (ones &>> 16)
    ones = ones &+ (ones &>> 8)
    return ones & 0xF
  }
}

/// Eight numbers being written as text, one in each lane: their decimals, and the parts that make up their texts.
///
/// In memory it is rows of eight words, in the order of ``Field``.
@frozen
public struct DecimalBlock: BitwiseCopyable, Sendable {
  /// What a row holds. Text is words whose lowest byte comes first. Negative numbers are in two's complement.
  @frozen
  public enum Field: Int, CaseIterable, Sendable {
    /// A number's magnitude is (10·tens + last) · 10^exponent with last < 10. A normal number has 10^14 ≤ tens < 10^16;
    /// zero is 0 · 10^-15. The last digit is kept apart, since it is found separately and sixteen digits fill two
    /// words.
    case tens, last, exponent
    /// 1 for a number with a minus sign.
    case sign
    /// The seventeen digits as text: the first eight, the next eight, and the last.
    case head, middle, end
    /// 1 where the first of the seventeen digits is a zero.
    case lead
    /// `head` without that zero; and the same with a point after its first digit.
    case first, pointed
    /// The number of digits without zeros at the front and at the end: at least one; none for zero.
    case count
    /// The power of ten of the first digit that is not zero.
    case power
    /// 1 where this lane could not be decided; then its other fields mean nothing.
    case undecided
  }

  @usableFromInline
  var rows = InlineArray<13, Words>(repeating: .zero)

  @inlinable
  public init() {}

  @inlinable @inline(__always)
  public subscript(field: Field) -> Words {
    get { rows[field.rawValue] }
    set { rows[field.rawValue] = newValue }
  }
}
