import VectorKernels
import TestSupport
import Testing

@testable import Softmax

/// The vector stage keeps the error bounds that its docstrings derive, at every level, and says so where it cannot
/// decide.
@Suite("Vector row")
struct VectorRowTests {
  let big = IntervalArithmetic.standard

  private func problem(_ logits: [Double], temperature: Double) throws -> SoftmaxProblem {
    try SoftmaxProblem(logits: logits, layout: Layout(shape: [logits.count], axis: 0), temperature: temperature)
  }

  private func row(_ logits: [Double], level: KernelLevel, temperature: Double = 1) throws -> VectorRow {
    var row = VectorRow(try problem(logits, temperature: temperature), level)
    row.read(logits.span)
    return row
  }

  @Test(arguments: levelsHere)
  func exponentialsAndSums(level: KernelLevel) throws {
    var poll = CancellationPoll()
    var random = SplitMix64(7)
    for _ in repetitions(300) {
      let scale = [1e-9, 0.003, 1, 30, 600][random.int(in: 0...4)]
      let logits = [0] + (0..<random.int(in: 1...40)).map { _ in -random.double(in: 0...1) * scale }
      let row = try row(logits, level: level)
      var others = big.whole(0)
      for (i, logit) in logits.enumerated() {
        let truth = try big.exponential(big.exact(logit), &poll)
        #expect(isClose(row.exponentials[i], truth, within: 0x1p-80), "e^\(logit)")
        if i != row.top.index { others = others + truth }
      }
      #expect(isClose(row.sums.others, others, within: 0x1.2p-80))
      #expect(isClose(row.sums.reciprocal, big.whole(1) / (big.whole(1) + others), within: 0x1.2p-80))
      guard !row.sums.isFaint else { continue }
      let logSum = row.logSum
      let truth = try big.logOfOnePlus(others, &poll)
      #expect(isClose(logSum.value, truth, within: logSum.error / logSum.value.high), "\(logits)")
    }
  }

  /// Rows of every length up to two vectors and one more: each place is written, none beyond it, and what is open is
  /// counted.
  @Test(arguments: levelsHere)
  func everyLengthAndItsCount(level: KernelLevel) throws {
    for n in 1...17 {
      for top in 0..<n {
        var logits = (0..<n).map { -Double(($0 * 7) % 5) * 180 }
        logits[top] = 1
        if n > 3 { logits[(top + 2) % n] = -.infinity }
        let row = try row(logits, level: level)
        #expect(row.top == RowMaximum(value: 1, index: top))
        for question in 0..<3 {
          var open = 0
          let out = try ResultBuffer.array(n + 1) { buffer in
            var copy: [Double] = []
            buffer[n] = 7
            open = buffer.write(n, from: 0, step: 1, by: &copy) { out in
              for index in 0..<n { out[index] = 7 }
              return switch question {
              case 0: row.probabilities(of: logits.span, into: &out)
              case 1: row.logProbabilities(logits.span, into: &out)
              default: row.gradient(of: logits.span, target: top, factor: ScaledDoubleDouble(1), into: &out)
              }
            }
          }
          #expect(open == out[..<n].filter(\.isNaN).count)
          #expect(!out[..<n].contains(7) && out[n] == 7)
        }
      }
    }
  }

  static let halfWay: [([Double], Int, Double)] = [
    ([9_999_999_999_999_998, 1], 1, 9_999_999_999_999_998),
    ([9_999_999_999_999_998, 3], 1, 9_999_999_999_999_996),
    ([0x1p53, -1], 1, 0x1p53 + 2),
    ([0x1p53, 1], 1, 0x1p53 - 1),
    ([0, -800], 1, 800),
  ]

  /// Sums with a part below every place in question: its sign decides.
  @Test(arguments: halfWay)
  func halfWayLosses(logits: [Double], target: Int, loss: Double) throws {
    for level in levelsHere {
      let row = try row(logits, level: level)
      #expect(row.minusLog(target, of: logits.span, exponent: 0) == loss)
      var out = [0.0, 0.0]
      var span = out.mutableSpan
      _ = row.logProbabilities(logits.span, into: &span)
      #expect(out[target] == -loss)
    }
  }

  /// Far exponentials have a loop of their own; sums of them, and temperatures beyond the range, are not decided here.
  @Test(arguments: [1, 8, 20]) func whatIsLeftOpen(far: Int) throws {
    let logits = [0] + [Double](repeating: -700, count: far)
    let row = try row(logits, level: .baseline)
    var out = [Double](repeating: 0, count: logits.count)
    var span = out.mutableSpan
    #expect(row.probabilities(of: logits.span, into: &span) == 0)
    #expect(out == [1] + [Double](repeating: 0x1.14f2b0fb9307fp-1010, count: far))
    #expect(row.entropy(logits.span).isNaN)
    #expect(VectorRow.serves(try problem([0, -700], temperature: 1)))
    #expect(VectorRow.serves(try problem([0, -700], temperature: 1e-160)))
    #expect(!VectorRow.serves(try problem([0, -700], temperature: .leastNonzeroMagnitude)))
    #expect(!VectorRow.serves(try problem([0, -700], temperature: 1e300)))
  }

  @Test func factorsKeepTheirExponentsApart() {
    let tiny = ScaledDoubleDouble(.leastNonzeroMagnitude) * ScaledDoubleDouble(.leastNonzeroMagnitude)
    #expect(tiny.exponent == -2148 && tiny.mantissa == DoubleDouble(high: 1))
    let huge = ScaledDoubleDouble(-1.5e308) / tiny
    #expect(huge.isNegative && huge.exponent == 1023 + 2148)
    #expect(ScaledDoubleDouble(0).isZero && (ScaledDoubleDouble(0) * huge).isZero)
    var sum = ExactSum()
    sum.add(3, 0x1p-60)
    sum.add(1, 1)
    let factor = ScaledDoubleDouble(sum)
    #expect(factor.exponent == 0 && factor.mantissa == DoubleDouble(high: 1, low: 0x1.8p-59))
  }
}
