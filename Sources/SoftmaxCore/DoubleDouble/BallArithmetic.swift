internal import Kernels

/// The second stage's arithmetic: balls around double-double numbers, good to about 2^-98.
struct BallArithmetic: Arithmetic {
  /// e^(j/32) for j = -16 ... 16, within 2^-104.
  let coarse: [DoubleDouble]
  /// e^(j/2048) for j = -40 ... 40, within 2^-104.
  let fine: [DoubleDouble]
  /// 1/(n+1)! for n = 0 ... 10, within 2^-104.
  let inverseFactorials: [DoubleDouble]

  static let coarseReach = 16
  static let fineReach = 40

  static let standard = BallArithmetic()

  private init() {
    let big = BigArithmetic.standard
    var poll = Poll()
    func power(_ j: Int, _ divisor: Double) -> DoubleDouble {
      // A poll that never says no: nothing is thrown.
      guard let value = try? big.exponential(big.exact(-Double(abs(j)) / divisor), &poll) else {
        return DoubleDouble(high: .nan)
      }
      return Self.near((j < 0 ? value : big.whole(1) / value).lower)
    }
    coarse = (-Self.coarseReach...Self.coarseReach).map { power($0, 32) }
    fine = (-Self.fineReach...Self.fineReach).map { power($0, 2048) }
    inverseFactorials = (1...11).map { Self.near(BigFloat(fraction: big.inverseFactorials[$0], exponent: 2)) }
  }

  let bits = 98
  let costOfExponential = 80

  @inline(__always) func exact(_ value: Double) -> Ball { Ball(value) }

  @inline(__always) func whole(_ value: Int) -> Ball { Ball(Double(value)) }

  func exact(_ sum: ExactSum) -> Ball {
    if let whole = sum.whole { return self.whole(whole) }
    let lower = sum.rounded(.down, like: FixedLimbs())
    guard lower.sign > 0 else { return Ball(0) }
    let middle = Self.significand(lower)
    // Even an exact sum may be longer than two binary64.
    let back = BigFloat.sum(BigFloat(middle.high, like: lower.limbs), BigFloat(middle.low, like: lower.limbs), .down)
    let isExact = back.scaled(by: lower.exponent) == sum.rounded(.up, like: lower.limbs)
    return Ball(middle, radius: isExact ? 0 : 0x1p-104, exponent: lower.exponent)
  }

  func widened(_ value: BigInterval<FixedLimbs>) -> Ball { value.ball }

  var negligible: Ball { Ball(DoubleDouble(high: 0), radius: 0x1p-100, exponent: -1_000_000) }

  /// The significand of a positive number, in [1/2, 1], as two binary64 within 2^-105.
  private static func significand(_ x: BigFloat<FixedLimbs>) -> DoubleDouble {
    let top = x.limbs[x.limbs.count - 1]
    let next = x.limbs[x.limbs.count - 2]
    // The lowest eleven bits do not fit the first.
    let high = Double(top & ~0x7ff) * 0x1p-64
    let low = Double(top & 0x7ff) * 0x1p-64 + Double(next) * 0x1p-128
    return DoubleDouble(large: high, small: low)
  }

  /// A positive number of moderate size as two binary64, within 2^-105 of itself.
  private static func near(_ x: BigFloat<FixedLimbs>) -> DoubleDouble {
    let significand = significand(x)
    let power = Scalar.power(x.exponent)
    return DoubleDouble(high: significand.high * power, low: significand.low * power)
  }
}
