import TestSupport
import Testing
import VectorKernels

@testable import Softmax

/// Results of few bits come from plain binary64 where it can prove a whole row: to the error bounds that its docstrings
/// derive, with the bits of every other stage, and left alone where it cannot.
@Suite("Narrow row")
struct NarrowFormatRowTests {
  static let formats: [BinaryFormat] = [.binary32, .binary16, .bfloat16]
  static let outputs: ShortList<SoftmaxOutput> = [.probabilities, .logProbabilities, .argmax]
  let big = IntervalArithmetic.standard

  @Test(arguments: levelsHere)
  func exponentialsAndSums(level: KernelLevel) throws {
    var poll = CancellationPoll()
    var random = SplitMix64(3)
    for _ in repetitions(100) {
      let scale = [1e-9, 0.003, 1, 30, 600][random.int(in: 0...4)]
      let logits = [0] + (0..<random.int(in: 1...200)).map { _ in -random.double(in: 0...1) * scale }
      var exponentials = [Double](repeating: 0, count: paddedCount(logits.count))
      var lanes = VectorPair(high: Vector(repeating: 0), low: Vector(repeating: 0))
      var memory = exponentials.mutableSpan
      level.loops.narrowExponentials(
        unsafe logits.span.bytes, .binary64, top: 0, shift: RowShift(maximum: 0, temperature: 1),
        into: &memory, from: 0, sum: &lanes)
      var others = big.whole(0)
      for (i, logit) in logits.enumerated() {
        let truth = try big.exponential(big.exact(logit), &poll)
        #expect(isClose([exponentials[i]], truth, within: 0x1p-52), "e^\(logit)")
        if i > 0 { others = others + truth }
      }
      let parts = (0..<8).flatMap { [lanes.high[$0], lanes.low[$0]] }
      #expect(isClose(parts, others, within: 9.01 * 0x1p-53))
    }
  }

  /// Around midpoints, by units of binary64: a proven result is that of all numbers within 14u, more than the derived
  /// bound, and all but the nearest are proven.
  @Test(arguments: formats, levelsHere)
  func onlyWhatIsFarFromMidpointsIsProven(format: BinaryFormat, level: KernelLevel) {
    var random = SplitMix64(5)
    let rounding = NarrowRounding(format)
    var proven = 0
    let least = format.leastExponent
    for _ in repetitions(2000) {
      // A number of the format, subnormal ones too, and the midpoint above it.
      let exponent = random.int(in: least...(least + 2 * format.precision))
      let number = format.nearest(to: random.double(in: 1...2) * powerOfTwo(exponent))
      let spacing = powerOfTwo(max(least, Int(number.exponent) - format.precision + 1))
      let middle = number + spacing / 2
      for distance in [-1000, -40, -33, -20, -1, 0, 1, 15, 18, 36, 500] {
        let v = middle + Double(distance) * middle.ulp
        let exponentials = [v] + [Double](repeating: 0, count: 7)
        var result = [0.0]
        var out = result.mutableSpan
        guard level.loops.narrowProducts(exponentials.span, by: 1, rounding, into: &out) else {
          #expect(abs(distance) < 500)
          continue
        }
        proven += 1
        for edge in [1 + 14 * 0x1p-53, 1, 1 - 14 * 0x1p-53] { #expect(result[0] == format.nearest(to: v * edge)) }
      }
    }
    #expect(proven > 0)
  }

  /// Rows of all kinds, of every length and layout: the bits are those of the stage behind, and of the last one.
  @Test(arguments: formats)
  func everyStageGivesTheSameBits(format: BinaryFormat) throws {
    var found = Mismatches()
    for k in repetitions(400) {
      var source = RandomProblem(seed: UInt64(k))
      let classes = source.chance(0.8) ? Int.random(in: 1...40, using: &source) : source.pick(100, 127, 500)
      let (rows, isLast) = (Int.random(in: 1...2, using: &source), source.chance(0.7))
      let (logits, layout) = tensor((0..<rows).map { _ in source.row(classes) }, isLast: isLast)
      let softmax = try SoftmaxProblem(
        logits: logits, layout: layout,
        temperature: source.chance(0.7) ? 1 : source.pick(0.5, 3, 0.7, 1e-3, 1e5), format: format)
      let loss = try LossProblem(
        softmax: softmax, target: .indices((0..<rows).map { _ in Int.random(in: 0..<classes, using: &source) }),
        sampleWeight: source.chance(0.5) ? (0..<rows).map { _ in source.pick(1, 0.7, 1 + 0x1p-24, 1e-9, 3e4) } : nil,
        reduction: source.pick(.none, .sum, .mean), divisor: 3)
      let truth = try softmax.solve(Self.outputs, Execution(), from: .interval)
      let lossTruth = try loss.lossAndGradient(
        upstream: nil, loss: true, gradient: true, Execution(), from: .interval)
      for level in levelsHere {
        let execution = Execution(level: level)
        let here = try softmax.solve(Self.outputs, execution)
        found.compare(here.probabilities, truth.probabilities ?? [], "case \(k) probabilities")
        found.compare(here.logProbabilities, truth.logProbabilities ?? [], "case \(k) logarithms")
        #expect(here.argmax == truth.argmax)
        let result = try loss.lossAndGradient(upstream: nil, loss: true, gradient: true, execution)
        found.compare(result.loss, lossTruth.loss ?? [], "case \(k) loss")
        found.compare(result.gradient, lossTruth.gradient ?? [], "case \(k) gradient")
      }
    }
    #expect(found.values > 0)
    #expect(found.wrong == 0, "\(found.wrong) of \(found.values) values differ:\n\(found.report)")
  }

  /// Solves one row by this stage alone.
  /// - Returns: what it proved, or nil.
  private func solve(
    _ logits: [Double], _ format: BinaryFormat, _ level: KernelLevel, factor: Double? = nil
  ) throws -> [Double]? {
    let problem = try SoftmaxProblem(
      logits: logits, layout: Layout(shape: [logits.count], axis: 0), format: format)
    var row = NarrowFormatRow(problem, level)
    var (reader, writer) = (RowReader(problem.layout), RowWriter(problem.layout))
    var isProven = false
    let numbers = try ResultBuffer.array(logits.count) { buffer in
      if let factor {
        isProven =
          row.read(problem.logits, row: 0, by: &reader)
          && row.gradient(row: 0, target: 0, factor: ScaledDoubleDouble(factor), into: buffer, by: &writer)
      } else {
        let outputs = OutputLayout([.probabilities], problem.layout, into: [buffer])
        isProven = row.solve(problem.logits, number: 0, outputs: outputs, by: &reader, &writer)
      }
      if !isProven { buffer.clear(logits.count, from: 0) }
    }
    return isProven ? numbers : nil
  }

  /// Long ordinary rows are proven, with the bits of ``VectorRow``; so they are not done twice.
  @Test(arguments: formats, levelsHere)
  func ordinaryRowsAreProven(format: BinaryFormat, level: KernelLevel) throws {
    var random = SplitMix64(11)
    for _ in 0..<20 {
      let logits = (0..<5000).map { _ in random.double(in: -10...10) }
      let proven = try #require(try solve(logits, format, level))
      var row = VectorRow(
        try SoftmaxProblem(logits: logits, layout: Layout(shape: [5000], axis: 0), format: format), level)
      row.read(logits.span)
      var behind = [Double](repeating: 0, count: logits.count)
      var out = behind.mutableSpan
      #expect(row.probabilities(of: logits.span, into: &out) == 0)
      #expect(proven == behind)
      #expect(try solve(logits, format, level, factor: -0.3) != nil)
    }
  }

  /// Where a result is a midpoint, the row is left to the other stages.
  @Test(arguments: levelsHere)
  func midpointsAreLeft(level: KernelLevel) throws {
    #expect(try solve([0, 0], .binary32, level, factor: 1) == [-0.5, 0.5])
    #expect(try solve([0, 0], .binary32, level, factor: 1 + 0x1p-24) == nil)
    #expect(try solve([0, 0], .binary32, level, factor: 1 + 0x1p-24 + 0x1p-45) != nil)
    // Half the least subnormal.
    #expect(try solve([0, 0], .binary16, level, factor: 0x1p-24) == nil)
    // Alone, or so far above the others that hardly anything is known of them.
    #expect(try solve([7], .binary32, level) == nil)
    #expect(try solve([900, 0], .binary32, level) == nil)
  }
}
