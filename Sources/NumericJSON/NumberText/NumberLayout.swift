/// How a number's first eight digits become its first eight bytes when the point is among them. A table and not
/// branches, because the powers of ten of a tensor's numbers cannot be predicted.
struct PointLayout {
  /// The bytes before the point.
  private var before: UInt64
  /// Multiplying by this moves the bytes after the point up to `offset`.
  private var factor: UInt64
  /// The point, and for a number below 1 the zeros before and after it.
  private var marks: UInt64
  /// How far from the number's start the digits are written so that those after the point are in their places, if the
  /// first digit is not zero.
  private(set) var offset: Int

  /// The first digit stands for 10^power.
  @inline(__always)
  private init(power: Int) {
    let places = UInt64(truncatingIfNeeded: 8 &* max(power &+ 1, 1))
    before = power < 0 ? 0 : 1 &<< places &- 1
    offset = max(1, 1 &- power)
    factor = 1 &<< UInt64(truncatingIfNeeded: 8 &* offset)
    let zeros = SWAR.zeros & (factor &- 1)
    let point = UInt64(UInt8(ascii: ".")) &<< places
    marks = power < 0 ? zeros & ~(0xFF &<< places) | point : point
  }

  /// For powers of ten from -4 on: "0.0001" to "1234567.8".
  static let all: InlineArray<11, PointLayout> = [
    PointLayout(power: -4), PointLayout(power: -3), PointLayout(power: -2), PointLayout(power: -1),
    PointLayout(power: 0), PointLayout(power: 1), PointLayout(power: 2), PointLayout(power: 3),
    PointLayout(power: 4), PointLayout(power: 5), PointLayout(power: 6),
  ]

  /// The first eight bytes, from `DecimalBlock.Field.first`.
  @inline(__always)
  func firstWord(_ digits: UInt64) -> UInt64 {
    let kept = digits & before
    return kept | (digits ^ kept) &* factor | marks
  }
}

/// The texts of exponents.
enum ExponentText {
  /// The powers of ten of a number's first digit.
  static let powers = -324...308

  /// For each power the text "e", the number without a plus sign, and a comma, from the lowest byte on; the highest
  /// byte is the text's length.
  static let all: [UInt64] = powers.map { power in
    let text = "e\(power),".utf8
    return text.reversed().reduce(UInt64(0)) { word, byte in word << 8 | UInt64(byte) } | UInt64(text.count) << 56
  }
}

/// What JSON cannot write as a number. Each has a power of ten beyond those of numbers.
enum NumberName {
  static var infinity: Int { 400 }
  static var minusInfinity: Int { 401 }
  static var notANumber: Int { 402 }

  /// Writes the name of one of these powers and a comma, and returns where they end.
  @inline(never)
  static func write(_ power: Int, to start: UnsafeMutablePointer<UInt8>) -> UnsafeMutablePointer<UInt8> {
    let text: StaticString =
      switch power {
      case infinity: "\"Infinity\","
      case minusInfinity: "\"-Infinity\","
      default: "\"NaN\","
      }
    // Safe: a literal's storage is immutable and never freed; the longest name is shorter than a number may be.
    let bytes = unsafe UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
    for index in bytes.indices { unsafe start[index] = bytes[index] }
    return unsafe start + bytes.count
  }
}
