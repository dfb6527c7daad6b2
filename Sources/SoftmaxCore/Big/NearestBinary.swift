/// Where a number exactly half-way between two numbers of a format goes.
enum Tie {
  /// To the one with an even significand (IEEE 754-2019 §4.3.1).
  case toEven
  /// Up: the number stands for one just above it.
  case up
  /// Down: the number stands for one just below it.
  case down
}

extension ResultFormat {
  /// Bits of a normal number's significand.
  var precision: Int { self == .binary64 ? 53 : 24 }
  /// The exponent of the least normal number, 1 <= significand < 2.
  var leastNormalExponent: Int { self == .binary64 ? -1022 : -126 }
  /// The exponent of the greatest finite number.
  var greatestExponent: Int { self == .binary64 ? 1023 : 127 }

  /// The number of this format nearest to a big one: subnormals included, beyond the range infinite, zero never negative.
  func nearest<L: Limbs>(to x: BigFloat<L>, tie: Tie) -> Double {
    guard x.sign != 0 else { return 0 }
    // 2^(exponent-1) <= |x| < 2^exponent; below the normal range fewer bits are kept.
    let exponent = x.exponent
    if exponent > greatestExponent + 1 { return Double(x.sign) * .infinity }
    let kept = min(precision, precision + exponent - 1 - leastNormalExponent)
    if kept < 0 { return 0 }
    let top = x.limbs[x.limbs.count - 1]
    var significand = kept == 0 ? 0 : top &>> UInt64(64 - kept)
    let rest = top &<< UInt64(kept)
    let half: UInt64 = 1 &<< 63
    var isSticky = rest & (half - 1) != 0
    if !isSticky { for i in 0..<(x.limbs.count - 1) where x.limbs[i] != 0 { isSticky = true } }
    if rest & half != 0 {
      let isUp: Bool
      if isSticky {
        isUp = true
      } else {
        switch tie {
        case .toEven: isUp = significand & 1 == 1
        case .up: isUp = x.sign > 0
        case .down: isUp = x.sign < 0
        }
      }
      if isUp { significand &+= 1 }
    }
    guard significand != 0 else { return 0 }
    let magnitude = Double(sign: .plus, exponent: exponent - kept, significand: Double(significand))
    let greatest = self == .binary64 ? Double.greatestFiniteMagnitude : Double(Float.greatestFiniteMagnitude)
    return Double(x.sign) * (magnitude > greatest ? .infinity : magnitude)
  }
}
