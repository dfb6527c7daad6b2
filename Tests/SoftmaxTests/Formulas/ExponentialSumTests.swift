import TestSupport
import Testing

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

  @Test func multiplesAreFound() throws {
    let ratio = try #require(sum((3, 1, 0), (1.5, 2, 0), (0, 9, 0)).ratio(to: sum((2, 1, 0), (1, 2, 0))))
    let (three, two) = (ExponentialSum.exact(3), ExponentialSum.exact(2))
    #expect(
      ExponentialSum.product(ratio.numerator, two) == ExponentialSum.product(ratio.denominator, three))
    #expect(sum((3, 1, 0), (1, 2, 0)).ratio(to: sum((2, 1, 0), (1, 2, 0))) == nil)
    #expect(sum((2, 1, 0), (1, 2, 0), (1, 3, 0)).ratio(to: sum((2, 1, 0), (1, 2, 0))) == nil)
    #expect(try #require(sum().ratio(to: sum((1, 1, 0)))).numerator.sign == 0)
    #expect(sum((1, 1, 0)).ratio(to: sum()) == nil)
  }

  /// The short list that the stages go by says what the sums say, for rows of few different logits.
  @Test func theListOfSpecialCasesIsWhatTheSumsSay() {
    var random = SplitMix64(19)
    for _ in 0..<2_000 {
      let classes = Int.random(in: 1...5, using: &random)
      let logits = (0..<classes).map { _ in [0, 1, 1.5, -Double.infinity][Int.random(in: 0...3, using: &random)] }
      guard logits.contains(where: { $0 > -.infinity }) else { continue }
      let row = LogitsRow(logits, temperature: 1)
      let live = logits.indices.filter { !row.isMasked($0) }
      var whole = ExponentialSum()
      var square = ExponentialSum()
      for i in live {
        whole.add(ExponentialSum.exact(1), logits[i])
        for j in live { square.add(ExponentialSum.exact(1), logits[i], logits[j]) }
      }
      for l in logits.indices {
        var own = ExponentialSum()
        if !row.isMasked(l) { own.add(ExponentialSum.exact(1), logits[l]) }
        #expect(row.isIrrational(.probability(l)) == (own.ratio(to: whole) == nil), "p\(l) of \(logits)")
        for i in logits.indices {
          // p_l (1[l=i] - p_i) = e_l (1[l=i] S - e_i) / S².
          var entry = ExponentialSum()
          if !row.isMasked(l), !row.isMasked(i) {
            if l == i { for j in live { entry.add(ExponentialSum.exact(1), logits[l], logits[j]) } }
            entry.add(ExponentialSum.exact(-1), logits[l], logits[i])
          }
          #expect(row.isIrrational(.jacobian(l, i)) == (entry.ratio(to: square) == nil), "J\(l)\(i) of \(logits)")
        }
      }
    }
  }
}
