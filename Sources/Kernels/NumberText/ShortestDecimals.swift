/// Binary to the shortest decimal that reads back, and among the shortest the closest, eight numbers at a time.
///
/// After R. Giulietti, "The Schubfach way to render doubles" (2020), with one product in the ordinary case as in
/// V. Zverovich's żmij and Y. Guo's yy.
extension VectorLoops {
  /// Finds the decimals of `values[start ..< start + 8]`, or of as many as there are, and their texts' parts.
  ///
  /// - Parameters:
  ///   - isSingle: what is asked for is what reads back to the same binary32, which the number holds exactly.
  ///   - powers: the first 124 bits of 10^q for q in -293...323, the upper 60 and the lower 64, less than one below.
  ///     The four bits of room put the product's integer part at a word's end.
  /// - Returns: whether any lane's row ``DecimalBlock/Row/undecided`` is 1, since this precision does not decide it: next to the ends of the
  ///   interval that reads back, half-way between two candidates, powers of two, whose interval is another, subnormal numbers
  ///   and what is no number of the format.
  ///
  /// The number is c · 2^e. With k = floor(log10 2^e) + 1, the distance between neighbours in units of 10^k is 1/10 or more and
  /// less than 1. So in the interval that reads back there is at most one multiple of 10^k, which then is the shortest, and
  /// else the multiple of 10^(k-1) closest to the value is in it.
  @inlinable @inline(__always)
  public static func shortestDecimals(
    of values: Span<Double>, from start: Int, isSingle: Bool, powers: Span<UInt64>,
    into block: inout DecimalBlock
  ) -> Bool {
    precondition(start >= 0 && start < values.count && powers.count == 2 &* 617)
    // Three is decided, so that what is not there asks for nothing.
    let bits = unsafe unsafeBitCast(load(values, start, absent: 3), to: Words.self)
    let biased = (bits &>> 52) & 0x7FF
    let fraction = bits & 0x000F_FFFF_FFFF_FFFF
    var c = fraction | 1 &<< 52
    let isExtreme = ((biased &+ 1) & 0x7FE).isZero
    var isOther = isExtreme .| fraction.isZero
    var e = biased  // + 1075
    if isSingle {
      c = c &>> 29
      e = e &+ 29
      let isBeyond = .!((biased &- 897) .< Words(repeating: 254))
      isOther = isOther .| isBeyond .| (.!(fraction & 0x1FFF_FFFF).isZero)
      // Whatever they are, their power must be in the table.
      e = e.replacing(with: 1024, where: isOther)
    }
    let log10Offset = UInt64(400 &<< 20) &- 1075 &* 315_653
    let log2Offset = UInt64(1200 &<< 16) &- 293 &* 217_706
    // floor(log10 2^e), + 400 to be positive; right for |e| < 1,650.
    let log10 = (e.lowerProduct(Words(repeating: 315_653)) &+ log10Offset) &>> 20
    // 10^q = 10^-k stands at this place, which is 0...616 for e in -1075...972.
    let place = 692 &- log10
    // floor(log2 10^q), + 1200; with it 2^e · 10^q is in [2^(shift-5), 2^(shift-4)), and shift in 1...4.
    let log2 = (place.lowerProduct(Words(repeating: 217_706)) &+ log2Offset) &>> 16
    let shift = e &+ log2 &- 2270
    var upper = Words.zero
    var lower = Words.zero
    for lane in 0..<8 {
      let row = 2 &* Int(truncatingIfNeeded: place[lane])
      unsafe upper[lane] = powers[unchecked: row]
      unsafe lower[lane] = powers[unchecked: row &+ 1]
    }

    // c · 2^e · 10^-k = c 2^shift · power / 2^128. No sum of the upper product overflows: the factors are below 2^57 and 2^60.
    let scaled = c &<< shift
    let low = scaled.lowerProduct(upper)
    let (scaledUpper, upperUpper) = (scaled.upperHalf, upper.upperHalf)
    let cross = scaled.lowerProduct(upperUpper) &+ scaledUpper.lowerProduct(upper) &+ low.upperHalf
    let integer = scaledUpper.lowerProduct(upperUpper) &+ cross.upperHalf
    let middle = (cross &<< 32) | low.lowerHalf
    let below = middle &+ scaled.upperProduct(lower)
    // Of its fraction 63 bits are kept; the true one is above `fraction` - 1 and below `fraction` + 2, and half the distance
    // between neighbours is above `half` - 1 and below `half` + 5, since of the power only the upper word counts.
    let fractionBits = below &>> 1
    let half = (upper &<< shift) &>> 2
    let fromLower = fractionBits &- half
    let toUpper = fractionBits &+ half
    // Times 20: the digit behind, in halves.
    let twenty = Words(repeating: 20)
    let carried = fractionBits.lowerProduct(twenty).upperHalf
    let digit = (fractionBits.upperHalf.lowerProduct(twenty) &+ carried).upperHalf
    let rest = (fractionBits &<< 4) &+ (fractionBits &<< 2)
    let isNearEnd = ((fromLower &+ 16) &>> 5).isZero .| ((toUpper &<< 1 &+ 32) &>> 6).isZero
    let isHalfway = ((rest &- 0x7FFF_FFFF_FFFF_FFC0) &>> 7).isZero

    // By the sign bits and not by branches, since which it is cannot be predicted. A digit of 10 never stays: then the
    // next multiple of 10^k is within half a unit of 10^(k-1), which is no more than half the distance between neighbours.
    let isLonger = ((fromLower | toUpper) &>> 63) &- 1
    var tens = integer &+ Words(where: below .< middle) &+ (toUpper &>> 63)
    var last = (digit &+ (rest &>> 63)) & isLonger
    var exponent = log10 &- 400
    if isSingle {
      // Zeros behind, to have as many digits as a binary64: there are seven or eight before the last.
      tens = (tens.lowerProduct(Words(repeating: 10)) &+ last).lowerProduct(Words(repeating: 10_000_000))
      last = .zero
      let isShort = Words(where: tens .< Words(repeating: 100_000_000_000_000))
      tens = tens &+ (((tens &<< 3) &+ tens) & (Words.zero &- isShort))
      exponent = exponent &- 8 &- isShort
    }
    // Masked logits make many zeros. Zero has no sign.
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

  /// The parts of the texts of the block's decimals.
  @inlinable @inline(__always)
  public static func layDigits(of block: inout DecimalBlock) {
    lay(block[.tens], block[.last], block[.exponent], into: &block)
  }

  @inlinable @inline(__always)
  static func lay(_ tens: Words, _ last: Words, _ exponent: Words, into block: inout DecimalBlock) {
    let zeros: UInt64 = 0x3030_3030_3030_3030
    // The quotient by 10^8: 10^16 / 2^90 is less than the multiplier's excess allows.
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
    // The zeros at the end are counted among the last eight digits, and only if these all are zeros, among the eight before:
    // one of these is none, or else the first of seventeen is all there is.
    let tail: Words = (middle &>> 8) | (last &<< 56)
    let isShort = Words(where: tail.isZero)
    let front: Words = (head &>> 8) | (middle &<< 56)
    let counted: Words = tail | (front & (Words.zero &- isShort))
    block[.count] = (countOfBytes(counted) &+ 9 &- (isShort &<< 3) &- lead)
  }

  /// The eight digits of numbers below 10^8, each in a byte, the first in the lowest: halves, quarters, eighths. Each product
  /// with a shift is a division by 10,000, 100 and 10, for all parts at once.
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

  /// How many bytes there are up to the highest that is not zero, for bytes below 16.
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
