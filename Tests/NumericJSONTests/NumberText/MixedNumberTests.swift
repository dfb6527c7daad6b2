import TestSupport
import Testing
import VectorKernels

@testable import NumericJSON

/// Numbers of any length and notation among each other, as probabilities are written, which are read eight at a time
/// too. `readTensor` of these tests demands the same at every level.
@Suite("Numbers of mixed notation")
struct MixedNumberTests {
  /// Digits as a number with a point before the last `places`.
  private func pointed(_ digits: String, _ places: Int) -> String {
    let padded = String(repeating: "0", count: max(0, places + 1 - digits.count)) + digits
    return places == 0 ? padded : padded.dropLast(places) + "." + padded.suffix(places)
  }

  private func exponent(_ random: inout SplitMix64) -> String {
    let sign = ["", "-", "+"][random.int(in: 0...2)]
    let size = random.int(in: 0...9) == 0 ? random.int(in: 0...330) : random.int(in: 0...12)
    return (random.next() % 2 == 0 ? "e" : "E") + sign + (random.next() % 4 == 0 ? "0" : "") + String(size)
  }

  /// Exactly half-way between two numbers, or a unit in the last place beside, in about 20 digits; with an exponent now
  /// and then.
  private func nearHalfway(_ random: inout SplitMix64) -> String {
    let value = Double(1 << 52) * random.double(in: 1...2) * [1, 0.5, 0.25, 0.125, 2, 4, 64][random.int(in: 0...6)]
    var (text, power) = ExactDecimal.halfway(above: value.rounded())
    if random.next() % 3 == 0 { (text, power) = (ExactDecimal.decremented(text) + digits(1, &random), power - 1) }
    if random.next() % 3 == 0 { (text, power) = (text + "0000" + digits(1, &random), power - 5) }
    if random.next() % 4 == 0 { return pointed(text, text.count - 1) + "e\(power + text.count - 1)" }
    return power <= 0 ? pointed(text, -power) : text + String(repeating: "0", count: power)
  }

  private func number(_ random: inout SplitMix64) -> String {
    let sign = random.next() % 2 == 0 ? "-" : ""
    switch random.int(in: 0...7) {
    case 0: return "\(random.double(in: -1...1))"
    case 1: return "\(random.double(in: -1...1) * 1e-7)"
    case 2: return sign + "7" + digits(random.int(in: 0...20), &random)
    case 3:
      let (text, power) = ExactDecimal.decimal(random.next() >> 11, timesTwoTo: -random.int(in: 50...60))
      return sign + pointed(String(text.prefix(text.count + power + 20)), min(20, -power))
    case 4: return sign + nearHalfway(&random)
    case 5: return sign + "0." + String(repeating: "0", count: random.int(in: 0...16)) + digits(4, &random)
    case 6: return sign + ["0", "1", "10", "0.5", "0.0", "100.25", "1e0"][random.int(in: 0...6)]
    default:
      let text = "1" + digits(random.int(in: 0...20), &random)
      return sign + pointed(text, random.int(in: 0...text.count)) + (random.next() % 2 == 0 ? exponent(&random) : "")
    }
  }

  @Test(arguments: [",", ", ", ",\n  "], [0, 1, 3, 10])
  func values(_ separator: String, rowLength: Int) throws {
    var random = SplitMix64(51)
    for count in [10, 30, 60, 120, 600] {
      for _ in repetitions(20) {
        let elements = (0..<count).map { _ in number(&random) }.filter { referenceValue($0).isFinite }
        let whole = elements.dropLast(rowLength == 0 ? 0 : elements.count % rowLength)
        let rows =
          rowLength == 0
          ? [Array(whole)]
          : stride(from: 0, to: whole.count, by: rowLength).map {
            Array(whole[$0..<$0 + rowLength])
          }
        let texts = rows.map { "[" + $0.joined(separator: separator) + "]" }
        let text = rowLength == 0 ? texts[0] : "[" + texts.joined(separator: separator) + "]"
        let values = try readTensor(text).values
        for (element, value) in zip(whole, values) where value.bitPattern != referenceValue(element).bitPattern {
          Issue.record("\(element) is read as \(value)")
        }
        #expect(values.count == whole.count)
      }
    }
  }

  /// Texts by chance among them: read, refused and told where as the baseline does.
  @Test(arguments: [",", ", "])
  func everyTextAmongThem(_ separator: String) {
    var random = SplitMix64(52)
    let alphabet = Array("-+0195.eE ,\"f")
    for _ in repetitions(6000) {
      let text = String((0..<random.int(in: 0...28)).map { _ in alphabet[random.int(in: 0...random.int(in: 5...12))] })
      var elements = (0..<30).map { _ in number(&random) }
      elements[random.int(in: 16...28)] = text
      // What differs between the levels is recorded by `readTensor`.
      _ = try? readTensor("[" + elements.joined(separator: separator) + "]")
    }
  }

  @Test(arguments: [
    "1.2345678901234567e-05", "-0.00012345678901234567", "123456789012345678901", "9007199254740993", "1E+5", "-2e-300",
    "0.12345678901234567890", "1234567890.12345678901234567", "5e-3,1.5", "0", "12345678901234567890123456789012345",
  ])
  func everyByteInEveryPlace(_ number: String) {
    var random = SplitMix64(53)
    for separator in [",", ", "] {
      let before = (0..<20).map { _ in self.number(&random) }.joined(separator: separator) + separator
      let behind = (0..<16).map { _ in separator + self.number(&random) }.joined()
      let text = Array(("[" + before + number + behind + "]").utf8)
      for place in before.utf8.count - 1..<before.utf8.count + number.utf8.count + 4 {
        for byte in UInt8.min...UInt8.max {
          var changed = text
          changed[place] = byte
          // What differs between the levels is recorded by `readTensor`.
          _ = try? readTensor(changed)
        }
      }
    }
  }

  /// Where reading stops, how, and what it has read, with every limit, every room and every end of the text.
  @Test(arguments: [",", ", "], [Int.max, 1, 4])
  func limitsAndRooms(_ separator: String, rowLength: Int) {
    var random = SplitMix64(54)
    for _ in repetitions(10) {
      let rows = RowPattern(length: rowLength, column: 0)
      let text = (0..<60).map { place in
        let isEnd = rowLength != .max && place > 0 && place % rowLength == 0
        return (place == 0 ? "" : isEnd ? "]" + separator + "[" : separator) + number(&random)
      }
      let bytes = Array(text.joined().utf8)
      for limit in stride(from: 0, to: bytes.count + 9, by: 7) {
        for (text, limit) in [(bytes, limit), (Array(bytes.prefix(limit)), Int.max)] {
          let expected = SequenceOutcome(text, limit: limit, rows: rows, capacity: 100, .baseline)
          for level in levelsHere {
            let outcome = SequenceOutcome(text, limit: limit, rows: rows, capacity: 100, level)
            #expect(outcome.agrees(with: expected, in: text))
          }
        }
      }
      for capacity in 0...61 {
        let expected = SequenceOutcome(bytes, rows: rows, capacity: capacity, .baseline)
        for level in levelsHere {
          let outcome = SequenceOutcome(bytes, rows: rows, capacity: capacity, level)
          #expect(outcome.agrees(with: expected, in: bytes))
        }
      }
    }
  }
}
