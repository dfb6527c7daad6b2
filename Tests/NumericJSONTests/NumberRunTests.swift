import Testing

@testable import NumericJSON

/// Long runs of numbers, which are read by batches where they are everyday ones. `readTensor` of these tests demands the same
/// at every level.
@Suite struct NumberRunTests {
  private func digits(_ count: Int, _ random: inout SplitMix64) -> String {
    String((0..<count).map { _ in Character(String(random.next() % 10)) })
  }

  /// With up to eight digits before the point and up to 20 in all: beyond a batch's on every side.
  private func everydayNumber(_ random: inout SplitMix64) -> String {
    let before = Int(random.next() % 8) + 1
    let integer =
      random.next() % 2 == 0 ? digits(1, &random) : String(random.next() % 9 + 1) + digits(before - 1, &random)
    let fraction = digits(Int(random.next() % 19) + 1, &random)
    return (random.next() % 2 == 0 ? "-" : "") + integer + "." + fraction
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
      for _ in 0..<scaled(10) {
        let elements = (0..<count).map { _ in everydayNumber(&random) }
        let values = try readTensor(array(elements, separator)).values
        #expect(values.map(\.bitPattern) == elements.map { referenceValue($0).bitPattern })
      }
    }
  }

  /// Among them such as need more of the power of ten than a batch has.
  @Test func manyEverydayNumbers() throws {
    var random = SplitMix64(32)
    for _ in 0..<scaled(100) {
      let elements = (0..<1000).map { _ in everydayNumber(&random) }
      let values = try readTensor(array(elements, ",")).values
      #expect(values.map(\.bitPattern) == elements.map { referenceValue($0).bitPattern })
    }
  }

  @Test func othersAmongThem() throws {
    var random = SplitMix64(33)
    for rarity in [2, 10, 30, 100] as [UInt64] {
      for _ in 0..<scaled(100) {
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
      for _ in 0..<scaled(40) {
        var elements = (0..<Int(random.next() % 100) + 2).map { _ in everydayNumber(&random) }
        elements[Int(random.next() % UInt64(elements.count))] = error
        #expect(throws: JSONSyntaxError.self) { try readTensor(array(elements, random.next() % 2 == 0 ? "," : ", ")) }
      }
    }
  }

  /// Zero is left undecided by the batch and read again where it stands.
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
}
