import TestSupport

/// Kinds of numbers that are read eight at a time where they stand among others of their kind.
enum NumberKind: CaseIterable {
  /// With up to eight digits before the point and up to 19 behind it: beyond an eight's on every side.
  case everyday
  /// Those that an eight takes, except for zero and what is undecided: 14 to 21 bytes, and no zero at the end.
  case long
  /// Mostly of at most ten bytes and eight digits, as people write numbers: integers, whole numbers, a few digits.
  case short
  /// Of any length and notation, as probabilities are written.
  case mixed

  /// A number of the kind.
  func number(_ random: inout SplitMix64) -> String {
    switch self {
    case .everyday: Self.everydayNumber(&random)
    case .long: Self.longNumber(&random)
    case .short: Self.shortNumber(&random)
    case .mixed: Self.mixedNumber(&random)
    }
  }

  private static func everydayNumber(_ random: inout SplitMix64) -> String {
    let before = Int(random.next() % 8) + 1
    let integer =
      random.next() % 2 == 0 ? digits(1, &random) : String(random.next() % 9 + 1) + digits(before - 1, &random)
    let fraction = digits(Int(random.next() % 19) + 1, &random)
    return (random.next() % 2 == 0 ? "-" : "") + integer + "." + fraction
  }

  private static func longNumber(_ random: inout SplitMix64) -> String {
    let sign = random.next() % 2 == 0 ? "-" : ""
    let before = Int(random.next() % 7) + 1
    let integer =
      before == 1 ? digits(1, &random) : String(random.next() % 9 + 1) + digits(before - 1, &random)
    let length = min(14 + Int(random.next() % 8), 20 + sign.count)
    return sign + integer + "." + digits(length - sign.count - before - 2, &random) + String(random.next() % 9 + 1)
  }

  private static func shortNumber(_ random: inout SplitMix64) -> String {
    let sign = random.next() % 2 == 0 ? "-" : ""
    let before = Int(random.next() % 8) + 1
    let integer = random.next() % 2 == 0 ? digits(1, &random) : "7" + digits(before - 1, &random)
    let after = Int(random.next() % 8)
    return sign + integer + (after == 0 ? "" : "." + digits(after, &random))
  }

  private static func mixedNumber(_ random: inout SplitMix64) -> String {
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

  /// Digits as a number with a point before the last `places`.
  private static func pointed(_ digits: String, _ places: Int) -> String {
    let padded = String(repeating: "0", count: max(0, places + 1 - digits.count)) + digits
    return places == 0 ? padded : padded.dropLast(places) + "." + padded.suffix(places)
  }

  private static func exponent(_ random: inout SplitMix64) -> String {
    let sign = ["", "-", "+"][random.int(in: 0...2)]
    let size = random.int(in: 0...9) == 0 ? random.int(in: 0...330) : random.int(in: 0...12)
    return (random.next() % 2 == 0 ? "e" : "E") + sign + (random.next() % 4 == 0 ? "0" : "") + String(size)
  }

  /// Exactly half-way between two numbers, or a unit in the last place beside, in about 20 digits; with an exponent now
  /// and then.
  private static func nearHalfway(_ random: inout SplitMix64) -> String {
    let value = Double(1 << 52) * random.double(in: 1...2) * [1, 0.5, 0.25, 0.125, 2, 4, 64][random.int(in: 0...6)]
    var (text, power) = ExactDecimal.halfway(above: value.rounded())
    if random.next() % 3 == 0 { (text, power) = (ExactDecimal.decremented(text) + digits(1, &random), power - 1) }
    if random.next() % 3 == 0 { (text, power) = (text + "0000" + digits(1, &random), power - 5) }
    if random.next() % 4 == 0 { return pointed(text, text.count - 1) + "e\(power + text.count - 1)" }
    return power <= 0 ? pointed(text, -power) : text + String(repeating: "0", count: power)
  }
}
