internal import VectorKernels

/// Σ c_k e^(r_k / T) with rational c_k and r_k, exactly.
///
/// By Lindemann and Weierstrass's theorem, powers of e with different rational exponents are linearly independent over
/// the rational numbers: the sum is zero only if each coefficient is, once equal exponents are gathered.
struct ExponentialSum: Sendable {
  /// Of as many bits as it has: nothing is ever cut.
  typealias Coefficient = BigFloat<WideLimbs>

  /// None of them zero.
  private var terms: [ExactPair: Coefficient] = [:]

  /// Adds c e^((x + y) / T).
  mutating func add(_ c: Coefficient, _ x: Double, _ y: Double = 0) { add(c, ExactPair(x, y)) }

  mutating func add(_ c: Coefficient, _ exponent: ExactPair) {
    guard c.sign != 0 else { return }
    let sum = terms[exponent].map { Self.sum($0, c) } ?? c
    terms[exponent] = sum.sign == 0 ? nil : sum
  }

  var isZero: Bool { terms.isEmpty }

  /// How many exponents are left.
  var count: Int { terms.count }

  /// The sum's sign: 1, 0 or -1.
  ///
  /// The term with the greatest exponent is made its own coefficient, so that the sum is told from zero however small
  /// it is, and what is then below 2^-1000000 counts by its sign. It ends, since a sum with a coefficient that is not
  /// zero is not zero.
  func sign(temperature: Double, _ poll: inout CancellationPoll) throws(ComputationError) -> Int {
    // Sorted, so that each time the same widths are asked for.
    let terms = terms.sorted { $0.key > $1.key }
    guard let top = terms.first else { return 0 }
    if terms.count == 1 { return top.value.sign }
    var bits = 256
    var sign = try Self.sign(of: terms, temperature, IntervalArithmetic.standard, &poll)
    while sign == nil {
      bits *= 2
      sign = try Self.sign(of: terms, temperature, IntervalArithmetic.wide(bits: bits, &poll), &poll)
    }
    return sign ?? 0
  }

  /// The sign of Σ c_k e^((r_k - r) / T), if the arithmetic's bits tell it; r is the greatest exponent, the first.
  private static func sign<L: Limbs>(
    of terms: [(key: ExactPair, value: Coefficient)], _ temperature: Double, _ arithmetic: IntervalArithmetic<L>,
    _ poll: inout CancellationPoll
  ) throws(ComputationError) -> Int? {
    var sum = arithmetic.exact(terms[0].value)
    let top = -terms[0].key.exactly
    for (exponent, coefficient) in terms.dropFirst() {
      try poll.spend(arithmetic.costOfExponential)
      // Exactly: exponents may be so far apart that few bits of either are left.
      let distance = Self.sum(exponent.exactly, top)
      let power = try arithmetic.power(arithmetic.exact(distance) / arithmetic.exact(temperature), &poll)
      sum = sum + arithmetic.exact(coefficient) * power
    }
    if sum.lower.sign > 0 { return 1 }
    return sum.upper.sign < 0 ? -1 : nil
  }
}

extension ExponentialSum {
  /// A finite binary64, as a coefficient.
  static func exact(_ value: Double) -> Coefficient { Coefficient(value, like: WideLimbs(count: 1)) }
  static func exact(_ value: Int) -> Coefficient {
    Coefficient(UInt64(value.magnitude), exponent: 0, isNegative: value < 0, like: WideLimbs(count: 1))
  }
  static func exact(_ sum: ExactSum) -> Coefficient { sum.rounded(.down, like: WideLimbs(count: 68)).trimmed }

  static func sum(_ a: Coefficient, _ b: Coefficient) -> Coefficient {
    if a.sign == 0 { return b }
    if b.sign == 0 { return a }
    let top = max(a.exponent, b.exponent) + 1
    let bottom = min(a.exponent - 64 * a.limbs.count, b.exponent - 64 * b.limbs.count)
    let room = WideLimbs(count: (top - bottom + 63) / 64)
    return Coefficient.sum(a.cut(to: room, .down), b.cut(to: room, .down), .down).trimmed
  }

  static func product(_ a: Coefficient, _ b: Coefficient) -> Coefficient {
    let room = WideLimbs(count: a.limbs.count + b.limbs.count)
    return Coefficient.product(a.cut(to: room, .down), b.cut(to: room, .down), .down).trimmed
  }
  static func product(_ a: Coefficient, _ b: Int) -> Coefficient { product(a, exact(b)) }
}

extension BigFloat where L == WideLimbs {
  /// The same number without the limbs below it that are zero.
  fileprivate var trimmed: BigFloat {
    let unused = limbs.firstNonzero
    return unused == 0 ? self : cut(to: WideLimbs(count: limbs.count - unused), .down)
  }
}

/// The sum of two binary64, exactly: the nearest binary64 and the rest, which no other sum has.
struct ExactPair: Hashable, Comparable {
  private let high: Double
  private let low: Double
  /// Whether both are halves, the sum being beyond binary64.
  private let isHalved: Bool

  init(_ x: Double, _ y: Double) {
    isHalved = !(x + y).isFinite
    let sum = isHalved ? DoubleDouble(sum: x / 2, y / 2) : DoubleDouble(sum: x, y)
    // -0 is 0.
    high = sum.high + 0
    low = sum.low + 0
  }

  static func < (a: ExactPair, b: ExactPair) -> Bool {
    if a.isHalved != b.isHalved { return a.isHalved ? a.high < 0 : b.high > 0 }
    return (a.high, a.low) < (b.high, b.low)
  }

  /// The sum.
  var exactly: ExponentialSum.Coefficient {
    ExponentialSum.sum(ExponentialSum.exact(high), ExponentialSum.exact(low)).scaled(by: isHalved ? 1 : 0)
  }
}

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
