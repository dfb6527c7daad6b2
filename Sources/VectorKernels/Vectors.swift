public import CVector

/// Eight words that a loop treats alike: two AVX2 registers, one of AVX-512, four of SSE2 or NEON.
public typealias Words = SIMD8<UInt64>

extension SIMD8<UInt64> {
  @inlinable @inline(__always)
  var lowerHalf: Words { self & 0xFFFF_FFFF }
  @inlinable @inline(__always)
  var upperHalf: Words { self &>> 32 }

  /// The exact product of the lower halves: one instruction, where a product of whole words is four or more.
  @inlinable @inline(__always)
  func lowerProduct(_ other: Words) -> Words { lowerHalf &* other.lowerHalf }

  /// The upper word of the product of two words, from the products of their halves.
  @inlinable @inline(__always)
  func upperProduct(_ other: Words) -> Words {
    let (upper, otherUpper) = (upperHalf, other.upperHalf)
    // No sum here overflows, since (2^32 - 1)^2 + 2^32 - 1 is below 2^64.
    let middle = lowerProduct(otherUpper) &+ lowerProduct(other).upperHalf
    return upper.lowerProduct(otherUpper) &+ middle.upperHalf
      &+ (middle.lowerHalf &+ upper.lowerProduct(other)).upperHalf
  }

  /// One in each lane where `condition` holds, zero elsewhere.
  @inlinable @inline(__always)
  init(where condition: SIMDMask<SIMD8<Int64>>) { self = Words.zero.replacing(with: 1, where: condition) }

  /// All bits in each lane that is negative in two's complement.
  @inlinable @inline(__always)
  static func signs(of words: Words) -> Words { .zero &- (words &>> 63) }

  /// Whether any lane is not zero.
  @inlinable @inline(__always)
  var hasAny: Bool {
    let four = lowHalf | highHalf
    let two = four.lowHalf | four.highHalf
    return two[0] | two[1] != 0
  }

  /// How many lanes are zero before the first that is not.
  @inlinable @inline(__always)
  var leadingZeroLanes: Int {
    var count = 0
    while count < 8, self[count] == 0 { count &+= 1 }
    return count
  }

  @inlinable @inline(__always)
  var isZero: SIMDMask<SIMD8<Int64>> { self .== Words.zero }

  /// Halves and quarters of words, for arithmetic on each. Write constants as words: the compiler builds a vector of 32
  /// lanes lane by lane.
  @inlinable @inline(__always)
  var halves: SIMD16<UInt32> { unsafe unsafeBitCast(self, to: SIMD16<UInt32>.self) }
  @inlinable @inline(__always)
  var quarters: SIMD32<UInt16> { unsafe unsafeBitCast(self, to: SIMD32<UInt16>.self) }
  @inlinable @inline(__always)
  init(_ halves: SIMD16<UInt32>) { self = unsafe unsafeBitCast(halves, to: Words.self) }
  @inlinable @inline(__always)
  init(_ quarters: SIMD32<UInt16>) { self = unsafe unsafeBitCast(quarters, to: Words.self) }
}

// Masks by functions of C: SIMD's own go lane by lane, of which the compiler does not always make whole vectors again,
// and then goes on in halves, quarters or single numbers with all that a mask has to do with.

/// Lanes of which each is true, all bits of an integer set, or false, none.
public typealias VectorMask = SIMDMask<SIMD8<Int64>>

@inlinable @inline(__always)
func isBelow(_ a: Vector, _ b: Vector) -> VectorMask {
  // Safe: C's lanes are 0 and -1 too, here and below.
  unsafe unsafeBitCast(vector_below(a, b), to: VectorMask.self)
}

@inlinable @inline(__always)
func isEqual(_ a: Vector, _ b: Vector) -> VectorMask {
  unsafe unsafeBitCast(vector_equal(a, b), to: VectorMask.self)
}

/// |x|, lane by lane.
@inlinable @inline(__always)
func magnitude(_ x: Vector) -> Vector {
  let bits = unsafe unsafeBitCast(x, to: SIMD8<Int64>.self) & Int64.max
  return unsafe unsafeBitCast(bits, to: Vector.self)
}

/// Lane by lane one or the other.
@inlinable @inline(__always)
func choose(_ a: Vector, else b: Vector, where mask: VectorMask) -> Vector {
  unsafe vector_choose(a, b, unsafeBitCast(mask, to: SIMD8<Int64>.self))
}

@inlinable @inline(__always)
func choose(_ a: VectorPair, else b: VectorPair, where mask: VectorMask) -> VectorPair {
  VectorPair(high: choose(a.high, else: b.high, where: mask), low: choose(a.low, else: b.low, where: mask))
}

/// The pair, or a number that takes its place.
@inlinable @inline(__always)
func choose(_ a: VectorPair, else b: Double, where mask: VectorMask) -> VectorPair {
  choose(a, else: VectorPair(repeating: DoubleDouble(high: b)), where: mask)
}

@inlinable @inline(__always)
func choose(_ a: VectorTriple, else b: VectorTriple, where mask: VectorMask) -> VectorTriple {
  VectorTriple(
    high: choose(a.high, else: b.high, where: mask), middle: choose(a.middle, else: b.middle, where: mask),
    low: choose(a.low, else: b.low, where: mask))
}

/// A bit for each lane, the first in the lowest.
@inlinable @inline(__always)
func maskBits(_ mask: VectorMask) -> UInt64 {
  unsafe UInt64(vector_bits(unsafeBitCast(mask, to: SIMD8<Int64>.self)))
}
