import TestSupport
import Testing
import VectorKernels

/// All numbers of the formats of 16 bits, as text.
@Suite struct NarrowFormatTests {
  private func number(_ pattern: UInt16, _ format: BinaryFormat) -> Double {
    format == .binary16 ? Double(Float16(bitPattern: pattern)) : Double(Float(bitPattern: UInt32(pattern) << 16))
  }

  /// The digits without zeros around them, and the power of ten of the last.
  private func decimal(_ text: String) -> (digits: Int, exponent: Int) {
    let parts = text.split(separator: "e")
    var exponent = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
    if let point = parts[0].firstIndex(of: ".") {
      exponent -= parts[0].distance(from: point, to: parts[0].endIndex) - 1
    }
    var digits = Int(parts[0].filter { $0 != "." && $0 != "-" }) ?? 0
    while digits != 0, digits % 10 == 0 {
      digits /= 10
      exponent += 1
    }
    return (digits, exponent)
  }

  /// But for the numbers from 2048 on, of which Swift writes every digit.
  @Test(arguments: levelsHere)
  func binary16IsWrittenAsSwiftDescribesIt(_ level: KernelLevel) {
    let numbers = (0...UInt16.max).map { Float16(bitPattern: $0) }.filter { $0.magnitude < 2048 }
    for (number, text) in zip(numbers, texts(numbers.map(Double.init), .binary16, level)) {
      let (found, wanted) = (decimal(text), decimal(number.description))
      #expect(found == wanted && text.hasPrefix("-") == (number < 0), "\(number) is written \(text)")
      #expect(Float16(text) == number)
    }
  }

  /// No shorter decimal reads back, and of those as short none is closer.
  @Test(arguments: levelsHere, [BinaryFormat.binary16, .bfloat16])
  func noDecimalIsBetter(_ level: KernelLevel, _ format: BinaryFormat) throws {
    let values = (1...0x7FFF).map { number($0, format) }.filter(\.isFinite)
    for (value, text) in zip(values, texts(values, format, level)) {
      let (digits, exponent) = decimal(text)
      func readsBack(_ digits: Int, _ exponent: Int) -> Bool {
        Double("\(digits)e\(exponent)").map { format.nearest(to: $0) == value } ?? false
      }
      #expect(readsBack(digits, exponent), "\(value) is written \(text)")
      for shorter in [digits / 10, digits / 10 + 1] { #expect(!readsBack(shorter, exponent + 1), "\(value): \(text)") }
      let written = try #require(Double(text))
      for neighbour in [digits - 1, digits + 1] where readsBack(neighbour, exponent) {
        let other = try #require(Double("\(neighbour)e\(exponent)"))
        #expect(abs(written - value) <= abs(other - value), "\(value): \(text)")
      }
    }
  }

  @Test func whatIsNoNumberOfTheFormat() {
    for (format, beyond) in [(BinaryFormat.binary16, 65_520.0), (.bfloat16, 0x1.FFp127)] {
      let values: [Double] = [beyond, -beyond, beyond.nextDown, .nan, 0, -0.0, 0x1p-140]
      for level in levelsHere {
        let written = texts(values, format, level)
        #expect(Array(written[..<2]) == ["\"Infinity\"", "\"-Infinity\""])
        #expect(Double(written[2]).map { format.nearest(to: $0) } == format.greatestFinite)
        #expect(Array(written[3...]) == ["\"NaN\"", "0.0", "0.0", "0.0"])
      }
    }
  }
}
