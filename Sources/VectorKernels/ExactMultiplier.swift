/// How a processor gets the exact product of two binary64 numbers.
///
/// Both ways give the same pair of numbers. ``multiplyAdd(_:_:_:)`` rounds once or twice; every error bound in this
/// module counts two roundings, so it holds for both.
public protocol ExactMultiplier {
  /// `a·b` exactly: the nearest binary64 number and the difference.
  ///
  /// Edge Cases: exact when `|a|, |b| ≤ 2^995`, the product does not overflow and its low part does not underflow
  /// (`|a·b| ≥ 2^-968` or 0). Otherwise the low part is off by at most 2^-1074, or is not finite.
  static func product<N: KernelNumber>(_ a: N, _ b: N) -> Pair<N>

  /// `a·b + c`, rounded once or twice.
  static func multiplyAdd<N: KernelNumber>(_ a: N, _ b: N, _ c: N) -> N
}

extension ExactMultiplier {
  /// The product of two pairs, left as the exact product of the high parts and one correction: `|low| ≤ 4u |high|`.
  ///
  /// Error Bounds: relative 8u². The low parts' product, u², is left out. Rounding costs u² for each of the two cross
  /// products, 2u² for their sum and 3u² for adding it.
  @inlinable @inline(__always)
  static func product<N: KernelNumber>(_ a: Pair<N>, _ b: Pair<N>) -> Pair<N> {
    let p = product(a.high, b.high)
    return Pair(high: p.high, low: p.low + multiplyAdd(a.high, b.low, a.low * b.high))
  }
}

/// For processors with a fused multiply-add: x86-64-v3 and later, arm64.
public enum FusedMultiplier: ExactMultiplier {
  @inlinable @inline(__always)
  public static func product<N: KernelNumber>(_ a: N, _ b: N) -> Pair<N> {
    let high = a * b
    return Pair(high: high, low: high.negated.addingProduct(a, b))
  }

  @inlinable @inline(__always)
  public static func multiplyAdd<N: KernelNumber>(_ a: N, _ b: N, _ c: N) -> N { c.addingProduct(a, b) }
}

/// For processors without one, where `addingProduct` is a slow call: Dekker, *A floating-point technique for extending
/// the available precision* (1971), splits each factor into halves whose products are exact.
public enum DekkerMultiplier: ExactMultiplier {
  @inlinable @inline(__always)
  public static func product<N: KernelNumber>(_ a: N, _ b: N) -> Pair<N> {
    let high = a * b
    let (a1, a2) = split(a)
    let (b1, b2) = split(b)
    return Pair(high: high, low: ((a1 * b1 - high) + a1 * b2 + a2 * b1) + a2 * b2)
  }

  /// The first 26 bits of a number, and the others.
  @inlinable @inline(__always)
  static func split<N: KernelNumber>(_ a: N) -> (N, N) {
    let c = a * 0x1.0000002p27
    let high = c - (c - a)
    return (high, a - high)
  }

  @inlinable @inline(__always)
  public static func multiplyAdd<N: KernelNumber>(_ a: N, _ b: N, _ c: N) -> N { a * b + c }
}

#if arch(x86_64)
  /// What every processor of this architecture can do.
  public typealias BaselineMultiplier = DekkerMultiplier
#else
  /// What every processor of this architecture can do.
  public typealias BaselineMultiplier = FusedMultiplier
#endif
