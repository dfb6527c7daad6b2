import VectorKernels
import TestSupport
import Testing

/// Exact products, by each way that a processor may take.
struct ArithmeticTests {
  @Test("Dekker's product and the fused one are the same pair")
  func productsAreExactEitherWay() {
    var random = SplitMix64(3)
    func number() -> Double {
      random.double(in: -1...1) * Double(sign: .plus, exponent: random.int(in: -300...300), significand: 1)
    }
    for _ in repetitions(10_000) {
      let (a, b) = (number(), number())
      #expect(DekkerMultiplier.product(a, b) == FusedMultiplier.product(a, b))
      let split = DekkerMultiplier.product(Vector(repeating: a), Vector(repeating: b))
      #expect(split.high[5] == a * b && split.low[5] == FusedMultiplier.product(a, b).low)
    }
  }
}
