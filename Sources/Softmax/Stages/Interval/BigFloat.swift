/// Which way a result that does not fit is rounded.
enum Direction {
  /// Toward -∞.
  case down
  /// Toward +∞.
  case up
}

/// A binary floating-point number of as many bits as its limbs hold, with an exponent that no product of this service's
/// numbers can overflow.
///
/// Its value is `sign · 0.limbs · 2^exponent`, the top bit of the limbs set unless it is zero. Each operation is exact
/// where the result fits, and else rounded as told, so that an interval's ends stay exact as long as they can.
struct BigFloat<L: Limbs>: Sendable {
  /// -1, 0 or 1.
  var sign: Int
  var exponent: Int
  var limbs: L

  /// Zero.
  init(like limbs: L) {
    sign = 0
    exponent = 0
    self.limbs = limbs.zeros
  }

  init(sign: Int, exponent: Int, limbs: L) {
    self.sign = sign
    self.exponent = exponent
    self.limbs = limbs
  }

  /// A finite binary64, exactly.
  init(_ value: Double, like limbs: L) {
    let magnitude = value.magnitude
    let isSubnormal = magnitude < Double.leastNormalMagnitude
    let significand = value.significandBitPattern | (isSubnormal ? 0 : 1 &<< 52)
    let exponent = isSubnormal ? -1022 : Int(value.exponentBitPattern) &- 1023
    self.init(UInt64(significand), exponent: exponent &- 52, isNegative: value < 0, like: limbs)
  }

  /// `integer · 2^exponent`, exactly.
  init(_ integer: UInt64, exponent: Int, isNegative: Bool, like limbs: L) {
    self.init(like: limbs)
    guard integer != 0 else { return }
    let zeros = integer.leadingZeroBitCount
    sign = isNegative ? -1 : 1
    self.exponent = exponent &+ 64 &- zeros
    self.limbs[limbs.count &- 1] = integer &<< UInt64(zeros)
  }

  /// An unsigned fixed-point number `fraction · 2^(exponent - 64 count)`, exactly.
  init(fraction: L, exponent: Int) {
    self.init(like: fraction)
    let zeros = fraction.leadingZeroBits
    guard zeros < 64 &* fraction.count else { return }
    sign = 1
    self.exponent = exponent &- zeros
    limbs = fraction
    shiftLeft(by: zeros, guardLimb: 0)
  }

  prefix static func - (x: BigFloat) -> BigFloat {
    BigFloat(sign: 0 &- x.sign, exponent: x.exponent, limbs: x.limbs)
  }

  /// This number times a power of two, exactly.
  func scaled(by power: Int) -> BigFloat {
    BigFloat(sign: sign, exponent: exponent &+ power, limbs: limbs)
  }

  /// This number in as many limbs as another has, exact where it fits, else rounded.
  func cut<M: Limbs>(to other: M, _ direction: Direction) -> BigFloat<M> {
    var result = BigFloat<M>(sign: sign, exponent: exponent, limbs: other.zeros)
    let dropped = limbs.count &- other.count
    for i in 0..<other.count { result.limbs[i] = limbs.limb(i &+ dropped) }
    var isCut = false
    for i in 0..<max(0, dropped) where limbs[i] != 0 { isCut = true }
    if isCut, Self.isAway(direction, sign: sign) { result.roundAway() }
    return result
  }

  /// A binary64 within a relative error of 2^-52, or beyond its range infinite or zero.
  var approximation: Double {
    guard sign != 0 else { return 0 }
    let top = Double(limbs[limbs.count &- 1]) * 0x1p-64
    let bounded = max(-2000, min(2000, exponent))
    return Double(sign) * Double(sign: .plus, exponent: bounded, significand: top)
  }

  /// Whether the magnitude is less than another's.
  func isMagnitudeLess(than other: BigFloat) -> Bool {
    if sign == 0 || other.sign == 0 { return other.sign != 0 && sign == 0 }
    return exponent == other.exponent ? limbs.isLess(than: other.limbs) : exponent < other.exponent
  }

  static func == (a: BigFloat, b: BigFloat) -> Bool {
    guard a.sign == b.sign else { return false }
    if a.sign == 0 { return true }
    guard a.exponent == b.exponent else { return false }
    let (first, second) = (a.limbs.count, b.limbs.count)
    for i in 1...max(first, second) where a.limbs.limb(first &- i) != b.limbs.limb(second &- i) { return false }
    return true
  }

  static func < (a: BigFloat, b: BigFloat) -> Bool {
    if a.sign != b.sign { return a.sign < b.sign }
    return a.sign < 0 ? b.isMagnitudeLess(than: a) : a.isMagnitudeLess(than: b)
  }

  /// Shifts the limbs and a limb below them left; returns what is left of the limb below.
  @discardableResult
  mutating func shiftLeft(by shift: Int, guardLimb: UInt64) -> UInt64 {
    guard shift > 0 else { return guardLimb }
    let words = shift / 64
    let bits = UInt64(shift % 64)
    for i in stride(from: limbs.count - 1, through: 0, by: -1) {
      let from = i &- words
      let high = from == -1 ? guardLimb : limbs.limb(from)
      let low = from == 0 ? guardLimb : limbs.limb(from &- 1)
      limbs[i] = bits == 0 ? high : high &<< bits | low &>> (64 &- bits)
    }
    return words > 0 ? 0 : guardLimb &<< bits
  }

  /// Takes the magnitude one unit in the last place up, for a result that was cut.
  @inline(__always) mutating func roundAway() {
    if limbs.add(1) {
      limbs[limbs.count &- 1] = 1 &<< 63
      exponent &+= 1
    }
  }

  /// Whether rounding in a direction takes a number of this sign away from zero.
  @inline(__always) static func isAway(_ direction: Direction, sign: Int) -> Bool {
    (direction == .up) == (sign > 0)
  }
}

extension BigFloat {
  /// `a + b`, exact where it fits, else rounded.
  static func sum(_ a: BigFloat, _ b: BigFloat, _ direction: Direction) -> BigFloat {
    if b.sign == 0 { return a }
    if a.sign == 0 { return b }
    return a.isMagnitudeLess(than: b) ? combine(b, a, direction) : combine(a, b, direction)
  }

  /// `large + small` where |large| >= |small| > 0.
  private static func combine(_ large: BigFloat, _ small: BigFloat, _ direction: Direction) -> BigFloat {
    let shift = Shift(of: small, toward: large)
    let isAway = isAway(direction, sign: large.sign)
    return large.sign == small.sign
      ? add(large, small, shifted: shift, isAway: isAway) : subtract(large, small, shifted: shift, isAway: isAway)
  }

  /// How far the smaller number's limbs are shifted right, so that they align with the larger one's.
  private struct Shift {
    let words: Int
    let bits: Int
    /// Whether anything that is not zero falls below the guard limb: there only this counts.
    let isCut: Bool

    init(of small: BigFloat, toward large: BigFloat) {
      let count = large.limbs.count
      let shift = min(large.exponent &- small.exponent, 64 &* (count &+ 2))
      words = shift / 64
      bits = shift % 64
      var isCut = words > 0 && bits > 0 && small.limbs.limb(words &- 1) &<< UInt64(64 &- bits) != 0
      for i in 0..<max(0, min(words &- 1, count)) where small.limbs[i] != 0 { isCut = true }
      self.isCut = isCut
    }
  }

  @inline(__always) private static func add(
    _ large: BigFloat, _ small: BigFloat, shifted shift: Shift, isAway: Bool
  ) -> BigFloat {
    var result = large
    let count = large.limbs.count
    var rest = small.limbs.shiftedRight(shift.words, shift.bits, at: -1)
    var carry: UInt64 = 0
    for i in 0..<count {
      let (first, one) = large.limbs[i].addingReportingOverflow(
        small.limbs.shiftedRight(shift.words, shift.bits, at: i))
      let (second, two) = first.addingReportingOverflow(carry)
      result.limbs[i] = second
      carry = one || two ? 1 : 0
    }
    if carry == 1 {
      rest |= result.limbs[0] & 1
      for i in 0..<count {
        let above = i &+ 1 < count ? result.limbs[i &+ 1] : 1
        result.limbs[i] = result.limbs[i] &>> 1 | above &<< 63
      }
      result.exponent &+= 1
    }
    if isAway, shift.isCut || rest != 0 { result.roundAway() }
    return result
  }

  @inline(__always) private static func subtract(
    _ large: BigFloat, _ small: BigFloat, shifted shift: Shift, isAway: Bool
  ) -> BigFloat {
    var result = large
    let count = large.limbs.count
    // Rounding the subtrahend up in the guard limb rounds the difference down: at most one bit cancels when anything is
    // cut, so that the guard limb's other 63 still stand below the result.
    let (below, over) = small.limbs.shiftedRight(shift.words, shift.bits, at: -1).addingReportingOverflow(
      shift.isCut ? 1 : 0)
    var rest = 0 &- below
    var borrow: UInt64 = over || below != 0 ? 1 : 0
    for i in 0..<count {
      let (first, one) = large.limbs[i].subtractingReportingOverflow(
        small.limbs.shiftedRight(shift.words, shift.bits, at: i))
      let (second, two) = first.subtractingReportingOverflow(borrow)
      result.limbs[i] = second
      borrow = one || two ? 1 : 0
    }
    var zeros = result.limbs.leadingZeroBits
    if zeros == 64 &* count {
      guard rest != 0 else { return BigFloat(like: large.limbs) }
      zeros &+= rest.leadingZeroBitCount
    }
    result.exponent &-= zeros
    rest = result.shiftLeft(by: zeros, guardLimb: rest)
    if isAway, shift.isCut || rest != 0 { result.roundAway() }
    return result
  }
}

extension BigFloat {
  /// `a · b`, exact where it fits, else rounded.
  static func product(_ a: BigFloat, _ b: BigFloat, _ direction: Direction) -> BigFloat {
    let sign = a.sign &* b.sign
    guard sign != 0 else { return BigFloat(like: a.limbs) }
    var result = BigFloat(sign: sign, exponent: a.exponent &+ b.exponent, limbs: a.limbs.zeros)
    let count = a.limbs.count
    // Short numbers, such as those that come from binary64, are zero at their low ends.
    let first = a.limbs.firstNonzero
    let second = b.limbs.firstNonzero
    let start = first &+ second
    var column = ColumnSum()
    var cut: UInt64 = 0
    var rest: UInt64 = 0
    for k in start..<max(count, start) {
      for i in first...(k &- second) { column.add(a.limbs[i], b.limbs[k &- i]) }
      cut |= rest
      rest = column.next()
    }
    for k in max(count, start)..<(2 &* count &- 1) {
      for i in max(first, k &- count &+ 1)...min(count &- 1, k &- second) {
        column.add(a.limbs[i], b.limbs[k &- i])
      }
      result.limbs[k &- count] = column.next()
    }
    result.limbs[count &- 1] = column.next()
    if result.limbs[count &- 1] &>> 63 == 0 {
      rest = result.shiftLeft(by: 1, guardLimb: rest)
      result.exponent &-= 1
    }
    if cut | rest != 0, isAway(direction, sign: sign) { result.roundAway() }
    return result
  }

  /// `a / b`, exact where it fits (the remainder is zero), else rounded; `b` is not zero.
  ///
  /// Long division by limbs (Knuth, The Art of Computer Programming 4.3.1, algorithm D), the dividend running on in
  /// zeros.
  static func quotient(_ a: BigFloat, _ b: BigFloat, _ direction: Direction) -> BigFloat {
    let sign = a.sign &* b.sign
    guard sign != 0 else { return BigFloat(like: a.limbs) }
    let count = a.limbs.count
    var result = BigFloat(sign: sign, exponent: a.exponent &- b.exponent, limbs: a.limbs)
    var remainder = a.limbs
    let isWhole = !a.limbs.isLess(than: b.limbs)
    if isWhole { _ = remainder.subtract(b.limbs) }
    for i in stride(from: count - 1, through: 0, by: -1) {
      result.limbs[i] = nextDigit(&remainder, b.limbs)
    }
    var isCut = remainder.leadingZeroBits < 64 &* count
    if isWhole {
      isCut = isCut || result.limbs[0] & 1 == 1
      for i in 0..<count {
        let above = i &+ 1 < count ? result.limbs[i &+ 1] : 1
        result.limbs[i] = result.limbs[i] &>> 1 | above &<< 63
      }
      result.exponent &+= 1
    }
    if isCut, isAway(direction, sign: sign) { result.roundAway() }
    return result
  }

  /// `remainder · 2^64 / divisor` as one limb; leaves the new remainder. The remainder is less than the divisor.
  @inline(__always) private static func nextDigit(_ remainder: inout L, _ divisor: L) -> UInt64 {
    let count = remainder.count
    let top = remainder[count &- 1]
    let next = count > 1 ? remainder[count &- 2] : 0
    let leading = divisor[count &- 1]
    var digit = top >= leading ? UInt64.max : leading.dividingFullWidth((top, next)).quotient
    for i in stride(from: count - 1, to: 0, by: -1) { remainder[i] = remainder[i &- 1] }
    remainder[0] = 0
    var carry: UInt64 = 0
    for i in 0..<count {
      let product = divisor[i].multipliedFullWidth(by: digit)
      let (low, one) = product.low.addingReportingOverflow(carry)
      let (difference, two) = remainder[i].subtractingReportingOverflow(low)
      remainder[i] = difference
      carry = product.high &+ (one ? 1 : 0) &+ (two ? 1 : 0)
    }
    // The estimate is at most two too large.
    var isNegative = top < carry
    var above = top &- carry
    while isNegative {
      digit &-= 1
      if remainder.add(divisor) {
        above = above &+ 1
        isNegative = above != 0
      }
    }
    return digit
  }
}
