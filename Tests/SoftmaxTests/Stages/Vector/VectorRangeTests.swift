import VectorKernels
import TestSupport
import Testing

@testable import Softmax

/// The vector stage's bounds hold to the ends of binary64's range too, where a row's others are faint or a product
/// underflows: what they prove has the bits of the interval stage.
@Suite("Vector rows at the ends of the range")
struct VectorRangeTests {
  private func softmax(_ logits: [Double], temperature: Double = 1) throws -> SoftmaxProblem {
    try SoftmaxProblem(logits: logits, layout: Layout(shape: [logits.count], axis: 0), temperature: temperature)
  }

  private func results(
    _ problem: LossProblem, upstream: Double, from stage: Stage = .vector, _ level: KernelLevel
  ) throws -> LossResult {
    return try problem.lossAndGradient(
      upstream: [upstream], loss: true, gradient: true, Execution(level: level), from: stage)
  }

  /// R is below 2^-700, and the last class brings it, times the weight, to within 2^-84 of itself of a midpoint between
  /// two results: nearer than the exponentials' bound, so that it is not for this stage to say.
  static let faint: [([Double], Double, Double)] = [
    ([0, -485.5779722746038, -522.4682277785909], 1, 1.3066705631597902e-211),
    ([0, -486.2575514470461, -523.7012776178775], 1, 6.622601494083403e-212),
    ([0, -486.4524860525105, -523.5427618953892], 1, 5.449662402315205e-212),
    ([0, -486.83426676725446, -525.6552880476543], 1, 3.720183323134155e-212),
    ([0, -485.74589414520807, -523.0247692793437], 1, 1.1046852762582527e-211),
    ([0, -486.4604926434134, -523.2424394185864], 3, 1.6218610188915987e-211),
    ([0, -489.18456745990943, -526.5267558277363], 3, 1.0640522996271537e-212),
    ([0, -487.5384809171217, -524.797955508885], 3, 5.518858725489823e-212),
    ([0, -488.4994781285378, -525.596605441821], 3, 2.111025555924478e-212),
  ]

  @Test(arguments: faint) func faintSumsNearMidpoints(logits: [Double], weight: Double, loss: Double) throws {
    for level in levelsHere {
      let problem = try LossProblem(
        softmax: softmax(logits), target: .indices([0]), weight: [weight, 1, 1], reduction: .none)
      #expect(try results(problem, upstream: 1, level).loss == [loss])
      guard weight == 1 else { continue }
      let result = try softmax(logits).solve([.logProbabilities], Execution(level: level))
      #expect(result.logProbabilities?[0] == -loss)
    }
  }

  /// An exponential that is not known is zero and NaN. It is no result, not even where all small ones are zero.
  @Test(arguments: [-900, -167, 0, 800]) func unknownExponentialsProveNothing(exponent: Int) {
    let (zeros, unknown) = ([Double](repeating: 0, count: 8), [Double](repeating: .nan, count: 8))
    for level in levelsHere {
      for format: BinaryFormat in [.binary64, .binary32, .binary16, .bfloat16] {
        let rounding = KernelRounding(format, exponent: exponent)
        var results = zeros
        var out = results.mutableSpan
        let open = level.loops.scaled(
          zeros.span, unknown.span, by: DoubleDouble(high: 1), within: probabilityError, rounding, into: &out)
        #expect(open == 8 && results.allSatisfy(\.isNaN))
      }
    }
  }

  /// A mask of a format's lowest number is decided here: that number is its log-probability too. Half-way to infinity
  /// and beyond, nothing is wrong.
  @Test(arguments: levelsHere, [BinaryFormat.binary64, .binary32, .binary16, .bfloat16])
  func lowestNumbersAreDecided(level: KernelLevel, format: BinaryFormat) throws {
    var source = RandomProblem(seed: 10)
    let lowest = -format.greatestFinite
    for classes in [10, 300] {
      let logits = (0..<20 * classes).map { _ in source.chance(0.3) ? lowest : source.gauss() * 2 }
      let problem = try SoftmaxProblem(logits: logits, layout: Layout(shape: [20, classes], axis: 1), format: format)
      let outputs: ShortList<SoftmaxOutput> = [.probabilities, .logProbabilities]
      let counter = StageCounter()
      let here = try problem.solve(outputs, Execution(level: level), from: .vector, counting: counter)
      #expect(try here == problem.solve(outputs, Execution(), from: .interval))
      #expect(counter.total.ball == 0 && here.logProbabilities?.contains(lowest) == true)
    }
    let half = lowest - powerOfTwo(format.greatestExponent - format.precision)
    let edges = [lowest, half, half.nextUp, half.nextDown, 2 * lowest].filter(\.isFinite)
    for (count, temperature) in [(1, 1.0), (3, 1), (3, 0.5), (3, 3)] {
      var rows: [Double] = []
      for edge in edges { for _ in 0..<count { rows += [edge, 0.5, -1, lowest, 3] } }
      let problem = try SoftmaxProblem(
        logits: rows, layout: Layout(shape: [rows.count / 5, 5], axis: 1), temperature: temperature, format: format)
      let here = try problem.solve([.logProbabilities], Execution(level: level))
      #expect(try here == problem.solve([.logProbabilities], Execution(), from: .interval))
    }
  }

  /// Of rows so wide that some exponentials are below 2^-894, hardly anything is left open, and nothing is wrong.
  @Test(arguments: levelsHere) func wideRowsAreDecided(level: KernelLevel) throws {
    var source = RandomProblem(seed: 9)
    let shape = Layout(shape: [32, 500], axis: 1)
    let problem = try SoftmaxProblem(logits: Numbers((0..<16_000).map { _ in source.gauss() * 130 }), layout: shape)
    let loss = try LossProblem(softmax: problem, target: .indices([Int](repeating: 3, count: 32)), reduction: .none)
    let counter = StageCounter()
    func answers(from stage: Stage, counting counter: StageCounter? = nil) throws -> [Double] {
      let found = try problem.solve([.probabilities], Execution(level: level), from: stage, counting: counter)
      let slopes = try loss.lossAndGradient(
        upstream: nil, loss: false, gradient: true, Execution(level: level), from: stage, counting: counter)
      return (found.probabilities ?? []) + (slopes.gradient ?? [])
    }
    let found = try answers(from: .vector, counting: counter)
    #expect(found.filter { $0 != 0 && $0.magnitude < 0x1p-894 }.count > 50)
    #expect(found.map(\.bitPattern) == (try answers(from: .ball)).map(\.bitPattern))
    #expect(counter.total.ball <= 3, "\(counter.total.ball) of \(counter.total.outputs) open")
  }

  /// Results from far exponentials, normal, subnormal and zero, of either sign: the bits are those of the interval
  /// stage, and none is left open.
  @Test(arguments: levelsHere) func farResultsAreDecided(level: KernelLevel) throws {
    var source = RandomProblem(seed: 12)
    for _ in repetitions(200) {
      let temperature = source.pick(1.0, 1, 0.7, 1e-160, 1e3)
      let classes = Int.random(in: 2...70, using: &source)
      let logits = [0] + (1..<classes).map { _ in -temperature * source.pick(source.uniform(600, 760), 700, 1e4) }
      let softmax = try softmax(logits, temperature: temperature)
      let loss = try LossProblem(softmax: softmax, target: .indices([0]), reduction: .sum)
      let upstream = [source.pick(1, -1, -3e5, 1e200, 1e-9) * temperature]
      let counter = StageCounter()
      let found = try softmax.solve([.probabilities], Execution(level: level), from: .vector, counting: counter)
      let truth = try softmax.solve([.probabilities], Execution(), from: .interval)
      #expect(found == truth, "\(logits)")
      let gradient = try loss.lossAndGradient(
        upstream: upstream, loss: false, gradient: true, Execution(level: level), from: .vector, counting: counter)
      let exact = try loss.lossAndGradient(
        upstream: upstream, loss: false, gradient: true, Execution(), from: .interval)
      #expect(
        gradient.gradient?.map(\.bitPattern) == exact.gradient?.map(\.bitPattern), "\(logits) \(upstream)")
      // At the target the sum of faint exponentials is for the next stage.
      #expect(counter.total.ball <= 1, "\(counter.total.ball) of \(logits)")
    }
  }

  /// Where one class alone has a chance all but its log Σ e^(a/T) is a whole number, and known at once.
  @Test(arguments: levelsHere) func rowsWithOneChanceAreDecided(level: KernelLevel) throws {
    var source = RandomProblem(seed: 14)
    for _ in repetitions(300) {
      let (classes, rows) = (source.pick(1, 1, 2, 9, 70), source.pick(1, 5, 40))
      let format = source.pick(BinaryFormat.binary64, .binary32, .bfloat16)
      let chances = (0..<rows).map { _ in Int.random(in: 0..<classes, using: &source) }
      let logits = chances.flatMap { chance in
        (0..<classes).map { $0 == chance ? format.nearest(to: source.gauss() * 30) : -.infinity }
      }
      let softmax = try SoftmaxProblem(
        logits: Numbers(logits), layout: Layout(shape: [rows, classes], axis: 1), softcap: source.pick(nil, 20),
        format: format)
      let counter = StageCounter()
      let execution = Execution(level: level)
      let outputs: ShortList<SoftmaxOutput> = [
        .probabilities, .logProbabilities, .entropy, .jacobian, .topProbabilities, .topLogProbabilities,
      ]
      #expect(
        try softmax.solve(outputs, execution, counting: counter) == softmax.solve(outputs, Execution(), from: .interval)
      )
      let reduction = source.pick(Reduction.none, .sum, .mean)
      let losses = [
        try LossProblem(
          softmax: softmax, target: .indices(chances), sampleWeight: (0..<rows).map { _ in source.pick(0.25, 3, 0.7) },
          reduction: reduction),
        try LossProblem(
          softmax: softmax, target: .indices(chances), labelSmoothing: classes == 1 ? 0.1 : 0, reduction: reduction),
      ]
      for loss in losses {
        let upstream = reduction == .none ? (0..<rows).map { _ in source.pick(1, -2) } : [-0.3]
        let found = try loss.lossAndGradient(
          upstream: upstream, loss: true, gradient: true, execution, counting: counter)
        let truth = try loss.lossAndGradient(
          upstream: upstream, loss: true, gradient: true, Execution(), from: .interval)
        #expect(found.loss?.map(\.bitPattern) == truth.loss?.map(\.bitPattern))
        #expect(found.gradient?.map(\.bitPattern) == truth.gradient?.map(\.bitPattern))
      }
      #expect(counter.total.ball == 0, "\(counter.total.ball) of \(counter.total.outputs): \(classes) \(format)")
    }
  }

  /// A share below 2^-1074 is still none of nothing: times infinity it is infinite, and times 1e250 a gradient.
  @Test(arguments: [-Double.infinity, -1e6, -650, -3]) func sharesThatUnderflow(logit: Double) throws {
    let problem = try LossProblem(
      softmax: softmax([0, logit]), target: .probabilities([0.5, .leastNonzeroMagnitude * 2]), weight: [1, 1e-45])
    for level in levelsHere {
      let found = try results(problem, upstream: 1e250, level)
      #expect(found == (try results(problem, upstream: 1e250, from: .interval, level)))
      if logit < -1000 { #expect(found.gradient == [9.88131291682493e-119, -9.88131291682493e-119]) }
      if logit == -.infinity { #expect(found.loss == [.infinity]) }
    }
  }

  /// The rest of the product of m/T's head with T is below 2^-1074, and with it lies on which side of a midpoint m/T
  /// is.
  static let quotients: [(Double, Double, Double)] = [
    (-1.6255564441085447e-305, 7.4359851101176775e-121, -2.1860673737723766e-185),
    (-1.241495690588741e-305, 5.789070709127803e-121, -2.1445509183904717e-185),
    (-3.5958437070526373e-302, 6.323848801427347e-121, -5.6861633159872903e-182),
    (.leastNormalMagnitude, 3.356936075976612e-96, 6.628287843878215e-213),
  ]

  @Test(arguments: quotients) func quotientsWhoseProductUnderflows(
    logit: Double, temperature: Double, logSumExp: Double
  ) throws {
    for level in levelsHere {
      for logits in [[logit], [logit, -1e300]] {
        let result = try softmax(logits, temperature: temperature).solve([.logSumExp], Execution(level: level))
        #expect(result.logSumExp == [logSumExp])
      }
    }
  }
}
