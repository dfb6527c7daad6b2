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
    for i in 0..<a.limbs.count where a.limbs[i] != b.limbs[i] { return false }
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
