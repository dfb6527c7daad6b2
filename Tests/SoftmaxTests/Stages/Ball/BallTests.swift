import VectorKernels
import TestSupport
import Testing

@testable import Softmax

/// The ball stage's balls hold what the interval stage's intervals say, and are as small as their docstrings promise.
@Suite("Ball")
struct BallTests {
  /// Whether the ball holds the interval's value, which is known far better.
  private func holds(_ ball: Ball, _ truth: Interval<FixedLimbs>) -> Bool {
    let ends = ball.interval
    return !(truth.lower < ends.lower) && !(ends.upper < truth.upper)
  }

  /// The radius relative to the value, as a power of two.
  private func quality(_ ball: Ball) -> Double { ball.radius / ball.high.magnitude }

  @Test("A ball's exponential holds what 256 bits compute") func exponentials() throws {
    var poll = CancellationPoll()
    var random = SplitMix64(1)
    let small = BallArithmetic.standard
    let big = IntervalArithmetic.standard
    for _ in repetitions(20_000) {
      let d = -random.double(in: 0...1) * powerOfTwo(random.int(in: -60...20))
      let ball = small.exponential(small.exact(d), &poll)
      let truth = try big.exponential(big.exact(d), &poll)
      #expect(holds(ball, truth), "\(d)")
      if d > -1000 { #expect(quality(ball) < 0x1p-98, "\(d)") }
      guard d >= -0.5 else { continue }
      let less = small.exponentialLessOne(small.exact(d), &poll)
      let truthLess = try big.exponentialLessOne(big.exact(d), &poll)
      #expect(holds(less, truthLess), "\(d)")
      #expect(quality(less) < 0x1p-90, "\(d)")
    }
  }

  @Test("An exponential of a quotient holds what 256 bits compute") func exponentialsOfQuotients() throws {
    var poll = CancellationPoll()
    var random = SplitMix64(2)
    let small = BallArithmetic.standard
    let big = IntervalArithmetic.standard
    for _ in repetitions(5_000) {
      let a = -random.double(in: 0...1) * powerOfTwo(random.int(in: -900...900))
      let t = random.double(in: 1...2)
      // A temperature that brings the quotient to a size of interest.
      let d = random.int(in: -40...19)
      let divisor = t * powerOfTwo(max(-1000, min(1000, Int(a.exponent) - d)))
      let rough = a / divisor
      guard rough > -0x1p20, rough < 0 else { continue }
      let ball = small.exact(a) / small.exact(divisor)
      let truth = big.exact(a) / big.exact(divisor)
      #expect(holds(ball, truth), "\(a) / \(divisor)")
      let power = try big.exponential(truth, &poll)
      #expect(holds(small.exponential(ball, &poll), power), "\(a) / \(divisor)")
      guard rough >= -0.5 else { continue }
      let less = try big.exponentialLessOne(truth, &poll)
      #expect(holds(small.exponentialLessOne(ball, &poll), less), "\(a) / \(divisor)")
    }
  }

  @Test("Exponentials computed together hold what 256 bits compute", arguments: levelsHere)
  func exponentialsOfRows(level: KernelLevel) throws {
    var poll = CancellationPoll()
    var random = SplitMix64(7)
    let small = BallArithmetic.standard(level)
    let big = IntervalArithmetic.standard
    var together = 0
    for _ in repetitions(200) {
      let temperature = random.bool() ? 1 : random.double(in: 1...2) * powerOfTwo(random.int(in: -20...20))
      let maximum = random.double(in: -1...1) * temperature
      let logits =
        [maximum, -.infinity]
        + (0..<random.int(in: 6...40)).map { _ in
          maximum - random.double(in: 0...1) * powerOfTwo(random.int(in: -30...10)) * temperature
        }
      let row = LogitsRow(logits, temperature: temperature)
      for (i, tail) in small.tails(of: row, in: 0..<row.classes).enumerated() {
        guard let tail else { continue }
        together += 1
        let d = (big.exact(logits[i]) - big.exact(row.maximum)) / big.exact(temperature)
        let truth = row.isNear(i) ? try big.exponentialLessOne(d, &poll) : try big.exponential(d, &poll)
        #expect(holds(tail, truth), "\(logits[i]) of \(row.maximum), \(temperature)")
        #expect(quality(tail) < 0x1p-102, "\(logits[i]) of \(row.maximum), \(temperature)")
      }
    }
    #expect(together > 2_000)
  }

  @Test("A ball's logarithm holds what 256 bits compute") func logarithms() throws {
    var poll = CancellationPoll()
    var random = SplitMix64(3)
    let small = BallArithmetic.standard
    let big = IntervalArithmetic.standard
    for _ in repetitions(10_000) {
      let x =
        random.double(in: 1...2) * powerOfTwo(random.int(in: random.int(in: 0...9) == 0 ? -1000...23 : -30...23))
      let ball = small.logOfOnePlus(small.exact(x), &poll)
      let truth = try big.logOfOnePlus(big.exact(x), &poll)
      #expect(holds(ball, truth), "\(x)")
      #expect(quality(ball) < 0x1p-90, "\(x)")
    }
  }

  /// Random expressions, with exponents far apart and cancellation, hold the true value.
  @Test("Sums, differences, products and quotients of balls hold what 256 bits compute") func operations() {
    var random = SplitMix64(4)
    let small = BallArithmetic.standard
    let big = IntervalArithmetic.standard
    for round in repetitions(20_000) {
      func leaf() -> (Ball, Interval<FixedLimbs>) {
        let reach = round % 3 == 0 ? 1000 : 30
        let x = random.double(in: -2...2) * powerOfTwo(random.int(in: -reach...reach))
        return (small.exact(x), big.exact(x))
      }
      var (ball, truth) = leaf()
      for _ in 0..<6 {
        let (other, exact) = leaf()
        switch random.int(in: 0...4) {
        case 0: (ball, truth) = (ball + other, truth + exact)
        case 1: (ball, truth) = (ball - other, truth - exact)
        case 2: (ball, truth) = (ball * other, truth * exact)
        case 3 where other.high != 0: (ball, truth) = (ball / other, truth / exact)
        default: (ball, truth) = (ball - small.exact(1), truth - big.exact(1))
        }
        #expect(holds(ball, truth), "\(ball) \(truth)")
      }
    }
  }

  @Test func ballsOfIntervalsHoldThem() throws {
    var random = SplitMix64(6)
    var poll = CancellationPoll()
    let big = IntervalArithmetic.standard
    let faint = try big.power(big.exact(-2e6), &poll)
    for _ in repetitions(5_000) {
      let a = random.double(in: -2...2) * powerOfTwo(random.int(in: -900...900))
      let interval = random.bool() ? big.exact(a) / big.exact(3) : big.exact(a) + faint
      #expect(holds(interval.ball, interval))
      let wide = Interval(big.exact(min(a, 0)).lower, big.exact(random.double(in: 0...1)).upper)
      #expect(holds(wide.ball, wide))
    }
    #expect(big.exact(0).ball.radius == 0 && big.exact(0).ball.high == 0)
    #expect(holds(faint.ball, faint))
  }

  @Test func roundingAgreesWithIntervals() {
    var random = SplitMix64(5)
    var (proven, provable) = (0, 0)
    for _ in repetitions(20_000) {
      var ball = Ball(random.double(in: -2...2) * powerOfTwo(random.int(in: -200...200)))
      ball.low = ball.high * random.double(in: -1...1) * 0x1p-54
      ball.radius = ball.high.magnitude * powerOfTwo(random.int(in: -110 ... -50))
      ball.exponent = random.int(in: 0...1) * random.int(in: -1100...1000)
      for format in [BinaryFormat.binary64, .binary32] {
        let found = ball.rounded(to: format, isIrrational: true)
        let wanted = ball.interval.rounded(to: format, isIrrational: true)
        // The quick test may be a little more cautious, never bolder.
        if let found { #expect(found == wanted) }
        proven += found == nil ? 0 : 1
        provable += wanted == nil ? 0 : 1
      }
    }
    #expect(proven > provable / 2 && provable > 0)
  }

  /// What is not known stays so, whatever comes to it, except for an exact zero.
  @Test func theUnknownStaysUnknown() {
    let unknown = Ball(DoubleDouble(high: 1, low: 0), radius: .infinity, exponent: 0)
    for known in [
      Ball(3), Ball(-0x1p-400), Ball(0x1p900), Ball(DoubleDouble(high: 1, low: 0), radius: 0x1p-90, exponent: 5),
    ] {
      for result in [unknown * known, known * unknown, unknown + known, known + unknown, known - unknown] {
        #expect(result.radius == .infinity)
        #expect((result + Ball(1)).radius == .infinity)
      }
    }
    #expect((unknown * Ball(0)).radius == 0)
  }
}
