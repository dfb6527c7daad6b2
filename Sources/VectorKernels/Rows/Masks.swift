public import CVector

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

/// Lane by lane one or the other.
@inlinable @inline(__always)
func choose(_ a: Vector, else b: Vector, where mask: VectorMask) -> Vector {
  unsafe vector_choose(a, b, unsafeBitCast(mask, to: SIMD8<Int64>.self))
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
