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
