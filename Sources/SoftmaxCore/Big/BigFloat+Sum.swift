extension BigFloat {
  /// `a + b`, exact where it fits, else rounded.
  static func sum(_ a: BigFloat, _ b: BigFloat, _ direction: Direction) -> BigFloat {
    if b.sign == 0 { return a }
    if a.sign == 0 { return b }
    return a.isMagnitudeLess(than: b) ? combine(b, a, direction) : combine(a, b, direction)
  }

  /// `large + small` where |large| >= |small| > 0.
  private static func combine(_ large: BigFloat, _ small: BigFloat, _ direction: Direction) -> BigFloat {
    let count = large.limbs.count
    let shift = min(large.exponent &- small.exponent, 64 &* (count &+ 2))
    let words = shift / 64
    let bits = shift % 64
    let isAway = isAway(direction, sign: large.sign)
    // What the shift drops below the guard limb counts only as being there.
    var isCut = words > 0 && bits > 0 && small.limbs.limb(words &- 1) &<< UInt64(64 &- bits) != 0
    for i in 0..<max(0, min(words &- 1, count)) where small.limbs[i] != 0 { isCut = true }
    return large.sign == small.sign
      ? add(large, small, words, bits, isCut, isAway) : subtract(large, small, words, bits, isCut, isAway)
  }

  @inline(__always) private static func add(
    _ large: BigFloat, _ small: BigFloat, _ words: Int, _ bits: Int, _ isCut: Bool, _ isAway: Bool
  ) -> BigFloat {
    var result = large
    let count = large.limbs.count
    var rest = small.limbs.shiftedRight(words, bits, at: -1)
    var carry: UInt64 = 0
    for i in 0..<count {
      let (first, one) = large.limbs[i].addingReportingOverflow(small.limbs.shiftedRight(words, bits, at: i))
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
    if isAway, isCut || rest != 0 { result.roundAway() }
    return result
  }

  @inline(__always) private static func subtract(
    _ large: BigFloat, _ small: BigFloat, _ words: Int, _ bits: Int, _ isCut: Bool, _ isAway: Bool
  ) -> BigFloat {
    var result = large
    let count = large.limbs.count
    // Rounding the subtrahend up in the guard limb rounds the difference down: at most one bit cancels when anything is cut,
    // so that the guard limb's other 63 still stand below the result.
    let (below, over) = small.limbs.shiftedRight(words, bits, at: -1).addingReportingOverflow(isCut ? 1 : 0)
    var rest = 0 &- below
    var borrow: UInt64 = over || below != 0 ? 1 : 0
    for i in 0..<count {
      let (first, one) = large.limbs[i].subtractingReportingOverflow(small.limbs.shiftedRight(words, bits, at: i))
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
    if isAway, isCut || rest != 0 { result.roundAway() }
    return result
  }
}
