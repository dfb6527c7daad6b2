import VectorKernels
import TestSupport
import Testing

@testable import NumericJSON

/// Long sequences of numbers, which are read eight at a time where they are everyday ones. `readTensor` of these tests
/// demands the same at every level.
@Suite struct NumberSequenceTests {
  /// With up to eight digits before the point and up to 19 behind it: beyond an eight's on every side.
  private func everydayNumber(_ random: inout SplitMix64) -> String {
    let before = Int(random.next() % 8) + 1
    let integer =
      random.next() % 2 == 0 ? digits(1, &random) : String(random.next() % 9 + 1) + digits(before - 1, &random)
    let fraction = digits(Int(random.next() % 19) + 1, &random)
    return (random.next() % 2 == 0 ? "-" : "") + integer + "." + fraction
  }

  /// One that an eight takes, except for zero and what is undecided: 14 to 21 bytes, and no zero at the end.
  private func longNumber(_ random: inout SplitMix64) -> String {
    let sign = random.next() % 2 == 0 ? "-" : ""
    let before = Int(random.next() % 7) + 1
    let integer =
      before == 1 ? digits(1, &random) : String(random.next() % 9 + 1) + digits(before - 1, &random)
    let length = min(14 + Int(random.next() % 8), 20 + sign.count)
    return sign + integer + "." + digits(length - sign.count - before - 2, &random) + String(random.next() % 9 + 1)
  }

  /// Mostly of at most ten bytes and eight digits, as people write numbers: integers, whole numbers, a few digits.
  private func shortNumber(_ random: inout SplitMix64) -> String {
    let sign = random.next() % 2 == 0 ? "-" : ""
    let before = Int(random.next() % 8) + 1
    let integer = random.next() % 2 == 0 ? digits(1, &random) : "7" + digits(before - 1, &random)
    let after = Int(random.next() % 8)
    return sign + integer + (after == 0 ? "" : "." + digits(after, &random))
  }

  private static let others = [
    "0", "-0.0", "1", "12345678", "123456789012345678", "1e5", "-2.5E-300", "1e-400", "0.00000000000000000", "7.5",
    "0.000000000123456789", "123456789.123456789", "1.23456789012345678901234567890", "9007199254740993.0",
    "1797693134862315.7e293", "  3.14159265358979", "\n2.718281828459045", "2.718281828459045 ", "\"-Infinity\"",
    "\"NaN\"",
  ]
  private static let faults = ["null", "1e400", "[1.25]", "{}", "true", "\"no\"", "9999999999999999999e999"]
  private static let errors = [
    "", "01.2345678901234567", "1.", "-", "+1.234567890123456", ".234567890123456789", "1.2345678901234x67",
    "1.23456.7890123456",
    "1.234567890123456e", "--1.23456789012345678", "NaN", "1.234567890123456;", "\u{1}1.234567890123456",
    "-a.234567890123456",
  ]

  private func array(_ elements: [String], _ separator: String) -> String {
    "[" + elements.joined(separator: separator) + "]"
  }

  @Test(arguments: [",", ", ", ",\n  ", " , "])
  func everydayNumbers(_ separator: String) throws {
    var random = SplitMix64(31)
    for count in [1, 15, 16, 17, 24, 31, 32, 33, 47, 48, 49, 64, 100, 500] {
      for _ in repetitions(10) {
        let elements = (0..<count).map { _ in everydayNumber(&random) }
        let values = try readTensor(array(elements, separator)).values
        #expect(values.map(\.bitPattern) == elements.map { referenceValue($0).bitPattern })
      }
    }
  }

  @Test(arguments: [",", ", ", ",\n  ", " , "])
  func shortNumbers(_ separator: String) throws {
    var random = SplitMix64(41)
    for count in [15, 16, 17, 24, 31, 32, 33, 48, 64, 100, 500] {
      for _ in repetitions(20) {
        let elements = (0..<count).map { _ in shortNumber(&random) }
        let values = try readTensor(array(elements, separator)).values
        #expect(values.map(\.bitPattern) == elements.map { referenceValue($0).bitPattern })
      }
    }
  }

  /// Every text of up to three bytes among short numbers, and longer ones by chance: read, refused and told where as
  /// the baseline does.
  @Test(arguments: [",", ", "])
  func everyTextAmongShortNumbers(_ separator: String) {
    var random = SplitMix64(42)
    let alphabet = Array("-0195.e ,\"")
    var texts = [""]
    for start in [0, 1, 11] {
      for text in texts[start...] { texts += alphabet.map { text + String($0) } }
    }
    for _ in repetitions(3000) {
      texts.append(String((0..<random.int(in: 4...12)).map { _ in alphabet[random.int(in: 0...9)] }))
    }
    for text in texts {
      var elements = (0..<40).map { _ in shortNumber(&random) }
      elements[random.int(in: 16...32)] = text
      // What differs between the levels is recorded by `readTensor`.
      _ = try? readTensor(array(elements, separator))
    }
  }

  /// Among them such as need more of the power of ten than an eight has.
  @Test func manyEverydayNumbers() throws {
    var random = SplitMix64(32)
    for _ in repetitions(100) {
      let elements = (0..<1000).map { _ in everydayNumber(&random) }
      let values = try readTensor(array(elements, ",")).values
      #expect(values.map(\.bitPattern) == elements.map { referenceValue($0).bitPattern })
    }
  }

  @Test func othersAmongThem() throws {
    var random = SplitMix64(33)
    for rarity in [2, 10, 30, 100] as [UInt64] {
      for _ in repetitions(100) {
        let elements = (0..<Int(random.next() % 200)).map { _ in
          random.next() % rarity == 0
            ? (random.next() % 8 == 0 ? Self.faults : Self.others).randomElement(using: &random) ?? ""
            : everydayNumber(&random)
        }
        // What is read is compared between the levels; what the baseline reads, other suites examine.
        _ = try readTensor(array(elements, random.next() % 2 == 0 ? "," : ", "))
      }
    }
  }

  @Test func errorsAmongThem() {
    var random = SplitMix64(34)
    for error in Self.errors {
      for _ in repetitions(40) {
        var elements = (0..<Int(random.next() % 100) + 2).map { _ in everydayNumber(&random) }
        elements[Int(random.next() % UInt64(elements.count))] = error
        #expect(throws: JSONSyntaxError.self) { try readTensor(array(elements, random.next() % 2 == 0 ? "," : ", ")) }
      }
    }
  }

  /// Zero is left undecided by the eight and read again where it stands.
  @Test(arguments: [",", ", "])
  func undecidedNumbersAtEveryDistanceFromTheEnd(_ separator: String) throws {
    for count in 17...40 {
      let text = array(Array(repeating: "-0.00000000000000000", count: count), separator)
      for padding in 0...90 {
        let values = try readTensor(text + String(repeating: " ", count: padding)).values
        #expect(values.map(\.bitPattern) == Array(repeating: 1 << 63, count: count))
      }
    }
  }

  @Test func everyCutAndEveryCount() throws {
    var random = SplitMix64(35)
    let elements = (0..<40).map { _ in everydayNumber(&random) }
    let text = Array(array(elements, ",").utf8)
    for end in 0..<text.count {
      #expect(throws: JSONSyntaxError.self) { try readTensor(Array(text[..<end])) }
    }
    for count in 0...41 {
      let reading = try readTensor(text, maximumCount: count)
      #expect(reading.isTooLarge == (count < 40))
    }
  }

  /// Each byte in each place of a number, of the space and the comma beside it, and in each place of an eight:
  /// accepted, refused, read and told where, as the baseline does.
  @Test(arguments: [
    "1.234567890123", "-1.23456789012", "-123.4567890123456", "0.1234567890123456", "-1234.567890123456789",
    "1.23456789012345678901", "-0.000000001234567890", "-1234567.8901234", "12.34567890123,1.5", "-0.25", "12345",
    "1234567.8", "0",
  ])
  func everyByteInEveryPlace(_ number: String) {
    var random = SplitMix64(36)
    let isShort = number.utf8.count < 10
    let before = (0..<20).map { _ in isShort ? shortNumber(&random) : longNumber(&random) }
    let behind = (0..<16).map { _ in isShort ? shortNumber(&random) : longNumber(&random) }
    for separator in [",", ", "] {
      let text = Array(array(before + [number] + behind, separator).utf8)
      let start = array(before, separator).utf8.count - 2
      for place in start..<start + number.utf8.count + 4 {
        for byte in UInt8.min...UInt8.max {
          var changed = text
          changed[place] = byte
          // What differs between the levels is recorded by `readTensor`.
          _ = try? readTensor(changed)
        }
      }
    }
  }

  /// Every shape that has to do with a block's limits, at each place in a block and each distance from a fault.
  @Test func everyLengthAtEveryPlace() throws {
    var random = SplitMix64(37)
    for length in 10...25 {
      for integer in 1...6 {
        for sign in ["", "-"] {
          let front = integer == 1 ? digits(1, &random) : "7" + digits(integer - 1, &random)
          let number = sign + front + "." + digits(length - integer - sign.count - 1, &random)
          var elements = (0..<48).map { _ in "2." + digits(15, &random) }
          elements[16 + Int(random.next() % 24)] = number
          elements[16 + Int(random.next() % 24)] = number
          for separator in [",", ", "] {
            let values = try readTensor(array(elements, separator)).values
            #expect(values.map(\.bitPattern) == elements.map { referenceValue($0).bitPattern })
          }
        }
      }
    }
  }

  /// Now with a space behind the comma, now without.
  @Test func separatorsAmongEachOther() throws {
    var random = SplitMix64(39)
    for rarity in [2, 10, 30] as [UInt64] {
      for _ in repetitions(200) {
        let elements = (0..<100).map { _ in longNumber(&random) }
        let (usual, other) = random.next() % 2 == 0 ? (",", ", ") : (", ", ",")
        let text = elements.dropFirst().reduce(elements[0]) { $0 + (random.next() % rarity == 0 ? other : usual) + $1 }
        let values = try readTensor("[" + text + "]").values
        #expect(values.map(\.bitPattern) == elements.map { referenceValue($0).bitPattern })
      }
    }
  }

  /// Where reading stops, how, and what it has read, with every limit, every room and every end of the text.
  @Test(arguments: [",", ", "], [false, true])
  func limitsAndRooms(_ separator: String, isShort: Bool) {
    var random = SplitMix64(38)
    for level in levelsHere {
      for _ in repetitions(20) {
        let elements = (0..<60).map { _ in
          random.next() % 100 == 0
            ? Self.others.randomElement(using: &random) ?? ""
            : isShort ? shortNumber(&random) : longNumber(&random)
        }
        let text = Array(elements.joined(separator: separator).utf8)
        let start = Int(random.next() % 60)
        for limit in stride(from: 0, to: text.count + 9, by: 7) {
          let expected = SequenceOutcome(text, from: start, limit: limit, capacity: 100, .baseline)
          let outcome = SequenceOutcome(text, from: start, limit: limit, capacity: 100, level)
          #expect(outcome.agrees(with: expected, in: text))
          let cut = Array(text.prefix(limit))
          let cutExpected = SequenceOutcome(cut, from: start, limit: .max, capacity: 100, .baseline)
          let cutOutcome = SequenceOutcome(cut, from: start, limit: .max, capacity: 100, level)
          #expect(cutOutcome.agrees(with: cutExpected, in: cut))
        }
        for capacity in 0...61 {
          let expected = SequenceOutcome(text, from: start, limit: .max, capacity: capacity, .baseline)
          let outcome = SequenceOutcome(text, from: start, limit: .max, capacity: capacity, level)
          #expect(outcome.agrees(with: expected, in: text))
        }
      }
    }
  }
}
