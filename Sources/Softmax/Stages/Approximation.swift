/// Elementary functions in plain binary64, as starting points: no result depends on their being right.
enum Approximation {
  /// log x for finite x >= 1, within about 2^-48.
  ///
  /// log(2^e m) = e log 2 + 2 atanh((m - 1) / (m + 1)) with √½ <= m < √2, where the argument is below 0.172.
  static func log(_ x: Double) -> Double {
    guard x > 1, x.isFinite else { return 0 }
    var exponent = Double(x.exponent)
    var m = x.significand
    if m > 1.4142135623730951 {
      m *= 0.5
      exponent += 1
    }
    let t = (m - 1) / (m + 1)
    let square = t * t
    var sum = 0.0
    for odd in stride(from: 21, through: 1, by: -2) { sum = 1 / Double(odd) + square * sum }
    return max(0, exponent * 0.6931471805599453 + 2 * t * sum)
  }

  /// e^-h for h >= 0, infinity included, within about 2^-30, as a significand near 1 and an exponent.
  static func power(_ h: Double) -> (significand: Double, exponent: Int, value: Double) {
    guard h < 0x1p22 else { return (1, -(1 << 23), 0) }
    let k = nearestWhole(h * 1.4426950408889634)
    let r = k * 0.6931471805599453 - h
    var sum = 1.0
    for n in stride(from: 12, through: 1, by: -1) { sum = 1 + r / Double(n) * sum }
    return (sum, -Int(k), Double(sign: .plus, exponent: -Int(k), significand: sum))
  }

  /// The whole number nearest to x, |x| < 2^51: adding 2^52 and a half rounds away what is below the point.
  @inline(__always) static func nearestWhole(_ x: Double) -> Double { (x + 0x1.8p52) - 0x1.8p52 }
}
