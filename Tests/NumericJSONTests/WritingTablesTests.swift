import Testing

@testable import NumericJSON

@Suite struct WritingTablesTests {
  /// Whether 2^binary · 10^decimal >= 1, exactly.
  private func isAtLeastOne(_ binary: Int, _ decimal: Int) -> Bool {
    var (numerator, denominator) = (BigInteger(1), BigInteger(1))
    numerator.multiply(byPowerOfFive: max(decimal, 0))
    denominator.multiply(byPowerOfFive: max(-decimal, 0))
    numerator.shiftLeft(by: max(binary + decimal, 0))
    denominator.shiftLeft(by: max(-binary - decimal, 0))
    return numerator.compared(to: denominator) != .below
  }

  @Test func everyScale() {
    for e in -1074...971 {
      let scale = Int(WritingTables.scales[e + 1074])
      let (q, shift) = (scale >> 6 + WritingPowers.exponents.lowerBound, scale & 63)
      #expect(WritingPowers.exponents.contains(q))
      #expect((1...4).contains(shift))
      // The distance between neighbours is from 1/10 to 1 in units of 10^-q, and from 2^(shift-5) to twice that.
      #expect(!isAtLeastOne(e, q) && isAtLeastOne(e, q + 1))
      #expect(isAtLeastOne(e + 5 - shift, q) && !isAtLeastOne(e + 4 - shift, q))
    }
  }

  @Test func everyPower() {
    for q in WritingPowers.exponents {
      let place = 2 * (q - WritingPowers.exponents.lowerBound)
      let (high, low) = (WritingPowers.significands[place], WritingPowers.significands[place + 1])
      #expect(high >> 59 == 1)
      // G · 2^t >= 10^q > (G - 1) · 2^t, with 10^q in [2^(t+123), 2^(t+124)).
      let t = (217_706 * q) >> 16 - 123
      #expect(isAtLeastOne(-t - 123, q) && !isAtLeastOne(-t - 124, q))
      for (subtrahend, isEnough) in [(UInt64(0), true), (1, false)] {
        let isBorrowed = low < subtrahend
        var scaled = BigInteger(isBorrowed ? high - 1 : high)
        scaled.shiftLeft(by: 64)
        scaled.multiply(by: 1, adding: low &- subtrahend)
        var power = BigInteger(1)
        power.multiply(byPowerOfFive: max(q, 0))
        scaled.multiply(byPowerOfFive: max(-q, 0))
        power.shiftLeft(by: max(q - t, 0))
        scaled.shiftLeft(by: max(t - q, 0))
        #expect((scaled.compared(to: power) != .below) == isEnough)
      }
    }
  }

  @Test func everyExponent() {
    for magnitude in 0...324 {
      let row = WritingTables.exponents[magnitude]
      let count = Int(row >> 24)
      let text = (0..<count).map { UInt8(truncatingIfNeeded: row >> UInt32(8 * $0)) }
      #expect(String(decoding: text, as: UTF8.self) == String(magnitude))
    }
  }
}
