import TestSupport
import Testing
import VectorKernels

@testable import Softmax

/// Results in the place of their logits are those that go elsewhere, whichever stage finds them.
@Suite("Overwritten logits")
struct OverwrittenLogitsTests {
  static let formats: [BinaryFormat] = [.binary32, .binary16, .bfloat16, .binary64]

  /// Some rows that plain binary64 proves, and some that it does not: at their very end, blocks after those before were
  /// written, two classes are level, and all others so far below that only the last stage sees them.
  static func logits(_ rows: Int, _ classes: Int, _ format: BinaryFormat) -> [Double] {
    var random = SplitMix64(7)
    return (0..<rows).flatMap { row in
      (0..<classes).map { place -> Double in
        guard row % 3 == 1 else { return format.nearest(to: random.double(in: -9...9)) }
        return place >= classes - 2 ? 0 : -208
      }
    }
  }

  /// Rows on several threads at once, as the server has them.
  private final class Threads: ExecutionHost {
    let isCancelled: @Sendable () -> Bool = { false }
    let parallel: @Sendable (Int, (Int) -> Void) -> Void = onThreads
    let reportUnboundedWork: @Sendable (Int) -> Void = { _ in }
  }

  private func numbers(
    _ bytes: (array: [UInt8], places: Range<Int>)?, _ count: Int, _ type: ElementType
  ) throws -> [Double] {
    let bytes = try #require(bytes)
    return Numbers(count, of: type, in: bytes.array, from: bytes.places.lowerBound).array
  }

  @Test(arguments: formats, levelsHere)
  func gradients(format: BinaryFormat, level: KernelLevel) throws {
    let (rows, classes) = (6, 5003)
    let layout = Layout(shape: [rows, classes], axis: 1)
    let type = ElementType(format)
    // Its products with 1/2 are midpoints between two numbers of the format.
    let weight = 1 + powerOfTwo(-format.precision)
    for hasLoss in [false, true] {
      func loss() throws -> LossProblem {
        try LossProblem(
          softmax: SoftmaxProblem(
            logits: Numbers(copying: Self.logits(rows, classes, format).span, as: type), layout: layout, format: format),
          target: .indices((0..<rows).map { $0 == 3 ? -100 : classes - 1 - $0 % 2 }),
          sampleWeight: format == .binary64 ? nil : [Double](repeating: weight, count: rows), reduction: .none)
      }
      let expected = try loss().lossAndGradient(
        upstream: nil, loss: hasLoss, gradient: true, Execution(level: level))
      let problem = try loss()
      var losses: [Double]?
      let bytes = try LossProblem.overwrite(problem) { problem, gradient throws(ComputationError) in
        losses = try ResultBuffer.arrays(hasLoss ? [rows] : []) { losses throws(ComputationError) in
          try problem.lossAndGradient(
            upstream: nil, into: LossBuffers(loss: losses.first, gradient: gradient),
            Execution(level: level, host: Threads()))
        }.first
      }
      #expect(try numbers(bytes, layout.count, type) == expected.gradient)
      #expect(losses == expected.loss)
    }
  }

  /// A reduced loss is decided before any logits are overwritten, whichever stage decides it.
  @Test(arguments: formats, levelsHere)
  func reducedLosses(format: BinaryFormat, level: KernelLevel) throws {
    let (rows, classes) = (9, 2500)
    let layout = Layout(shape: [rows, classes], axis: 1)
    let type = ElementType(format)
    let execution = Execution(level: level, host: Threads())
    let logits = Self.logits(rows, classes, format)
    func problem(divisor: Double) throws -> LossProblem {
      try LossProblem(
        softmax: SoftmaxProblem(logits: Numbers(copying: logits.span, as: type), layout: layout, format: format),
        target: .indices((0..<rows).map { $0 == 7 ? -100 : classes - 1 - $0 % 2 }), divisor: divisor)
    }
    for divisor in [3, try Self.divisor(of: problem(divisor: 1), format)] {
      let expected = try problem(divisor: divisor).lossAndGradient(upstream: nil, loss: true, gradient: true, execution)
      let own = try problem(divisor: divisor)
      let rowsKept = try #require(own.rowsNotOverwritten(besideLoss: true))
      #expect(rowsKept == 7 && own.rowsNotOverwritten(besideLoss: false) == 0)
      var (loss, front): ([Double], [UInt8]) = ([], [])
      let bytes = try LossProblem.overwrite(own) { problem, gradient throws(ComputationError) in
        loss = try ResultBuffer.array(1) { loss throws(ComputationError) in
          try ResultBuffer.append([(type, rowsKept * classes)], to: &front) { fronts throws(ComputationError) in
            let buffers = LossBuffers(loss: loss, gradient: gradient.beginning(in: fronts[0]))
            try problem.lossAndGradient(upstream: nil, into: buffers, execution)
          }
        }
      }
      #expect(loss == expected.loss)
      let whole = front + (try #require(bytes)).array.suffix((rows - rowsKept) * classes * type.size)
      #expect(try numbers((whole, whole.indices), layout.count, type) == expected.gradient)
    }
  }

  /// A divisor that brings a reduced loss so near to the middle between two numbers of its format that plain binary64
  /// does not tell its side, though pairs do.
  private static func divisor(of problem: LossProblem, _ format: BinaryFormat) throws -> Double {
    let wide = try LossProblem(
      softmax: SoftmaxProblem(logits: problem.softmax.logits, layout: problem.softmax.layout), target: problem.target,
      divisor: 1)
    let found = try wide.lossAndGradient(upstream: nil, loss: true, gradient: false, Execution())
    return (found.loss?[0] ?? .nan) / (1 + powerOfTwo(-format.precision))
  }

  /// What plain binary64 leaves open of a reduced loss, pairs decide, and not the more expensive stages.
  @Test(arguments: levelsHere)
  func reducedLossesByPairs(level: KernelLevel) throws {
    let logits = Self.logits(3, 700, .binary32)
    func problem(divisor: Double) throws -> LossProblem {
      try LossProblem(
        softmax: SoftmaxProblem(logits: logits, layout: Layout(shape: [3, 700], axis: 1), format: .binary32),
        target: .indices([5, 9, 13]), divisor: divisor)
    }
    let near = try problem(divisor: Self.divisor(of: problem(divisor: 1), .binary32))
    let counter = StageCounter()
    let found = try near.lossAndGradient(
      upstream: nil, loss: true, gradient: false, Execution(level: level), from: .vector, counting: counter)
    #expect(counter.total.ball == 0)
    #expect(
      found
        == (try near.lossAndGradient(
          upstream: nil, loss: true, gradient: false, Execution(), from: .interval, counting: counter)))
  }

  @Test(arguments: formats, levelsHere)
  func probabilities(format: BinaryFormat, level: KernelLevel) throws {
    let (rows, classes) = (5, 4999)
    let layout = Layout(shape: [rows, classes], axis: 1)
    let type = ElementType(format)
    let problem = try SoftmaxProblem(
      logits: Numbers(copying: Self.logits(rows, classes, format).span, as: type), layout: layout, format: format)
    let execution = Execution(level: level)
    for output: SoftmaxOutput in [.probabilities, .logProbabilities] {
      let expected = try problem.solve([output], execution)
      let bytes = try SoftmaxProblem.overwrite(problem) { problem, buffer throws(ComputationError) in
        try problem.solve([output], into: [buffer], execution)
      }
      #expect(
        try numbers(bytes, layout.count, type) == expected.probabilities ?? expected.logProbabilities, "\(output)")
    }
  }

  /// Where results of a row may need others' logits, or have another size, they go elsewhere.
  @Test func whatMayNotBeOverwritten() throws {
    func softmax(_ shape: [Int], _ axis: Int, _ type: ElementType, _ format: BinaryFormat) throws -> SoftmaxProblem {
      let zeros = [Double](repeating: 0, count: shape.reduce(1, *))
      return try SoftmaxProblem(
        logits: Numbers(copying: zeros.span, as: type), layout: Layout(shape: TensorShape(shape)!, axis: axis),
        format: format)
    }
    #expect(try softmax([2, 100], 1, .binary32, .binary32).mayBeOverwritten)
    #expect(try !softmax([2, 100], 0, .binary32, .binary32).mayBeOverwritten)
    #expect(try !softmax([9, 10], 1, .binary32, .binary32).mayBeOverwritten)
    #expect(try !softmax([2, 100], 1, .binary32, .binary64).mayBeOverwritten)
    #expect(try !softmax([2, 100], 1, .int32, .binary32).mayBeOverwritten)
    let plain = try softmax([2, 100], 1, .binary32, .binary32)
    #expect(try LossProblem(softmax: plain, target: .indices([1, 2])).mayBeOverwritten)
    #expect(try !LossProblem(softmax: plain, target: .probabilities(plain.logits)).mayBeOverwritten)
    #expect(try !LossProblem(softmax: plain, target: .indices([1, 2]), labelSmoothing: 0.1).mayBeOverwritten)
  }
}
