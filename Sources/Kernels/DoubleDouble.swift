/// An unevaluated sum of two binary64 numbers, `|low| ≤ ulp(high)/2` unless said otherwise; u = 2^-53 in its bounds.
@frozen
public struct DoubleDouble: Sendable, Hashable {
  public var high: Double
  public var low: Double

  @inlinable @inline(__always)
  public init(high: Double, low: Double = 0) {
    self.high = high
    self.low = low
  }

  /// `a + b` exactly, whichever is larger (Knuth's TwoSum).
  @inlinable @inline(__always)
  public init(sum a: Double, _ b: Double) {
    high = a + b
    let other = high - a
    low = (a - (high - other)) + (b - other)
  }

  /// `a + b` exactly when `|a| ≥ |b|` or `a = 0` (Dekker's Fast2Sum).
  @inlinable @inline(__always)
  public init(ordered a: Double, _ b: Double) {
    high = a + b
    low = b - (high - a)
  }

  @inlinable @inline(__always)
  public static prefix func - (a: DoubleDouble) -> DoubleDouble { DoubleDouble(high: -a.high, low: -a.low) }

  /// Error Bounds: 3u² relative, whatever the signs (Joldes, Muller, Popescu, *Tight and rigorous error bounds for basic
  /// building blocks of double-word arithmetic*, 2017, AccurateDWPlusDW: 3u²/(1-4u), which 3.01u² covers).
  @inlinable @inline(__always)
  public static func + (a: DoubleDouble, b: DoubleDouble) -> DoubleDouble {
    let s = DoubleDouble(sum: a.high, b.high)
    let t = DoubleDouble(sum: a.low, b.low)
    let v = DoubleDouble(ordered: s.high, s.low + t.high)
    return DoubleDouble(ordered: v.high, t.low + v.low)
  }

  /// Error Bounds: 7u² relative (the same paper, DWTimesDW1).
  @inlinable @inline(__always)
  public func times<A: KernelArithmetic>(_ b: DoubleDouble, _: A.Type) -> DoubleDouble {
    let p = A.product(high, b.high)
    return DoubleDouble(ordered: p.high, p.low + (high * b.low + low * b.high))
  }

  /// `1/self`.
  ///
  /// Error Bounds: 16u² relative. x = 1/high is within u(1+2u) of it, so `1 - self·x` is at most 2.01u in size; its parts
  /// 1 - p (exact, by Sterbenz), the rest of the product (exact) and low·x (u²-small error) are added with errors below
  /// 4u², and it is multiplied by x with one more rounding. The square of 2.01u, left out by stopping after one step, is
  /// 4.1u²; the pair's own rounding adds u².
  @inlinable @inline(__always)
  public func reciprocal<A: KernelArithmetic>(_: A.Type) -> DoubleDouble {
    let x = 1 / high
    let p = A.product(high, x)
    return DoubleDouble(ordered: x, (((1 - p.high) - p.low) - low * x) * x)
  }
}

/// Eight of them, lane by lane.
@frozen
public struct VectorPair {
  public var high: Vector
  public var low: Vector

  @inlinable @inline(__always)
  public init(high: Vector, low: Vector) {
    self.high = high
    self.low = low
  }

  /// `a + b` exactly (TwoSum).
  @inlinable @inline(__always)
  public init(sum a: Vector, _ b: Vector) {
    high = a + b
    let other = high - a
    low = (a - (high - other)) + (b - other)
  }

  /// `a + b` exactly when `|a| ≥ |b|` or `a = 0` (Fast2Sum).
  @inlinable @inline(__always)
  public init(ordered a: Vector, _ b: Vector) {
    high = a + b
    low = b - (high - a)
  }
}
