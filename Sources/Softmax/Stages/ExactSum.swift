/// A sum of non-negative products of two binary64, exactly, whatever their exponents (a Kulisch accumulator).
///
/// The bits stand for 2^-2148 (the least product) up to 2^2048 and 2^62 terms more.
struct ExactSum: Sendable {
  private static let least = -2148
  private static let count = 67

  /// How often 1 · 1 was added: where there are no weights, that is all.
  private var ones = 0
  /// All else; empty while there is nothing else.
  private var words: [UInt64] = []

  /// - Parameter ones: how many ones it begins with.
  init(_ ones: Int = 0) { self.ones = ones }

  /// The sum, where it is a small whole number for sure.
  var whole: Int? { words.isEmpty ? ones : nil }

  /// Adds `a · b`, both finite and not negative.
  mutating func add(_ a: Double, _ b: Double) {
    guard a > 0, b > 0 else { return }
    if a == 1, b == 1 {
      ones &+= 1
      return
    }
    if words.isEmpty { words = [UInt64](repeating: 0, count: Self.count) }
    let (first, firstExponent) = Self.split(a)
    let (second, secondExponent) = Self.split(b)
    let product = first.multipliedFullWidth(by: second)
    let shift = firstExponent &+ secondExponent &- Self.least
    let word = shift / 64
    let bits = UInt64(shift % 64)
    let low = product.low &<< bits
    let middle = bits == 0 ? product.high : product.high &<< bits | product.low &>> (64 &- bits)
    let high = bits == 0 ? 0 : product.high &>> (64 &- bits)
    add(low, at: word)
    add(middle, at: word &+ 1)
    add(high, at: word &+ 2)
  }

  private mutating func add(_ value: UInt64, at start: Int) {
    var carry = value
    var index = start
    while carry != 0, index < Self.count {
      let (sum, overflow) = words[index].addingReportingOverflow(carry)
      words[index] = sum
      carry = overflow ? 1 : 0
      index &+= 1
    }
  }

  /// A positive binary64 as a whole number times a power of two.
  private static func split(_ x: Double) -> (UInt64, Int) {
    let isSubnormal = x < Double.leastNormalMagnitude
    let significand = x.significandBitPattern | (isSubnormal ? 0 : 1 &<< 52)
    return (significand, (isSubnormal ? -1022 : Int(x.exponentBitPattern) &- 1023) &- 52)
  }

  /// The sum as a big number, exact where it fits, else rounded.
  func rounded<L: Limbs>(_ direction: Direction, like zero: L) -> BigFloat<L> {
    guard !words.isEmpty else { return BigFloat(UInt64(ones), exponent: 0, isNegative: false, like: zero) }
    guard ones == 0 else {
      var whole = self
      whole.ones = 0
      // 2^2148 of the least unit is 1.
      let (word, bits) = (-Self.least / 64, UInt64(-Self.least % 64))
      whole.add(UInt64(ones) &<< bits, at: word)
      whole.add(UInt64(ones) &>> (64 &- bits), at: word &+ 1)
      return whole.rounded(direction, like: zero)
    }
    guard let top = words.lastIndex(where: { $0 != 0 }) else { return BigFloat(like: zero) }
    let zeros = words[top].leadingZeroBitCount
    let bits = UInt64(zeros)
    func word(_ index: Int) -> UInt64 { index >= 0 ? words[index] : 0 }
    var result = BigFloat(sign: 1, exponent: Self.least + 64 * (top + 1) - zeros, limbs: zero.zeros)
    let count = zero.count
    for i in 0..<count {
      let from = top &- (count &- 1 &- i)
      result.limbs[i] = bits == 0 ? word(from) : word(from) &<< bits | word(from &- 1) &>> (64 &- bits)
    }
    let below = top &- count
    var isCut = below >= 0 && word(below) &<< bits != 0
    for i in 0..<max(0, below) where words[i] != 0 { isCut = true }
    if isCut, direction == .up { result.roundAway() }
    return result
  }
}
