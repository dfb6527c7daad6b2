import VectorKernels
import TestSupport
import Testing

@testable import Softmax

/// Operations in 320 bits are those in 1,088 bits, rounded as told and exact where they fit.
@Suite("BigFloat")
struct BigFloatTests {
  private let short = FixedLimbs()
  private let long = WideLimbs(count: 17)

  /// Checks a result against the same in more bits: on the right side, and within a unit in the last place.
  private func check(
    _ operation: String, _ down: BigFloat<FixedLimbs>, _ up: BigFloat<FixedLimbs>,
    _ longDown: BigFloat<WideLimbs>, _ longUp: BigFloat<WideLimbs>
  ) {
    let low = down.cut(to: long, .down)
    let high = up.cut(to: long, .down)
    #expect(!(longDown < low) && !(high < longUp), "\(operation)")
    if longDown == longUp, longDown.cut(to: short, .down) == longDown.cut(to: short, .up) {
      #expect(down == up, "\(operation) fits")
    }
    let width = BigFloat.sum(high, -low, .up)
    #expect(width.sign == 0 || width.exponent <= longUp.exponent - 319, "\(operation) \(width.exponent)")
  }

  @Test func operationsRoundAsTold() {
    var random = SplitMix64(11)
    for round in repetitions(20_000) {
      let reach = round % 4 == 0 ? 1000 : round % 4 == 1 ? 3 : 200
      var a = random.double(in: -2...2) * powerOfTwo(random.int(in: -reach...reach))
      let b = random.double(in: -2...2) * powerOfTwo(random.int(in: -reach...reach))
      if round % 7 == 0 { a = b * (1 + 0x1p-52) }
      let c = random.double(in: -2...2) * powerOfTwo(random.int(in: -reach...reach))
      guard b != 0, c != 0 else { continue }
      // Operands of all lengths: two doubles, and their quotient by a third, which has no end.
      let x = BigFloat.quotient(BigFloat(a, like: short), BigFloat(c, like: short), .down)
      let y = round % 2 == 0 ? BigFloat(b, like: short) : BigFloat.product(x, BigFloat(b, like: short), .up)
      let p = x.cut(to: long, .down)
      let q = y.cut(to: long, .down)
      guard y.sign != 0 else { continue }
      check(
        "sum", .sum(x, y, .down), .sum(x, y, .up), .sum(p, q, .down), .sum(p, q, .up))
      check(
        "difference", .sum(x, -y, .down), .sum(x, -y, .up), .sum(p, -q, .down), .sum(p, -q, .up))
      check(
        "product", .product(x, y, .down), .product(x, y, .up), .product(p, q, .down), .product(p, q, .up))
      check(
        "quotient", .quotient(x, y, .down), .quotient(x, y, .up), .quotient(p, q, .down), .quotient(p, q, .up))
    }
  }

  /// A quotient times the divisor brackets the dividend, so that a mistake common to both widths would be seen.
  @Test func quotientsTimesDivisorsBracketDividends() {
    var random = SplitMix64(12)
    for _ in repetitions(20_000) {
      let a = BigFloat(random.double(in: 1...2), like: short)
      let b = BigFloat(random.double(in: 1...2), like: short)
      let low = BigFloat.product(.quotient(a, b, .down), b, .down)
      let high = BigFloat.product(.quotient(a, b, .up), b, .up)
      #expect(!(a < low) && !(high < a))
      let whole = BigFloat.product(a, b, .down)
      #expect(BigFloat.quotient(whole, b, .down) == a && BigFloat.quotient(whole, b, .up) == a)
    }
  }

  @Test func quotientDigitsThatAreGuessedTooLarge() {
    // The divisor's second limb makes the first estimate of a digit too large, twice over.
    var divisor = short
    divisor[4] = 1 << 63
    divisor[3] = .max
    var dividend = short
    dividend[4] = 1 << 63
    dividend[3] = .max - 1
    dividend[2] = .max
    let a = BigFloat(sign: 1, exponent: 0, limbs: dividend)
    let b = BigFloat(sign: 1, exponent: 0, limbs: divisor)
    check(
      "quotient", .quotient(a, b, .down), .quotient(a, b, .up),
      .quotient(a.cut(to: long, .down), b.cut(to: long, .down), .down),
      .quotient(a.cut(to: long, .down), b.cut(to: long, .down), .up))
  }

  @Test func exactSumsAreExact() {
    var random = SplitMix64(13)
    for _ in repetitions(300) {
      var sum = ExactSum()
      var truth = BigFloat(like: WideLimbs(count: 70))
      for _ in 0..<random.int(in: 0...2) {
        sum.add(1, 1)
        truth = .sum(truth, BigFloat(1, like: truth.limbs), .down)
      }
      for _ in 0..<20 {
        let a = random.double(in: 0...2) * powerOfTwo(random.int(in: -1022...1022))
        let b = random.double(in: 0...2) * powerOfTwo(random.int(in: -1022...1022))
        sum.add(a, b)
        truth = .sum(truth, .product(BigFloat(a, like: truth.limbs), BigFloat(b, like: truth.limbs), .down), .down)
      }
      #expect(sum.rounded(.down, like: truth.limbs) == truth)
      #expect(sum.rounded(.up, like: truth.limbs) == truth)
      #expect(sum.rounded(.down, like: short) == truth.cut(to: short, .down))
      #expect(sum.rounded(.up, like: short) == truth.cut(to: short, .up))
    }
    var extremes = ExactSum()
    for _ in 0..<3 {
      extremes.add(.leastNonzeroMagnitude, .leastNonzeroMagnitude)
      extremes.add(.greatestFiniteMagnitude, .greatestFiniteMagnitude)
    }
    #expect(extremes.rounded(.down, like: short).exponent == 2050)
  }
}
