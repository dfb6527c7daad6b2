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
      let (q, shift) = (scale >> 6 + PowersOfTen.exponents.lowerBound, scale & 63)
      #expect(PowersOfTen.exponents.contains(q))
      #expect((2...5).contains(shift))
      // The distance between neighbours is from 1/10 to 1 in units of 10^-q, and from 2^(1-shift) to twice that.
      #expect(!isAtLeastOne(e, q) && isAtLeastOne(e, q + 1))
      #expect(isAtLeastOne(e + shift - 1, q) && !isAtLeastOne(e + shift - 2, q))
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
