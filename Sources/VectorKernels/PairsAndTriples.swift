/// What the loops compute with: one binary64 number, or one in each lane of a vector.
public protocol KernelNumber {
  static func + (a: Self, b: Self) -> Self
  static func - (a: Self, b: Self) -> Self
  static func * (a: Self, b: Self) -> Self
  static func * (a: Self, b: Double) -> Self
  static func / (a: Self, b: Self) -> Self
  /// `self + a·b`, rounded once.
  func addingProduct(_ a: Self, _ b: Self) -> Self
  /// The number with the other sign.
  var negated: Self { get }
  /// The same number everywhere.
  init(repeating value: Double)
}

extension Double: KernelNumber {
  @inlinable @inline(__always)
  public var negated: Double { -self }

  @inlinable @inline(__always)
  public init(repeating value: Double) { self = value }
}

extension SIMD where Scalar == Double {
  /// SIMD's own `-x` is `0 - x`, which the compiler may not turn into a change of sign.
  @inlinable @inline(__always)
  public var negated: Self { Self(repeating: -0.0) - self }
}

extension SIMD2: KernelNumber where Scalar == Double {}
extension SIMD4: KernelNumber where Scalar == Double {}
extension SIMD8: KernelNumber where Scalar == Double {}

/// An unevaluated sum `high + low`, with `|low| ≤ ulp(high)/2` unless said otherwise (a double-word number in the
/// literature); in vectors, one in each lane. In the error bounds u = 2^-53.
@frozen
public struct Pair<Number: KernelNumber> {
  public var high: Number
  public var low: Number

  @inlinable @inline(__always)
  public init(high: Number, low: Number) {
    self.high = high
    self.low = low
  }

  /// `a + b` exactly, whichever is larger (Knuth's TwoSum).
  @inlinable @inline(__always)
  public init(sum a: Number, _ b: Number) {
    high = a + b
    let other = high - a
    low = (a - (high - other)) + (b - other)
  }

  /// `a + b` exactly when `|a| ≥ |b|` or `a = 0` (Dekker's Fast2Sum).
  @inlinable @inline(__always)
  public init(large a: Number, small b: Number) {
    high = a + b
    low = b - (high - a)
  }

  @inlinable @inline(__always)
  public static prefix func - (a: Pair) -> Pair { Pair(high: a.high.negated, low: a.low.negated) }

  /// Error Bounds: relative 3.01u², whatever the signs. AccurateDWPlusDW in Joldes, Muller and Popescu, *Tight and
  /// rigorous error bounds for basic building blocks of double-word arithmetic* (2017), has 3u²/(1-4u).
  @inlinable @inline(__always)
  public static func + (a: Pair, b: Pair) -> Pair {
    let s = Pair(sum: a.high, b.high)
    let t = Pair(sum: a.low, b.low)
    let v = Pair(large: s.high, small: s.low + t.high)
    return Pair(large: v.high, small: t.low + v.low)
  }

  /// `self + b` where `|self| ≥ |b|` or `self = 0`. The low part is not made small against the high part.
  ///
  /// Error Bounds: two roundings of the new low part, which is at most `|low| + |b.low| + u·|sum|`.
  @inlinable @inline(__always)
  func adding(smaller b: Pair) -> Pair {
    let s = Pair(large: high, small: b.high)
    return Pair(high: s.high, low: s.low + (low + b.low))
  }

  /// `self + b` for long sums, with fewer operations than `+`: the low part is not made small against the high part.
  ///
  /// Error Bounds: two roundings of the new low part, which is at most `|low| + |b.low| + u·|sum|`.
  @inlinable @inline(__always)
  func accumulating(_ b: Pair) -> Pair {
    let s = Pair(sum: high, b.high)
    return Pair(high: s.high, low: low + (s.low + b.low))
  }

  /// The same for a single number.
  ///
  /// Error Bounds: one rounding of the new low part, which is at most `|low| + u·|sum|`.
  @inlinable @inline(__always)
  func accumulating(_ b: Number) -> Pair {
    let s = Pair(sum: high, b)
    return Pair(high: s.high, low: low + s.low)
  }

  /// Error Bounds: relative 7u² (DWTimesDW1 in the same paper; a fused multiply-add makes it no worse).
  @inlinable @inline(__always)
  public func times<M: ExactMultiplier>(_ b: Pair, _: M.Type) -> Pair {
    let p = M.product(self, b)
    return Pair(large: p.high, small: p.low)
  }

  /// `1/self`.
  ///
  /// Error Bounds: relative 16u². x = 1/high is within u(1+2u) of 1/high, so `1 - self·x` is at most 2.01u. Its parts
  /// are 1 - p (exact, by Sterbenz), the low part of the product (exact) and low·x; adding them costs less than 4u²,
  /// and multiplying by x one more rounding. One Newton step leaves out the square of 2.01u, 4.1u²; rounding the pair
  /// adds u².
  @inlinable @inline(__always)
  public func reciprocal<M: ExactMultiplier>(_: M.Type) -> Pair {
    let one = Number(repeating: 1)
    let x = one / high
    let p = M.product(high, x)
    return Pair(large: x, small: (((one - p.high) - p.low) - low * x) * x)
  }
}

extension Pair {
  @inlinable @inline(__always)
  static var zero: Pair { Pair(high: Number(repeating: 0), low: Number(repeating: 0)) }
}

extension Pair: Sendable where Number: Sendable {}
extension Pair: BitwiseCopyable where Number: BitwiseCopyable {}
extension Pair: Equatable where Number: Equatable {}
extension Pair: Hashable where Number: Hashable {}

/// Eight numbers that a loop treats alike: two AVX2 registers, one of AVX-512, four of NEON or SSE2.
public typealias Vector = SIMD8<Double>
public typealias VectorPair = Pair<Vector>
public typealias DoubleDouble = Pair<Double>

extension Pair where Number == Vector {
  /// The same pair in every lane.
  @inlinable @inline(__always)
  init(repeating pair: DoubleDouble) {
    self.init(high: Vector(repeating: pair.high), low: Vector(repeating: pair.low))
  }
}

extension Pair where Number == Double {
  @inlinable @inline(__always)
  public init(high: Double) { self.init(high: high, low: 0) }
}

/// How a processor gets the exact product of two binary64 numbers.
///
/// Both ways give the same pair of numbers where it is exact. ``multiplyAdd(_:_:_:)`` rounds once or twice; every error
/// bound in this module counts two roundings, so it holds for both.
public protocol ExactMultiplier {
  /// `a·b` exactly: the nearest binary64 number and the difference.
  ///
  /// Edge Cases: exact when `|a|, |b| ≤ 2^995`, `|a·b| < 2^1023` and the low part does not underflow (`|a·b| ≥ 2^-968`
  /// or 0). Otherwise the low part is off by at most 2^-1073, or is not finite.
  static func product<N: KernelNumber>(_ a: N, _ b: N) -> Pair<N>

  /// `a·b + c`, rounded once or twice.
  static func multiplyAdd<N: KernelNumber>(_ a: N, _ b: N, _ c: N) -> N

  /// `a + b·c` as a pair, where `|a| ≥ 2|b·c|`: the nearest binary64 number, or one as near as a rounding of its last
  /// place, and what is left, rounded.
  static func sum<N: KernelNumber>(_ a: N, _ b: N, times c: N) -> Pair<N>

  /// `a - k·(c + d)`, where c + d, both products, the difference `a - k·c` and the result are binary64 numbers.
  static func difference<N: KernelNumber>(_ a: N, _ k: N, times c: Double, plus d: Double) -> N
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

  @inlinable @inline(__always)
  public static func sum<N: KernelNumber>(_ a: N, _ b: N, times c: N) -> Pair<N> {
    let high = a.addingProduct(b, c)
    return Pair(high: high, low: (a - high).addingProduct(b, c))
  }

  @inlinable @inline(__always)
  public static func difference<N: KernelNumber>(_ a: N, _ k: N, times c: Double, plus d: Double) -> N {
    a.addingProduct(k, N(repeating: -(c + d)))
  }
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

  @inlinable @inline(__always)
  public static func sum<N: KernelNumber>(_ a: N, _ b: N, times c: N) -> Pair<N> {
    let p = product(b, c)
    let s = Pair(large: a, small: p.high)
    return Pair(high: s.high, low: s.low + p.low)
  }

  @inlinable @inline(__always)
  public static func difference<N: KernelNumber>(_ a: N, _ k: N, times c: Double, plus d: Double) -> N {
    (a - k * c) - k * d
  }
}

#if arch(x86_64)
  /// What every processor of this architecture can do.
  public typealias BaselineMultiplier = DekkerMultiplier
#else
  /// What every processor of this architecture can do.
  public typealias BaselineMultiplier = FusedMultiplier
#endif

/// An unevaluated sum `high + middle + low` (a triple-word number in the literature); in vectors, one in each lane.
///
/// It is *short* when `|middle| ≤ 2^-50 |high|` and `|low| ≤ 2^-98 |high|`. What is computed of short numbers is within
/// 2^-140 of the operands' sizes, far better than the numbers that the loops hold in it, so no operation here bothers
/// about its own last bits. In the error bounds u = 2^-53.
@frozen
public struct Triple<Number: KernelNumber> {
  public var high: Number
  public var middle: Number
  public var low: Number

  @inlinable @inline(__always)
  public init(high: Number, middle: Number, low: Number) {
    self.high = high
    self.middle = middle
    self.low = low
  }

  @inlinable @inline(__always)
  public static prefix func - (a: Triple) -> Triple {
    Triple(high: a.high.negated, middle: a.middle.negated, low: a.low.negated)
  }

  /// The sum, whatever the signs; not short where it cancels, or after many additions.
  ///
  /// Error Bounds: three roundings of the new low part. It is at most both low parts and u times what joins in the
  /// middle: 2^-96 of the sizes for short operands, so the error is 2^-147 of them.
  @inlinable @inline(__always)
  public static func + (a: Triple, b: Triple) -> Triple {
    let first = Pair(sum: a.high, b.high)
    let second = Pair(sum: a.middle, b.middle)
    let middle = Pair(sum: first.low, second.high)
    return Triple(high: first.high, middle: middle.high, low: middle.low + (second.low + (a.low + b.low)))
  }

  /// The product of short numbers: short except for a factor of 4.
  ///
  /// Error Bounds: relative 2^-143. Of nine products the three largest are exact, their low parts and the errors of
  /// adding them in the middle included. Left out are three of at most 2^-148; the low part is at most 2^-95 and takes
  /// seven roundings of at most 2^-148.
  @inlinable @inline(__always)
  public func times<M: ExactMultiplier>(_ b: Triple, _: M.Type) -> Triple {
    let first = M.product(high, b.high)
    let second = M.product(high, b.middle)
    let third = M.product(middle, b.high)
    let some = Pair(sum: second.high, third.high)
    let all = Pair(sum: first.low, some.high)
    let small = M.multiplyAdd(middle, b.middle, M.multiplyAdd(high, b.low, low * b.high))
    return Triple(high: first.high, middle: all.high, low: all.low + (some.low + (second.low + (third.low + small))))
  }

  /// The same number, exactly; short unless it is what cancelling left.
  @inlinable @inline(__always)
  public var normalised: Triple {
    let first = Pair(sum: high, middle)
    let second = Pair(sum: first.low, low)
    let third = Pair(sum: first.high, second.high)
    return Triple(high: third.high, middle: third.low, low: second.low)
  }

  /// The number as a pair, within 2^-104 if it is short.
  @inlinable @inline(__always)
  public var pair: Pair<Number> { Pair(sum: high, middle + low) }
}

extension Triple {
  @inlinable @inline(__always)
  static var zero: Triple {
    Triple(high: Number(repeating: 0), middle: Number(repeating: 0), low: Number(repeating: 0))
  }
}

extension Triple: Sendable where Number: Sendable {}

public typealias TripleDouble = Triple<Double>
public typealias VectorTriple = Triple<Vector>

extension Triple where Number == Double {
  @inlinable @inline(__always)
  public init(_ value: Double) { self.init(high: value, middle: 0, low: 0) }
}

extension Triple where Number == Vector {
  /// The same number in every lane.
  @inlinable @inline(__always)
  init(repeating value: TripleDouble) {
    self.init(
      high: Vector(repeating: value.high), middle: Vector(repeating: value.middle), low: Vector(repeating: value.low))
  }
}
