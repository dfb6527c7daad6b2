internal import Kernels

extension BallArithmetic {
  /// log(1 + x) for x >= 0, as in the third stage: y + 2 atanh t with t = (w - 1) / (w + 1), w = (1 + x) e^-y, exact for any y.
  ///
  /// For x >= 2^-6, y is the binary64 logarithm, t below 2^-40 and known to 2^-99, and the result at least 2^-6.1: 2^-92. Below,
  /// y = 0 and t = x / (2 + x) keeps its relative precision. Each step's error is in the balls; the series' rest is added.
  func logOfOnePlus(_ x: Ball, _ poll: inout Poll) -> Ball {
    if x.high == 0 && x.radius == 0 { return x }
    let isSmall = x.exponent < -400 || x.exponent < 400 && x.high * Scalar.power(x.exponent) < 0x1p-6
    if isSmall { return doubleInverseTangent(x / (whole(2) + x), terms: 8) }
    let sum = whole(1) + x
    let y = exact(Scalar.log(sum.high * Scalar.power(max(-400, min(400, sum.exponent)))))
    let w = sum * exponential(-y, &poll)
    return y + doubleInverseTangent((w - whole(1)) / (w + whole(1)), terms: 2)
  }

  /// 2 t Σ t^2n / (2n + 1) up to n = terms: |t| < 2^-7 and 8 terms, or |t| < 2^-40 and 2. The rest is less than twice the first term left
  /// out: 2^(-14 · 9) / 19, 2^(-80 · 3) / 7; both below 2^-129.
  private func doubleInverseTangent(_ t: Ball, terms: Int) -> Ball {
    let square = t * t
    var sum = whole(1) / whole(2 * terms + 1)
    for n in stride(from: terms - 1, through: 0, by: -1) {
      sum = whole(1) / whole(2 * n + 1) + square * sum
    }
    sum.radius += 0x1p-128
    return (t + t) * sum
  }
}
