import VectorKernels
import TestSupport
import Testing

@testable import NumericJSON

/// Long sequences of numbers, which are read eight at a time where they are of one of the kinds that are usual.
/// `readTensor` of these tests demands the same at every level.
@Suite struct NumberSequenceTests {
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

  /// In one row and in rows of a few.
  @Test(arguments: NumberKind.allCases, [",", ", ", ",\n  ", " , "])
  func values(_ kind: NumberKind, separator: String) throws {
    var random = SplitMix64(31)
    for count in [1, 10, 15, 16, 17, 24, 31, 32, 33, 47, 48, 49, 64, 100, 500] {
      for rowLength in [nil, 1, 3, 10] where rowLength ?? 0 <= count {
        for _ in repetitions(5) {
          let elements = (0..<count - count % (rowLength ?? 1)).map { _ in
            let number = kind.number(&random)
            return referenceValue(number).isFinite ? number : "1"
          }
          let rows = rowLength.map { length in
            stride(from: 0, to: elements.count, by: length).map {
              array(Array(elements[$0..<$0 + length]), separator)
            }
          }
          let values = try readTensor(array(rows ?? elements, separator)).values
          #expect(values.map(\.bitPattern) == elements.map { referenceValue($0).bitPattern })
        }
      }
    }
  }

  /// Every text of up to three bytes among numbers of a kind, and longer ones by chance: read, refused and told where
  /// as the baseline does.
  @Test(arguments: [NumberKind.short, .mixed], [",", ", "])
  func everyTextAmongThem(_ kind: NumberKind, separator: String) {
    var random = SplitMix64(42)
    let alphabet = Array("-0195.e ,\"")
    var texts = [""]
    for start in [0, 1, 11] {
      for text in texts[start...] { texts += alphabet.map { text + String($0) } }
    }
    let longer = alphabet + Array("+Ef")
    for _ in repetitions(3000) {
      let letters = random.int(in: 5...longer.count - 1)
      texts.append(String((0..<random.int(in: 4...28)).map { _ in longer[random.int(in: 0...letters)] }))
    }
    for text in texts {
      var elements = (0..<40).map { _ in kind.number(&random) }
      elements[random.int(in: 16...32)] = text
      // What differs between the levels is recorded by `readTensor`.
      _ = try? readTensor(array(elements, separator))
    }
  }

  /// Among them such as need more of the power of ten than an eight has.
  @Test func manyEverydayNumbers() throws {
    var random = SplitMix64(32)
    for _ in repetitions(100) {
      let elements = (0..<1000).map { _ in NumberKind.everyday.number(&random) }
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
            : NumberKind.everyday.number(&random)
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
        var elements = (0..<Int(random.next() % 100) + 2).map { _ in NumberKind.everyday.number(&random) }
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
    let elements = (0..<40).map { _ in NumberKind.everyday.number(&random) }
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
    (
      NumberKind.long,
      [
        "1.234567890123", "-1.23456789012", "-123.4567890123456", "0.1234567890123456", "-1234.567890123456789",
        "1.23456789012345678901", "-0.000000001234567890", "-1234567.8901234", "12.34567890123,1.5",
      ]
    ), (NumberKind.short, ["-0.25", "12345", "1234567.8", "0"]),
    (
      NumberKind.mixed,
      [
        "1.2345678901234567e-05", "-0.00012345678901234567", "123456789012345678901", "9007199254740993", "1E+5",
        "-2e-300", "0.12345678901234567890", "1234567890.12345678901234567", "5e-3,1.5", "0",
        "12345678901234567890123456789012345",
      ]
    ),
  ])
  func everyByteInEveryPlace(_ kind: NumberKind, numbers: [String]) {
    var random = SplitMix64(36)
    for number in numbers {
      let before = (0..<20).map { _ in kind.number(&random) }
      let behind = (0..<16).map { _ in kind.number(&random) }
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
        let elements = (0..<100).map { _ in NumberKind.long.number(&random) }
        let (usual, other) = random.next() % 2 == 0 ? (",", ", ") : (", ", ",")
        let text = elements.dropFirst().reduce(elements[0]) { $0 + (random.next() % rarity == 0 ? other : usual) + $1 }
        let values = try readTensor("[" + text + "]").values
        #expect(values.map(\.bitPattern) == elements.map { referenceValue($0).bitPattern })
      }
    }
  }

  /// Where reading stops, how, and what it has read, with every limit, every room and every end of the text.
  @Test(arguments: [NumberKind.long, .short, .mixed], [Int.max, 1, 4])
  func limitsAndRooms(_ kind: NumberKind, rowLength: Int) {
    var random = SplitMix64(38)
    for separator in [",", ", "] {
      for _ in repetitions(10) {
        let rows = RowPattern(length: rowLength, column: 0)
        let text = (0..<60).reduce(into: "") { text, place in
          let isEnd = rowLength != .max && place % rowLength == 0
          let number = random.next() % 100 == 0 ? Self.others.randomElement(using: &random) : nil
          text += (place == 0 ? "" : isEnd ? "]" + separator + "[" : separator) + (number ?? kind.number(&random))
        }
        let bytes = Array(text.utf8)
        // Elsewhere than at the beginning, the rows would not end where the pattern says.
        let start = rowLength == .max ? Int(random.next() % 60) : 0
        func compare(_ text: [UInt8], limit: Int = .max, capacity: Int = 100) {
          func outcome(_ level: KernelLevel) -> SequenceOutcome {
            SequenceOutcome(text, from: start, limit: limit, rows: rows, capacity: capacity, level)
          }
          let expected = outcome(.baseline)
          for level in levelsHere { #expect(outcome(level).agrees(with: expected, in: text)) }
        }
        for limit in stride(from: 0, to: bytes.count + 9, by: 7) {
          compare(bytes, limit: limit)
          compare(Array(bytes.prefix(limit)))
        }
        for capacity in 0...61 { compare(bytes, capacity: capacity) }
      }
    }
  }
}
