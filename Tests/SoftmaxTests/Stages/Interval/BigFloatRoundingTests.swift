import TestSupport
import VectorKernels
import Testing

@testable import Softmax

/// Rounding big numbers to binary64 and binary32, subnormals, ties and the ends of the range included.
@Suite("BigFloat rounding")
struct BigFloatRoundingTests {
  private let zero = FixedLimbs()

  private func sum(_ terms: Double...) -> BigFloat<FixedLimbs> {
    terms.reduce(BigFloat(like: zero)) { .sum($0, BigFloat($1, like: zero), .down) }
  }

  @Test func numbersOfTheFormatStayThemselves() {
    var random = SplitMix64(31)
    for _ in repetitions(20_000) {
      let x = Double(bitPattern: random.next())
      guard x.isFinite else { continue }
      for tie in [Tie.toEven, .up, .down] {
        #expect(BinaryFormat.binary64.nearest(to: BigFloat(x, like: zero), tie: tie) == x)
      }
      #expect(BinaryFormat.binary32.nearest(to: BigFloat(x, like: zero), tie: .toEven) == Double(Float(x)))
    }
    let edges: [Double] = [
      .leastNonzeroMagnitude, .leastNormalMagnitude.nextDown, .leastNormalMagnitude, .greatestFiniteMagnitude,
    ]
    for x in edges {
      #expect(BinaryFormat.binary64.nearest(to: BigFloat(-x, like: zero), tie: .toEven) == -x)
    }
  }

  @Test func tiesGoAsTold() {
    // Half-way above 1, and half the least number.
    let middle = sum(1, 0x1p-53)
    #expect(BinaryFormat.binary64.nearest(to: middle, tie: .toEven) == 1)
    #expect(BinaryFormat.binary64.nearest(to: middle, tie: .up) == 1.0.nextUp)
    #expect(BinaryFormat.binary64.nearest(to: middle, tie: .down) == 1)
    #expect(BinaryFormat.binary64.nearest(to: -middle, tie: .up) == -1)
    #expect(BinaryFormat.binary64.nearest(to: -middle, tie: .down) == -(1.0.nextUp))
    let odd = sum(1, 0x1.8p-52)
    #expect(BinaryFormat.binary64.nearest(to: odd, tie: .toEven) == 1 + 0x1p-51)
    let least = BigFloat(Double.leastNonzeroMagnitude, like: zero).scaled(by: -1)
    #expect(BinaryFormat.binary64.nearest(to: least, tie: .toEven) == 0)
    #expect(BinaryFormat.binary64.nearest(to: least, tie: .up) == .leastNonzeroMagnitude)
    #expect(BinaryFormat.binary64.nearest(to: -least, tie: .down) == -.leastNonzeroMagnitude)
    #expect(BinaryFormat.binary64.nearest(to: least.scaled(by: -1), tie: .up) == 0)
    let three = BigFloat(3 * Double.leastNonzeroMagnitude, like: zero).scaled(by: -1)
    #expect(BinaryFormat.binary64.nearest(to: three, tie: .toEven) == 2 * Double.leastNonzeroMagnitude)
  }

  @Test func beyondTheRange() {
    let greatest = BigFloat(Double.greatestFiniteMagnitude, like: zero)
    let half = BigFloat(0x1p970, like: zero)
    let limit = BigFloat.sum(greatest, half, .down)
    #expect(BinaryFormat.binary64.nearest(to: limit, tie: .down) == .greatestFiniteMagnitude)
    #expect(BinaryFormat.binary64.nearest(to: limit, tie: .toEven) == .infinity)
    #expect(BinaryFormat.binary64.nearest(to: -limit, tie: .toEven) == -.infinity)
    #expect(BinaryFormat.binary64.nearest(to: greatest.scaled(by: 5000), tie: .toEven) == .infinity)
    #expect(BinaryFormat.binary32.nearest(to: BigFloat(3.5e38, like: zero), tie: .toEven) == .infinity)
    #expect(BinaryFormat.binary32.nearest(to: BigFloat(1e-46, like: zero), tie: .toEven) == 0)
  }

  /// An irrational value never is an interval's end: an end that is a midpoint tells the side.
  @Test func openEndsDecide() {
    let middle = sum(1, 0x1p-53)
    let above = Interval(middle, sum(1, 0x1p-53, 0x1p-300))
    #expect(above.rounded(to: .binary64, isIrrational: true) == 1.0.nextUp)
    #expect(above.rounded(to: .binary64, isIrrational: false) == nil)
    #expect(Interval(exactly: middle).rounded(to: .binary64, isIrrational: false) == 1)
    let around = Interval(-sum(0x1p-1070).scaled(by: -20), sum(0x1p-1070).scaled(by: -20))
    #expect(around.rounded(to: .binary64, isIrrational: true) == 0)
  }
}
