import VectorKernels
import NumericJSON
import TestSupport
import Testing

@Suite struct BinaryToDecimalTests {
  /// The significant digits and the power of ten of the last, whatever the notation.
  private func digits(_ text: String) -> (digits: String, exponent: Int) {
    let parts = text.split(separator: "e")
    let number = parts[0].filter { $0 != "-" }
    var exponent = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
    if let point = number.firstIndex(of: ".") { exponent -= number.distance(from: point, to: number.endIndex) - 1 }
    var digits = String(number.filter { $0 != "." }.drop { $0 == "0" })
    while digits.last == "0" {
      digits.removeLast()
      exponent += 1
    }
    return (digits, exponent)
  }

  /// The text of one number, the same at every level.
  private func text(_ value: Double, _ format: BinaryFormat = .binary64) -> String {
    let all = levelsHere.flatMap { texts([value], format, $0) }
    if Set(all).count > 1 { Issue.record("\(value) is written \(all)") }
    return all[0]
  }

  private func check(_ values: [Double], at level: KernelLevel) throws {
    for (value, written) in zip(values, texts(values, .binary64, level)) {
      if digits(written) != digits(value.description) || (written.first == "-") != (value < 0) {
        Issue.record("\(value) is written \(written)")
      }
      if try readNumber(written).value != value { Issue.record("\(written) does not read back") }
    }
  }

  private func check(_ values: [Float], at level: KernelLevel) {
    for (value, written) in zip(values, texts(values.map(Double.init), .binary32, level))
    where digits(written) != digits(value.description) || Float(written) != value {
      Issue.record("\(value) as binary32 is written \(written)")
    }
  }

  /// Calls `body` once for every thousand, with the levels in turn.
  private func forThousands(of count: Int, _ body: (KernelLevel) throws -> Void) rethrows {
    for turn in 0..<count / 1000 { try body(levelsHere[turn % levelsHere.count]) }
  }

  @Test(arguments: [
    ("0", "0.0"), ("-0.0", "0.0"), ("1", "1.0"), ("-1", "-1.0"), ("10", "10.0"), ("0.1", "0.1"), ("0.5", "0.5"),
    ("123456789", "123456789.0"), ("12345.678", "12345.678"), ("0.0001", "0.0001"), ("0.00012345", "0.00012345"),
    ("0.00001", "1e-5"), ("0.000012345", "1.2345e-5"), ("9007199254740992", "9007199254740992.0"),
    ("1234567890123456", "1234567890123456.0"), ("1e15", "1000000000000000.0"),
    ("9999999999999998", "9999999999999998.0"), ("-1234567890123456", "-1234567890123456.0"), ("1e16", "1e16"),
    ("1.2345678901234567e16", "1.2345678901234568e16"),
    ("1e100", "1e100"), ("1.5e-300", "1.5e-300"), ("5e-324", "5e-324"), ("1e23", "1e23"), ("9e-10", "9e-10"),
    ("1.7976931348623157e308", "1.7976931348623157e308"), ("-2.2250738585072014e-308", "-2.2250738585072014e-308"),
    ("2.2250738585072009e-308", "2.225073858507201e-308"), ("4.248354255291589e-18", "4.248354255291589e-18"),
    ("inf", "\"Infinity\""), ("-inf", "\"-Infinity\""), ("nan", "\"NaN\""), ("2e-44", "2e-44"),
    ("0.30000000000000004", "0.30000000000000004"), ("1.0000000000000002", "1.0000000000000002"),
    ("-123.456", "-123.456"), ("0.75", "0.75"), ("99.99", "99.99"), ("1.5e-10", "1.5e-10"), ("1.5e10", "15000000000.0"),
  ])
  func layout(_ value: String, _ expected: String) {
    #expect(text(referenceValue(value)) == expected)
  }

  @Test(arguments: [
    ("0.1", "0.1"), ("1", "1.0"), ("16777216", "16777216.0"), ("1e-45", "1e-45"), ("3.4028235e38", "3.4028235e38"),
    ("1.17549435e-38", "1.1754944e-38"), ("0.3", "0.3"), ("8388608", "8388608.0"), ("33554432", "33554432.0"),
    ("-1e-60", "0.0"), ("1e300", "\"Infinity\""), ("-1e39", "\"-Infinity\""), ("nan", "\"NaN\""),
    ("-0.0", "0.0"), ("1e10", "10000000000.0"), ("inf", "\"Infinity\""), ("9.999999e15", "9999999000000000.0"),
    ("1e16", "1e16"), ("0.0001", "0.0001"), ("0.00001", "1e-5"), ("7e-45", "7e-45"), ("0.33333334", "0.33333334"),
  ])
  func layoutOfBinary32(_ value: String, _ expected: String) {
    let value = referenceValue(value)
    #expect(text(value, .binary32) == expected)
  }

  /// Plain notation, composed from the digits in strings.
  private func plain(_ digits: String, _ exponent: Int) -> String {
    let padded = digits + String(repeating: "0", count: max(0, exponent))
    if exponent >= 0 { return padded + ".0" }
    let full = String(repeating: "0", count: max(0, 1 - exponent - digits.count)) + padded
    return full.dropLast(-exponent) + "." + full.suffix(-exponent)
  }

  /// The point behind every digit and before the first, with every number of digits, and beside the notation's ends.
  @Test func everyPlaceOfThePoint() {
    var random = SplitMix64(14)
    for power in -7...19 {
      for count in 1...17 {
        for _ in 0..<20 {
          let wanted = (1...count).map { _ in String(Int.random(in: 1...9, using: &random)) }.joined()
          let value = referenceValue("\(wanted)e\(power - count + 1)")
          let (digits, exponent) = digits(value.description)
          let top = exponent + digits.count - 1
          let expected =
            (-4..<16).contains(top)
            ? plain(digits, exponent)
            : digits.prefix(1) + (digits.count > 1 ? "." : "") + digits.dropFirst() + "e\(top)"
          #expect(text(value) == expected)
          #expect(text(-value) == "-" + expected)
        }
      }
    }
  }

  @Test func randomBitPatterns() throws {
    var random = SplitMix64(11)
    try forThousands(of: repetitions(250_000).count) { level in
      try check((0..<1000).map { _ in Double(bitPattern: random.next()) }.filter(\.isFinite), at: level)
    }
  }

  @Test func randomProbabilitiesAndShortDecimals() throws {
    var random = SplitMix64(12)
    try forThousands(of: repetitions(200_000).count) { level in
      let values = (0..<250).flatMap { _ in
        [
          Double.random(in: 0..<1, using: &random),
          Double(Int.random(in: -99_999...99_999, using: &random)) / 1000,
          Double(Int.random(in: 0...(1 << 60), using: &random)),
          Double(
            bitPattern: UInt64.random(in: 1..<(1 << 52), using: &random) >> UInt64.random(in: 0..<52, using: &random)),
        ]
      }
      try check(values, at: level)
    }
  }

  @Test func powersAndTheirNeighbours() throws {
    let binary = (-1074...1023).flatMap { exponent in
      let power = Double(sign: .plus, exponent: exponent, significand: 1)
      return [power, power.nextUp, power.nextDown, power * 1.5, power * 3].filter { $0.isFinite && $0 > 0 }
    }
    let decimal = (-323...308).flatMap { exponent in
      let power = referenceValue("1e\(exponent)")
      return [power, power.nextUp, power.nextDown]
    }
    let single = (-149...127).flatMap { exponent in
      let power = Float(sign: .plus, exponent: exponent, significand: 1)
      return [power, power.nextUp, power.nextDown].filter { $0 > 0 }
    }
    for level in levelsHere {
      try check(binary + decimal, at: level)
      check(single, at: level)
    }
  }

  /// In every lane, beside every other kind, in whole batches and parts of them.
  @Test(arguments: levelsHere, [BinaryFormat.binary64, .binary32])
  func manyAtOnce(_ level: KernelLevel, _ format: BinaryFormat) {
    var random = SplitMix64(15)
    let rare: [Double] = [
      0, -0.0, 1, -0.5, 0x1p-1022, 0x1p-1074, -0x1.8p-1060, 0x1p-126, 0x1p-149, 0x1.8p-140, .infinity, -.infinity, .nan,
      .greatestFiniteMagnitude, 1e23, 9_007_199_254_740_992, 0.1, 1e-5, 123_456_789.5, 0x1.fffffep127, -1e300,
      16_777_217,
    ]
    func next() -> Double {
      switch random.next() % 4 {
      case 0: return rare[Int(random.next() % UInt64(rare.count))]
      case 1: return Double(Float(bitPattern: UInt32(truncatingIfNeeded: random.next())))
      case 2: return Double.random(in: -1...1, using: &random)
      default: return Double(bitPattern: random.next())
      }
    }
    for count in 1...70 {
      for _ in repetitions(20) {
        let values = (0..<count).map { _ in next() }
        #expect(texts(values, format, level) == values.flatMap { texts([$0], format, .baseline) })
      }
    }
  }

  @Test func randomBinary32() {
    var random = SplitMix64(13)
    forThousands(of: repetitions(250_000).count) { level in
      let values = (0..<1000).map { _ in Float(bitPattern: UInt32(truncatingIfNeeded: random.next())) }
      check(values.filter(\.isFinite), at: level)
    }
  }
}
