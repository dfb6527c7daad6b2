import TestSupport
import Testing

@testable import NumericJSON

@Suite struct DecimalToBinaryTests {
  /// Each text with strtod, on the hot path and at the text's end, with either sign.
  private func check(_ text: String, _ comment: Comment? = nil) throws {
    let expected = referenceValue(text)
    for sign in ["", "-"] {
      let bytes = Array((sign + text).utf8)
      let wanted = sign.isEmpty ? expected : -expected
      let alone = try readNumber(bytes).infinite
      let inside = try readNumberInside(bytes).infinite
      if alone.bitPattern != wanted.bitPattern || inside.bitPattern != wanted.bitPattern {
        Issue.record("\(sign)\(text): \(alone) and \(inside), not \(wanted)")
      }
    }
  }

  @Test(arguments: [
    "0", "0.0", "0e0", "0e-999999999999999999999", "0e99999999999999999999", "0.000000000000000000000000000000000000",
    "1", "10", "123456789", "1234567890123456", "12345678901234567", "123456789012345678", "1234567890123456789",
    "12345678901234567890", "18446744073709551615", "18446744073709551616", "9007199254740991", "9007199254740993",
    "9007199254740993.0", "9007199254740993.00000000000000000000000000000000000000001", "9007199254740992.999999999999",
    "9007199254740995", "9007199254740997e0", "90071992547409925e-1", "900719925474099350000000000000e-14",
    "0.1", "0.2", "0.3", "0.5", "0.50000000000000000", "0.25000000000000000000000000", "1.5e0", "1.25E+1", "1e-1",
    "1e22", "1e23", "9.5e22", "8.5e22", "1e-22", "1e-23", "123456789e-22", "7.2057594037927933e16",
    "7.2057594037927933e+16", "72057594037927933", "2.2250738585072011e-308", "2.2250738585072012e-308",
    "2.2250738585072014e-308",
    "2.225073858507201136057409796709131975934819546351645648023426109724822222021076945516"
      + "5295239081350879141491589130396211068700864386945946455276572074078206217433799881410632673292535522868813721"
      + "4901298112245145188984905722230728525513315575501591439747639798341180199932396254826310710977e-308",
    "4.9406564584124654e-324", "5e-324", "4.9e-324", "2.4703282292062327e-324", "2.4703282292062328e-324",
    "2.47032822920623272088284396434110686182e-324", "2.47032822920623272088284396434110686183e-324",
    "7.4109846876186981626485318930233205854758970392148714663837852375101326090531312779794975454245398856969484704"
      + "316857659638998506553390969459816219401617281718945106978546710679176872575177347315553307795408549809608457"
      + "500958111373034747658096871009590975442271004757307809711118935784838675653998783503015228055934046593739791"
      + "790738723868299395818481660169122019456499931289798411362062484498678713572180352209017023903285791732520220"
      + "528974020802906854021606612375549983402671300035812486479041385743401875520901590172592547146296175134159774"
      + "938718574737870961645638908718119841271673056017045493004705269590165763776884908267986972573366521765567941"
      + "072508764337560846003984904972149117463085539556354188641513168478436313080237596295773983001708984375e-324",
    "1e-323", "1e-324", "1e-325", "1e-342", "1e-343", "1e-400", "1234567890123456789e-400", "1.7976931348623157e308",
    "1.7976931348623158e308", "1.7976931348623159e308", "179769313486231580793e289", "1e308", "1e309", "1e400", "2e308",
    "1.797693134862315807e308", "1e99999999999999999999", "1e-99999999999999999999", "0.1e310", "1000000e-330",
    "6.631236846766476e-316", "3.2378839133029012895883524125015321748630094555e-319", "3.3564095223808823e-308",
    "1448997445238699", "6.0221e23", "0.000012345678901234567", "0.00001234567890123456789", "0.000000000000001",
    "123456789012345678901234567890", "0.00000000000000000000000000000000000000000000001234567890123456789e47",
    "100000000000000016777215", "100000000000000016777216", "1e-05", "1E05", "1e+0005", "1e-0005",
    "0.30000000000000004",
    "100000000000000000000000000000000000000000000000000e-50", "12345678.12345678", "1234567.12345678901",
    "12345678901234.5", "123456789012345.5", "1234567890123456.5", "0.12345678901234567890123", "5.0e-324",
    "9214843084008499", "8.988465674311579e307", "4.4501477170144023e-308", "1.1754943508222875e-38", "3.4028236e38",
  ])
  func knownValues(_ text: String) throws {
    try check(text)
  }

  /// 17 digits, as a program writes them, over the whole range and near 1.
  @Test func randomBitPatterns() throws {
    var random = SplitMix64(1)
    for _ in repetitions(150_000) {
      let value = Double(bitPattern: random.next() & ~(1 << 63))
      if !value.isFinite { continue }
      let number = try readNumberInside(Array(value.description.utf8))
      if number.value.bitPattern != value.bitPattern { Issue.record("\(value)") }
    }
  }

  /// Every length of the integer part and of the fraction, with and without an exponent, zeros in front of the digits
  /// and behind them: against strtod, and as the hot path reads them among other numbers.
  @Test func everyLengthOfBothParts() throws {
    var random = SplitMix64(4)
    func digits(_ count: Int) -> String {
      String((0..<count).map { _ in Character(String(Int.random(in: 0...9, using: &random))) })
    }
    for integer in 0...21 {
      for fraction in 0...25 {
        for zeros in [0, fraction / 2, fraction] {
          let front = integer == 0 ? "0" : "\(Int.random(in: 1...9, using: &random))" + digits(integer - 1)
          let behind = fraction - zeros
          for tail in [
            String(repeating: "0", count: zeros) + digits(behind),
            digits(behind) + String(repeating: "0", count: zeros),
          ] {
            for exponent in ["", "e7", "E-07", "e+101", "e-321", "e0005"] {
              try check(front + (fraction == 0 ? "" : "." + tail) + exponent)
            }
          }
        }
      }
    }
  }

  /// A number ends at each byte but those that go on with it, wherever that stands in the words read at once.
  @Test func everyByteBehind() throws {
    for length in 1...20 {
      for point in 1...length {
        let digits = "12345678901234567890".prefix(length)
        let text = point == length ? String(digits) : "\(digits.prefix(point)).\(digits.dropFirst(point))"
        let expected = referenceValue(text)
        for byte in UInt8.min...UInt8.max {
          if isDigit(byte) || byte | 0x20 == UInt8(ascii: "e") || (byte == UInt8(ascii: ".") && point == length) {
            continue
          }
          // Digits follow: none of them may count.
          let bytes = Array(text.utf8) + [byte] + [UInt8](repeating: UInt8(ascii: "7"), count: 80)
          var reader = JSONReader(bytes.span)
          let value = try reader.readNumber().value
          if value != expected || reader.position != text.utf8.count { Issue.record("\(text), then \(byte): \(value)") }
        }
      }
    }
  }

  /// What is no number is refused at its byte, also where the hot path sees it first.
  @Test(arguments: [
    ("-", 1), ("-.5", 1), (".5", 0), ("1.", 2), ("-1.e5", 3), ("01", 1), ("-01.5", 2), ("00", 1), ("12345678.", 9),
    ("1.5e", 4),
    ("1.5e+", 5), ("123456789.e1", 10), ("1234567.", 8), ("0.000000000000000000e", 21), ("+1", 0), ("--1", 1),
    ("1.5e-x", 5),
  ])
  func damagedNumbers(_ text: String, _ offset: Int) {
    for padding in [0, 80] {
      let bytes = Array(text.utf8) + [UInt8](repeating: UInt8(ascii: " "), count: padding)
      do {
        var reader = JSONReader(bytes.span)
        let value = try reader.readNumber().value
        Issue.record("\(text) was read as \(value)")
      } catch {
        #expect(error.offset == offset, "\(text)")
      }
    }
  }

  /// A text cut at each of its bytes, so that the hot path ends at each place of a number before the last.
  @Test func everyCut() throws {
    let numbers = [
      "-1.2345678901234567", "0.12345678901234568", "17", "-123456789012.5", "1e-7", "0.00012345678901234567", "5.25",
    ]
    let text = Array(("[" + [String](repeating: numbers.joined(separator: ","), count: 3).joined(separator: ", ")).utf8)
    for length in 2...text.count {
      let cut = Array(text[..<length])
      guard let last = cut.last, isDigit(last) else { continue }
      let parts = String(decoding: cut.dropFirst(), as: UTF8.self).split(separator: ",").map { $0.drop { $0 == " " } }
      let reading = try readTensor(cut + Array("]".utf8))
      #expect(reading.values == parts.map { referenceValue(String($0)) })
    }
  }

  /// Any digits, of any count up to 40, with any exponent: against strtod.
  @Test func randomDecimals() throws {
    var random = SplitMix64(2)
    for _ in repetitions(150_000) {
      let count = Int.random(in: 1...(Bool.random(using: &random) ? 20 : 40), using: &random)
      var text = String(Int.random(in: 1...9, using: &random))
      let point = Int.random(in: 1...count, using: &random)
      for index in 1..<max(2, count) {
        if index == point { text += "." }
        text += String(Int.random(in: 0...9, using: &random))
      }
      if Bool.random(using: &random) { text = "0." + text.filter { $0 != "." } }
      if Int.random(in: 0...3, using: &random) > 0 {
        let wide = Bool.random(using: &random)
        text += "e" + String(Int.random(in: wide ? -345...310 : -30...30, using: &random))
      }
      let bytes = Array(text.utf8)
      let expected = referenceValue(text).bitPattern
      let alone = try readNumber(bytes).infinite.bitPattern
      let inside = try readNumberInside(bytes).infinite.bitPattern
      if alone != expected || inside != expected { Issue.record("\(text)") }
    }
  }

  /// Exactly half-way between neighbours, and a unit in a far place more and less: ties to even, and no digit is lost.
  @Test func halfwayCases() throws {
    var random = SplitMix64(3)
    for round in repetitions(2_000) {
      var pattern = random.next() & 0x7FFF_FFFF_FFFF_FFFF
      if round % 4 == 0 { pattern &= 0x000F_FFFF_FFFF_FFFF >> UInt64(round % 52) }
      if round % 4 == 1 { pattern = pattern % (200 << 52) + (923 << 52) }
      if pattern >= 0x7FEF_FFFF_FFFF_FFFF { continue }
      let below = Double(bitPattern: pattern)
      let above = Double(bitPattern: pattern + 1)
      let (digits, exponent) = ExactDecimal.halfway(above: below)
      let even = pattern & 1 == 0 ? below : above
      let zeros = String(repeating: "0", count: round % 97)
      // Where the digits end before the units, a tenth of their last place may reach beyond a neighbour; a tenth does
      // not.
      let toUnits = max(exponent, 0)
      let whole = digits + String(repeating: "0", count: toUnits)
      let less = ExactDecimal.decremented(digits) + String(repeating: "9", count: toUnits + 1)
      for (text, expected) in [
        (digits, even), (digits + zeros, even), (whole + zeros + "1", above), (less + zeros, below),
      ] {
        let shift = text.count - digits.count
        let written = "\(text)e\(exponent - shift)"
        let number = try readNumber(written)
        if number.value != expected { Issue.record("\(written): \(number.value), not \(expected)") }
        let pointed = "\(text.first!).\(text.dropFirst())0e\(exponent - shift + text.count - 1)"
        if try readNumber(pointed).value != expected { Issue.record("\(pointed), not \(expected)") }
      }
    }
  }

  @Test func everyPowerOfTenAndTwo() throws {
    for exponent in -400...400 {
      try check("1e\(exponent)")
      try check("9.999999999999999999e\(exponent)")
    }
    for exponent in -1074...1023 {
      let power = Double(sign: .plus, exponent: exponent, significand: 1)
      for value in [power, power.nextUp, power.nextDown] { try check(value.description) }
    }
  }

  /// The text's length is the only limit on digits, and the work grows with it alone.
  @Test func longNumbers() throws {
    let length = 1 << 20
    let zeros = [UInt8](repeating: UInt8(ascii: "0"), count: length)
    let nines = [UInt8](repeating: UInt8(ascii: "9"), count: length)
    func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
    #expect(try readNumber(bytes("1") + zeros).isOutOfRange)
    #expect(try readNumber(bytes("1") + zeros + bytes("e-\(length)")).value == 1)
    #expect(try readNumber(bytes("0.") + zeros + bytes("1e\(length + 1)")).value == 1)
    #expect(try readNumber(bytes("0.") + zeros + bytes("1")).value == 0)
    #expect(try readNumber(bytes("0.") + nines).value == 1)
    #expect(try readNumber(nines + bytes("e-\(length)")).value == 1)
    #expect(try readNumber(bytes("9007199254740993.") + zeros).value == 9_007_199_254_740_992)
    #expect(try readNumber(bytes("9007199254740993.") + zeros + bytes("1")).value == 9_007_199_254_740_994)
    #expect(try readNumber(bytes("9007199254740992.") + nines).value == 9_007_199_254_740_992)
    #expect(try readNumber(bytes("1e") + zeros + bytes("5")).value == 1e5)
    #expect(try readNumber(bytes("1e") + nines).isOutOfRange)
    #expect(try readNumber(bytes("1e-") + nines).value == 0)
  }
}
