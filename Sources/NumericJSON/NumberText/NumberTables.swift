internal import VectorKernels

/// The tables by which the vector loops put numbers' texts together: where each byte comes from, and how a text ends.
///
/// From 1e-4 up to but not including 1e16 a number is in plain notation, with at least one digit after the point.
/// Otherwise one digit comes before the point, and the exponent has no plus sign and no leading zeros. Python and Swift
/// choose the same notation, apart from the exponent's sign and zeros.
struct NumberTables {
  /// Made once, and never freed.
  static let all: TextTables = {
    let tables = NumberTables()
    let tails = TextTail.powers.map { tail(plainPowers.contains($0) ? "," : "e\($0),") }
    let powers = (-293...323).map { 2 * ($0 - PowersOfTen.exponents.lowerBound) }
    let upper = powers.map { PowersOfTen.significands[$0] >> 4 }
    let lower = powers.map { PowersOfTen.significands[$0] << 60 | PowersOfTen.significands[$0 + 1] >> 4 }
    return unsafe TextTables(
      upperPowers: lasting(upper), lowerPowers: lasting(lower), layouts: lasting(tables.layouts),
      tails: lasting(tails))
  }()

  private static let plainPowers: Range<Int> = {
    let least = -Int(TextLayout.plainPowers.below)
    return least..<(least + Int(TextLayout.plainPowers.count))
  }()

  /// A copy in memory that is never freed.
  static func lasting<Element>(_ values: [Element]) -> UnsafePointer<Element> {
    let copy = UnsafeMutablePointer<Element>.allocate(capacity: values.count)
    for place in values.indices { unsafe (copy + place).initialize(to: values[place]) }
    return unsafe UnsafePointer(copy)
  }

  private var layouts: [UInt8] = []

  private init() {
    for place in 0...TextLayout.plainPowers.count {
      for sign in ["", "-"] {
        let isPlain = place < TextLayout.plainPowers.count
        let power = isPlain ? Int(place) - Int(TextLayout.plainPowers.below) : 0
        let zeros = power < 0 ? "0." + String(repeating: "0", count: -power - 1) : ""
        var text = (sign + zeros).utf8.map(Source.mark)
        for digit in 0...16 {
          if power >= 0, digit == power + 1 { text.append(.mark(UInt8(ascii: "."))) }
          text.append(.digit(digit))
        }
        append(text)
      }
    }
    for name in NumberName.allCases { append(name.text.utf8.map(Source.mark)) }
  }

  /// What a byte of a text is: a digit, by its place among the seventeen, or another byte.
  private enum Source {
    case digit(Int)
    case mark(UInt8)
  }

  private mutating func append(_ text: [Source]) {
    let half = TextLayout.size / 2
    var (indices, marks) = ([UInt8](repeating: 128, count: half), [UInt8](repeating: 0, count: half))
    for (place, source) in text.enumerated() {
      switch source {
      case .digit(let digit):
        // Of two words of eight digits, the last of which is in the lowest byte. In the second half the first word is
        // digits 8 to 15, and of the second one digit 16 is in the lowest byte.
        let isSecond = place >= half / 2
        indices[place] = UInt8(isSecond ? (digit == 16 ? 8 : 15 - digit) : digit ^ 7)
        marks[place] = UInt8(ascii: "0")
      case .mark(let byte): marks[place] = byte
      }
    }
    layouts += indices + marks
  }

  /// A text of at most seven bytes in a word, the first in the lowest byte, and its length in the highest.
  private static func tail(_ text: String) -> UInt64 {
    text.utf8.reversed().reduce(UInt64(0)) { word, byte in word << 8 | UInt64(byte) } | UInt64(text.utf8.count) << 56
  }
}

/// What JSON cannot write as a number. Its layouts come after those of numbers.
enum NumberName: Int, CaseIterable {
  case infinity, minusInfinity, notANumber

  /// The name of what is not finite in a format.
  init(of value: Double) { self = value.isNaN ? .notANumber : value < 0 ? .minusInfinity : .infinity }

  var text: String {
    switch self {
    case .infinity: "\"Infinity\""
    case .minusInfinity: "\"-Infinity\""
    case .notANumber: "\"NaN\""
    }
  }

  /// Where its layout begins.
  var layout: UInt64 { UInt64(TextLayout.size) * (2 * (TextLayout.plainPowers.count + 1) + UInt64(rawValue)) }
}

extension PowersOfTen {
  /// The first 64 bits of 10^-18...10^-11.
  static var forLong: Words {
    var words = Words.zero
    for lane in 0..<8 { words[lane] = significands[2 &* (lane &- 18 &- exponents.lowerBound)] }
    return words
  }

  /// Made once, and never freed.
  static let forReading: ReadingTables = {
    let powers = ReadingTables.powersOfTen.map { significands[2 * ($0 - exponents.lowerBound)] }
    return unsafe ReadingTables(powers: NumberTables.lasting(powers))
  }()
}
