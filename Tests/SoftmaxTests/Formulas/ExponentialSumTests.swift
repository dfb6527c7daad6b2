import TestSupport
import Testing
import VectorKernels

@testable import Softmax

/// Lindemann and Weierstrass's theorem at work: which sums of exponentials vanish, and which are multiples of others.
struct ExponentialSumTests {
  private func sum(_ terms: (coefficient: Double, x: Double, y: Double)...) -> ExponentialSum {
    var sum = ExponentialSum()
    for term in terms { sum.add(ExponentialSum.exact(term.coefficient), term.x, term.y) }
    return sum
  }

  @Test func equalExponentsAreGathered() {
    #expect(sum().isZero)
    #expect(sum((1, 0.5, 0.25), (-1, 0.75, 0)).isZero)
    #expect(!sum((1, 0.5, 0.25), (-1, 0.75, .leastNonzeroMagnitude)).isZero)
    // 0.1 + 0.2 is not 0.3, though it rounds near it.
    #expect(!sum((1, 0.1, 0.2), (-1, 0.3, 0)).isZero)
    #expect(sum((1, 1e308, 1.5e308), (-1, 1.5e308, 1e308)).isZero)
    #expect(!sum((1, 1e308, 1.5e308), (-1, 1.5e308, 1.0000000000000002e308)).isZero)
    #expect(sum((0.1, 1, 0), (0.2, 1, 0), (-0.1, 0, 1), (-0.2, 1, 0)).isZero)
    // The rounded sum of the coefficients is zero, the exact one is not.
    #expect(!sum((1e300, 1, 0), (.leastNonzeroMagnitude, 1, 0), (-1e300, 1, 0)).isZero)
    #expect(sum((1, 0, -0.0), (-1, -0.0, 0)).isZero)
  }

  /// The sign is that of the term with the greatest exponent that is left, however far below the others are; and it is
  /// found where they all but cancel.
  @Test func signs() throws {
    var poll = CancellationPoll()
    func sign(_ terms: (coefficient: Double, x: Double, y: Double)..., temperature: Double = 1) throws -> Int {
      var sum = ExponentialSum()
      for term in terms { sum.add(ExponentialSum.exact(term.coefficient), term.x, term.y) }
      return try sum.sign(temperature: temperature, &poll)
    }
    #expect(try sign() == 0)
    #expect(try sign((1, 3, 0), (-1, 1, 2)) == 0)
    #expect(try sign((-3, 1e308, 1e308)) == -1)
    #expect(try sign((1, 3, 0), (-1, 1, 2), (-1, -4e6, 0), (1e300, -9e6, 0)) == -1)
    #expect(try sign((1e-300, 0, 0), (-1e300, -1e5, 0), temperature: 0.01) == 1)
    #expect(try sign((1, 0, 0), (-1, .leastNonzeroMagnitude, 0)) == -1)
    #expect(try sign((1, 1e308, 1e308), (-1, 1e308, 1.0000000000000002e308), temperature: 1e290) == -1)
    // e^x - 1 - x - x²/2 for x = 2^-300.
    let x = 0x1p-300
    #expect(try sign((1, x, 0), (-1, 0, 0), (-x, 0, 0), (-x * x / 2, 0, 0)) == 1)
  }

  @Test func exactPairsAreOrdered() {
    let numbers = [-1.7e308, -1, -0x1p-60, -.leastNonzeroMagnitude, 0, .leastNonzeroMagnitude, 1, 0x1p53, 1.7e308]
    let pairs = numbers.flatMap { x in numbers.map { (x, $0) } }
    for (x, y) in pairs {
      for (z, w) in pairs {
        // (x + y) - (z + w) by an exact sum of positive and of negative parts.
        var above = ExactSum()
        var below = ExactSum()
        for part in [x, y, -z, -w] { if part > 0 { above.add(part, 1) } else { below.add(-part, 1) } }
        let difference = ExponentialSum.sum(ExponentialSum.exact(above), -ExponentialSum.exact(below)).sign
        let (a, b) = (ExactPair(x, y), ExactPair(z, w))
        #expect((a < b) == (difference < 0) && (a == b) == (difference == 0), "\(x) + \(y), \(z) + \(w)")
      }
    }
  }

  /// Boundaries that a result is on, above or below: quotients say of them what enclosures of 256 bits do, and where a
  /// row is level, that it is on the one that it is.
  @Test func quotientsSayWhatEnclosuresDo() throws {
    var poll = CancellationPoll()
    var random = SplitMix64(19)
    let arithmetic = IntervalArithmetic.standard
    var found = (ties: 0, others: 0)
    for _ in 0..<2_000 {
      let classes = Int.random(in: 1...5, using: &random)
      let choices = [0, 1, 1.5, -3e6, -Double.infinity]
      let logits = (0..<classes).map { _ in choices[Int.random(in: 0...4, using: &random)] }
      guard logits.contains(where: { $0 > -.infinity }) else { continue }
      let row = LogitsRow(logits, temperature: [1, 0.5, 3][Int.random(in: 0...2, using: &random)])
      let (l, i) = (Int.random(in: logits.indices, using: &random), Int.random(in: logits.indices, using: &random))
      var sums = try SoftmaxSums(row, arithmetic, &poll)
      var values: [RowValue] = [.probability(i), .jacobian(l, i), .quotientSecond(l, i), .lossByLogit(l, i)]
      if !row.isMasked(l) { values += [.lossByProbability(l), .quotientFirst(l)] }
      for value in values where row.known(value) == nil {
        let enclosure = try sums.enclosure(of: value, &poll)
        let quotient = try #require(RowQuotients(row).quotient(value))
        // 3 bits: a boundary is near, and for some rows it is the value.
        for format in [BinaryFormat(precision: 3, greatestExponent: 1023), .binary16] {
          let near = enclosure.ends(in: format).0
          guard near.isFinite else { continue }
          // The number itself, and half-way to its neighbours.
          for distance in [0, spacing(near, format) / 2, -spacing(near, format) / 2] {
            let m = ExponentialSum.sum(ExponentialSum.exact(near), ExponentialSum.exact(distance))
            let sign = try #require(try quotient.sign(less: m, &poll))
            let difference = enclosure - arithmetic.exact(m)
            if difference.isExact { #expect(sign == difference.lower.sign, "\(value) of \(logits)") }
            if difference.lower.sign > 0 { #expect(sign > 0, "\(value) of \(logits)") }
            if difference.upper.sign < 0 { #expect(sign < 0, "\(value) of \(logits)") }
            if sign == 0 { found.ties += 1 } else { found.others += 1 }
          }
        }
      }
    }
    #expect(found.ties > 500 && found.others > 10_000)
  }

  /// The distance between numbers of a format around one of it.
  private func spacing(_ x: Double, _ format: BinaryFormat) -> Double {
    x == 0
      ? powerOfTwo(max(-1022, format.leastExponent))
      : powerOfTwo(max(format.leastExponent, Int(x.exponent) + 1 - format.precision))
  }
}
