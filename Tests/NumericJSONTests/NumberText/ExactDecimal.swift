import NumericJSON

/// Exact decimals by schoolbook arithmetic on digits, as slow as it is plain: what the tests hold the reader against.
enum ExactDecimal {
  /// The digits, without a leading or trailing zero, and the exponent of the number half-way between a positive finite
  /// binary64 (or 0) and the next.
  static func halfway(above value: Double) -> (digits: String, exponent: Int) {
    let fraction = value.significandBitPattern
    let biased = Int(value.exponentBitPattern)
    let significand = (biased == 0 ? fraction : fraction | 1 << 52) * 2 + 1
    return decimal(significand, timesTwoTo: max(biased, 1) - 1076)
  }

  /// significand · 2^exponent.
  static func decimal(_ significand: UInt64, timesTwoTo exponent: Int) -> (digits: String, exponent: Int) {
    // Base 10^9, lowest first. A negative power of two is that power of five over the same power of ten.
    var limbs: [UInt64] = []
    var rest = significand
    while rest > 0 {
      limbs.append(rest % 1_000_000_000)
      rest /= 1_000_000_000
    }
    for _ in 0..<abs(exponent) {
      var carry: UInt64 = 0
      for index in limbs.indices {
        let product = limbs[index] * (exponent < 0 ? 5 : 2) + carry
        limbs[index] = product % 1_000_000_000
        carry = product / 1_000_000_000
      }
      if carry > 0 { limbs.append(carry) }
    }
    var digits = ""
    for (index, limb) in limbs.reversed().enumerated() {
      let text = String(limb)
      digits += (index == 0 ? "" : String(repeating: "0", count: 9 - text.count)) + text
    }
    var power = min(exponent, 0)
    while digits.last == "0" {
      digits.removeLast()
      power += 1
    }
    return (digits, power)
  }

  /// One less, for digits of which the last is not zero.
  static func decremented(_ digits: String) -> String {
    guard let last = digits.last?.wholeNumberValue, last > 0 else { return digits }
    return digits.dropLast() + String(last - 1)
  }
}
