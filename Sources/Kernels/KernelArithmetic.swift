/// Eight numbers that every operation of a kernel treats alike: two AVX2 registers, one of AVX-512, four of NEON.
public typealias Vector = SIMD8<Double>

/// How a processor gets the exact product of two binary64 numbers.
///
/// Both ways give the same pair of numbers; ``multiplyAdd(_:_:_:)`` rounds once or twice. Every error bound in this
/// module counts two roundings, so it holds for both.
public protocol KernelArithmetic {
  /// `a·b` exactly, as its nearest binary64 and the rest.
  ///
  /// Edge Cases: exact when `|a|, |b| ≤ 2^995`, the product does not overflow and the rest does not underflow
  /// (`|a·b| ≥ 2^-968` or 0). Otherwise the rest is off by at most 2^-1074, or is not finite.
  static func product(_ a: Vector, _ b: Vector) -> (high: Vector, low: Vector)

  /// The same for one number.
  static func product(_ a: Double, _ b: Double) -> (high: Double, low: Double)

  /// `a·b + c`, rounded once or twice.
  static func multiplyAdd(_ a: Vector, _ b: Vector, _ c: Vector) -> Vector
}

/// For processors with a fused multiply-add: x86-64-v3 and later, arm64.
public enum FusedArithmetic: KernelArithmetic {
  @inlinable @inline(__always)
  public static func product(_ a: Vector, _ b: Vector) -> (high: Vector, low: Vector) {
    let high = a * b
    return (high, (-high).addingProduct(a, b))
  }

  @inlinable @inline(__always)
  public static func product(_ a: Double, _ b: Double) -> (high: Double, low: Double) {
    let high = a * b
    return (high, (-high).addingProduct(a, b))
  }

  @inlinable @inline(__always)
  public static func multiplyAdd(_ a: Vector, _ b: Vector, _ c: Vector) -> Vector { c.addingProduct(a, b) }
}

/// For processors without one, where `addingProduct` is a slow call: Dekker, *A floating-point technique for extending
/// the available precision* (1971), splits each factor into halves whose products are exact.
public enum SplitArithmetic: KernelArithmetic {
  @inlinable @inline(__always)
  static func split(_ a: Vector) -> (Vector, Vector) {
    let c = a * 0x1.0000002p27
    let high = c - (c - a)
    return (high, a - high)
  }

  @inlinable @inline(__always)
  static func split(_ a: Double) -> (Double, Double) {
    let c = a * 0x1.0000002p27
    let high = c - (c - a)
    return (high, a - high)
  }

  @inlinable @inline(__always)
  public static func product(_ a: Vector, _ b: Vector) -> (high: Vector, low: Vector) {
    let high = a * b
    let (a1, a2) = split(a)
    let (b1, b2) = split(b)
    return (high, ((a1 * b1 - high) + a1 * b2 + a2 * b1) + a2 * b2)
  }

  @inlinable @inline(__always)
  public static func product(_ a: Double, _ b: Double) -> (high: Double, low: Double) {
    let high = a * b
    let (a1, a2) = split(a)
    let (b1, b2) = split(b)
    return (high, ((a1 * b1 - high) + a1 * b2 + a2 * b1) + a2 * b2)
  }

  @inlinable @inline(__always)
  public static func multiplyAdd(_ a: Vector, _ b: Vector, _ c: Vector) -> Vector { a * b + c }
}

#if arch(x86_64)
  /// What the processor that every build of this architecture runs on offers.
  public typealias BaselineArithmetic = SplitArithmetic
#else
  public typealias BaselineArithmetic = FusedArithmetic
#endif
