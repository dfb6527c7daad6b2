import TestSupport
import VectorKernels
import Testing

@testable import Softmax

/// Cases where textbook formulas, and double-double ones, go wrong. Each is asked of every first stage.
@Suite("Special cases")
struct SpecialCaseTests {
  private func softmax(
    _ logits: [Double], shape: [Int]? = nil, temperature: Double = 1, format: BinaryFormat = .binary64
  ) throws -> SoftmaxProblem {
    let shape = shape ?? [logits.count]
    return try SoftmaxProblem(
      logits: logits, layout: Layout(shape: shape, axis: shape.count - 1), temperature: temperature, format: format)
  }

  private func results(
    _ problem: LossProblem, from stage: Stage, upstream: [Double]? = nil
  ) throws -> (loss: [Double], gradient: [Double]) {
    let result = try problem.lossAndGradient(
      upstream: upstream, loss: true, gradient: true, Execution(), from: stage)
    return (result.loss ?? [], result.gradient ?? [])
  }

  @Test(arguments: Stage.allCases) func confidentPrediction(stage: Stage) throws {
    let problem = try LossProblem(softmax: softmax([40, 0]), target: .indices([0]))
    let found = try results(problem, from: stage)
    #expect(found.loss == [4.248354255291589e-18])
    #expect(found.gradient == [-4.248354255291589e-18, 4.248354255291589e-18])
  }

  /// -d_l is half-way between two doubles, and the tail decides though it is below every place.
  @Test(arguments: Stage.allCases) func tailBelowEveryPlace(stage: Stage) throws {
    let problem = try LossProblem(softmax: softmax([9999999999999998, 1]), target: .indices([1]))
    #expect(try results(problem, from: stage).loss == [9999999999999998])
    // Without a tail: one class of weight 3 is half-way to an odd number, and goes to the even one.
    let log = try softmax([9999999999999998, 1]).solve([.logProbabilities], Execution())
    #expect(log.logProbabilities == [0, -9999999999999998])
  }

  @Test(arguments: Stage.allCases) func nearlyLevel(stage: Stage) throws {
    let problem = try LossProblem(softmax: softmax([1e-300, 0]), target: .probabilities([0.5, 0.5]))
    #expect(try results(problem, from: stage).gradient == [2.5e-301, -2.5e-301])
  }

  @Test(arguments: Stage.allCases) func temperatureBelowEveryNormal(stage: Stage) throws {
    let problem = try LossProblem(
      softmax: softmax([1, 0], shape: [1, 2], temperature: .leastNonzeroMagnitude), target: .indices([1]),
      weight: [1, 1e-300],
      reduction: .sum)
    #expect(try results(problem, from: stage).loss == [2.0240225330731062e+23])
  }

  /// 1.5 of the least number: a tie between two subnormals, and the gradient is rational.
  @Test(arguments: Stage.allCases) func tieBetweenSubnormals(stage: Stage) throws {
    let problem = try LossProblem(
      softmax: softmax([0, 0]), target: .indices([0]), weight: [3 * Double.leastNonzeroMagnitude, 1], reduction: .sum)
    #expect(
      try results(problem, from: stage).gradient == [
        -2 * Double.leastNonzeroMagnitude, 2 * Double.leastNonzeroMagnitude,
      ])
  }

  @Test(arguments: Stage.allCases) func gapsBeyondBinary64(stage: Stage) throws {
    let far = try softmax([1.7e308, -1.7e308]).solve(
      [.probabilities, .logProbabilities, .logSumExp, .entropy], Execution(), from: stage)
    #expect(far.probabilities == [1, 0])
    #expect(far.logProbabilities == [0, -.infinity])
    #expect(far.logSumExp == [1.7e308])
    #expect(far.entropy == [0])
    let near = try softmax([1e8 + 1, 1e8]).solve([.probabilities], Execution(), from: stage)
    #expect(near.probabilities == [0.7310585786300049, 0.2689414213699951])
    // (1.7e308 + 1.7e308) / 1.7e308 = 2, though neither the gap nor its half is a double's neighbour.
    let warm = try softmax([1.7e308, -1.7e308], temperature: 1.7e308).solve(
      [.logProbabilities], Execution(), from: stage)
    #expect(warm.logProbabilities == [-0.1269280110429725, -2.1269280110429727])
  }

  @Test(arguments: Stage.allCases) func masks(stage: Stage) throws {
    let masked = try softmax([0, -.infinity, 0]).solve(
      [.probabilities, .logProbabilities, .logSumExp, .argmax, .jacobian], Execution(), from: stage)
    #expect(masked.probabilities == [0.5, 0, 0.5])
    #expect(masked.logProbabilities == [-0.6931471805599453, -.infinity, -0.6931471805599453])
    #expect(masked.argmax == [0])
    #expect(masked.jacobian == [0.25, 0, -0.25, 0, 0, 0, -0.25, 0, 0.25])
    // A masked target: infinite loss, finite gradient; with a zero weight, or weight of the item, nothing.
    let lost = try LossProblem(
      softmax: softmax([0, -.infinity, 0]), target: .indices([1]), weight: [1, 3, 1], reduction: .sum)
    let found = try results(lost, from: stage)
    #expect(found.loss == [.infinity])
    #expect(found.gradient == [1.5, -3, 1.5])
    let zero = try LossProblem(
      softmax: softmax([0, -.infinity, 0]), target: .indices([1]), weight: [1, 0, 1], reduction: .sum)
    #expect(try results(zero, from: stage).loss == [0])
    let unweighted = try LossProblem(
      softmax: softmax([0, -.infinity], shape: [1, 2]), target: .indices([1]), sampleWeight: [0], reduction: .none)
    #expect(try results(unweighted, from: stage).loss == [0])
    // Smoothing gives the masked class a share.
    let smooth = try LossProblem(
      softmax: softmax([0, -.infinity]), target: .indices([0]), labelSmoothing: .leastNonzeroMagnitude)
    #expect(try results(smooth, from: stage).loss == [.infinity])
  }

  /// Σ s w overflows binary64, and s w underflows it: the mean knows neither.
  @Test(arguments: Stage.allCases) func normalisersBeyondBinary64(stage: Stage) throws {
    let logits = try softmax([0, 0, 0, 0], shape: [2, 2])
    let huge = try LossProblem(softmax: logits, target: .indices([0, 1]), weight: [1.7e308, 1.7e308])
    #expect(try results(huge, from: stage).loss == [0.6931471805599453])
    #expect(try results(huge, from: stage).gradient == [-0.25, 0.25, 0.25, -0.25])
    let tiny = try LossProblem(
      softmax: logits, target: .indices([0, 1]), weight: [1e-300, 1e-300], sampleWeight: [1e-300, 1e-300])
    #expect(try results(tiny, from: stage).loss == [0.6931471805599453])
    #expect(try results(tiny, from: stage).gradient == [-0.25, 0.25, 0.25, -0.25])
  }

  @Test func normaliserOfExactlyZeroIsRefused() throws {
    let logits = try softmax([0, 0, 0, 0], shape: [2, 2])
    #expect(throws: ProblemError.zeroNormaliser) {
      try LossProblem(softmax: logits, target: .indices([-100, -100]))
    }
    #expect(throws: ProblemError.zeroNormaliser) {
      try LossProblem(softmax: logits, target: .indices([0, 0]), weight: [0, 1])
    }
    #expect(throws: ProblemError.zeroNormaliser) {
      try LossProblem(softmax: logits, target: .probabilities([1, 0, 1, 0]), sampleWeight: [0, 0])
    }
    _ = try LossProblem(softmax: logits, target: .indices([-100, -100]), reduction: .sum)
  }

  @Test(arguments: Stage.allCases) func upstreamLeavesTheLossAlone(stage: Stage) throws {
    let logits = try softmax([1, 2, 3, 4], shape: [2, 2])
    let problem = try LossProblem(softmax: logits, target: .indices([0, 1]), reduction: .none)
    let plain = try results(problem, from: stage)
    let pulled = try results(problem, from: stage, upstream: [-2, 0])
    #expect(pulled.loss == plain.loss)
    #expect(pulled.gradient == [-2 * plain.gradient[0], -2 * plain.gradient[1], 0, 0])
    #expect(throws: ComputationError.upstreamDoesNotFit) { try results(problem, from: stage, upstream: [1]) }
    #expect(throws: ComputationError.upstreamDoesNotFit) { try results(problem, from: stage, upstream: [1, .nan]) }
  }

  /// Rounded once to binary32: 1 + 2^-24 + a tail goes up, where rounding to binary64 first would lose the tail.
  @Test(arguments: Stage.allCases) func binary32IsRoundedOnce(stage: Stage) throws {
    let problem = try softmax([1 + 0x1p-24, -100], format: .binary32)
    let found = try problem.solve([.logSumExp, .probabilities], Execution(), from: stage)
    #expect(found.logSumExp == [Double(Float(1).nextUp)])
    #expect(found.probabilities == [1, Double(Float(1.4e-44))])
    let middle = try softmax([1 + 0x1p-24], format: .binary32).solve([.logSumExp], Execution(), from: stage)
    #expect(middle.logSumExp == [1])
  }

  @Test(arguments: Stage.allCases) func singleClasses(stage: Stage) throws {
    let all: ShortList<SoftmaxOutput> = [.probabilities, .logProbabilities, .logSumExp, .entropy, .argmax, .jacobian]
    let found = try softmax([7.5], temperature: 3).solve(all, Execution(), from: stage)
    #expect(found.probabilities == [1] && found.logProbabilities == [0] && found.logSumExp == [2.5])
    #expect(found.entropy == [0] && found.argmax == [0] && found.jacobian == [0])
  }

  /// Each class corrects what those before it missed of 10/27 and half a place: the first probability lies 2^-3651.5
  /// below that midpoint, by MPFR at 6,000 and 12,000 bits.
  @Test func aMidpointMissedByThousandsOfBits() throws {
    let problem = try SoftmaxProblem(logits: Self.missed, layout: Layout(shape: [Self.missed.count], axis: 0))
    #expect(try problem.solve([.probabilities], Execution()).probabilities?[0] == 0.37037037037037035)
  }

  private static let missed = [
    0.0, -2.328306436538696e-10, -0.3566749436061173, -38.094186991490155, -72.4974457688517, -105.4854490717316,
    -137.55120149910536, -172.88714364937243, -204.38569864178226, -236.01963484739338, -267.2486175166128,
    -298.59355450210757, -329.10120781032776, -361.3620091769015, -392.92814866743714, -424.2863279923654,
    -455.81233194134364, -487.6629044650755, -518.6589984384689, -550.6483634352846, -580.6430443777551,
    -613.2739539269367, -643.1231722932175, -674.6853892125825, -705.3072230081643, -735.4591525243509,
    -765.3387874022557, -796.4705356683876, -826.7153193470931, -856.6118459055198, -887.8305289010882,
    -919.3160804825742, -949.1518306558214, -979.292223788206, -1009.1418815179403, -1040.1497016081896,
    -1069.3623133198432, -1100.6050724377164, -1131.7275636068869, -1161.6968735081402, -1191.9082010391298,
    -1221.9095788356428, -1252.4681388205615, -1281.9431957088054, -1313.4735424325409, -1342.6662779703468,
    -1373.5038619864602, -1402.7202584612032, -1432.2330407684058, -1462.562823563048, -1491.744544317908,
    -1522.425729895722, -1552.8707712690216, -1582.6212046133758, -1613.6295798782558, -1642.9769350877743,
    -1673.944076685805, -1703.8283605186632, -1733.5781773642166, -1763.7382041520175, -1793.3340775651388,
    -1823.651431771538, -1853.841820555543, -1883.8807455414942, -1913.684574098997, -1945.2638788916213,
    -1974.5720727371186, -2003.8760715390654, -2033.030088514005, -2065.085989758505, -2093.6868634072093,
    -2122.3720926234987, -2151.1547462576473, -2180.6889243402557, -2209.173045564108, -2240.677153392866,
    -2270.4521574465593, -2300.32521835948, -2329.1516467394654, -2357.7251126928654, -2386.519581007841,
    -2415.5110242475644, -2444.0448592140697, -2476.65491301055, -2505.8204667188093,
  ]

  /// n equal maxima and a far class: a Jacobian's entry is half the least number of binary32, less or more a part below
  /// every place. Its sign is known without more bits, however far the class is.
  @Test(arguments: Stage.allCases, [1e4, 4e4, 112_104, 1e6, 2e6]) func jacobiansWithAFaintTail(
    stage: Stage, gap: Double
  ) throws {
    let least = Double(Float.leastNonzeroMagnitude)
    // (n, T, p_l (1 - p_l) / T, -p_l p_i / T), of the real values just beside the midpoints.
    let cases: [(Int, Double, Double, Double)] = [
      // 1/4 - and 1/4 -, times 2^-148.
      (2, 0x1p148, 0, 0),
      // 3/16 - and 1/16 -: the first is three halves of the least.
      (4, 0x1p146, least, 0),
      // 3/16 / 3 -, and 1/16 / 3.
      (4, 0x1.8p147, 0, 0),
      // 7/64 - and 1/64 -.
      (8, 0x1p144, 3 * least, 0),
    ]
    for (n, temperature, diagonal, beside) in cases {
      let logits = [Double](repeating: 0, count: n) + [-gap * temperature]
      let problem = try softmax(logits, temperature: temperature, format: .binary32)
      let counter = StageCounter()
      let found = try problem.solve([.jacobian], Execution(), from: stage, counting: counter).jacobian ?? []
      for l in 0..<n {
        for i in 0..<n { #expect(found[l * (n + 1) + i] == (l == i ? diagonal : beside), "\(n) \(l) \(i)") }
      }
      #expect(counter.total.widestBits <= 256)
      // The same as steps of the derivation, and 1 - p, less than 1/2, there.
      let steps = try softmax(logits, temperature: n == 2 ? 0x1p149 : temperature, format: .binary32)
        .derivation(target: 0, Execution())
      #expect(n != 2 || steps[.gradient]?.first == -least)
    }
  }

  /// Logits that differ by less than anything: 1/(n² T) is half the least number of binary32, and which way an entry
  /// goes is said by the differences' first order, and for two classes by their second.
  @Test(arguments: Stage.allCases) func jacobiansOfNearlyLevelRows(stage: Stage) throws {
    var random = SplitMix64(5)
    let least = Double(Float.leastNonzeroMagnitude)
    for n in [4, 16, 64] {
      var steps = (0..<n).map { _ in random.int(in: 0...1000) }
      // An odd sum: no entry's first order is zero.
      if steps.reduce(0, +) % 2 == 0 { steps[0] += 1 }
      let logits = steps.map { Double($0) * .leastNonzeroMagnitude }
      let temperature = 0x1p150 / Double(n * n)
      let problem = try softmax(logits, temperature: temperature, format: .binary32)
      let counter = StageCounter()
      let found = try problem.solve([.jacobian], Execution(), from: stage, counting: counter).jacobian ?? []
      let sum = steps.reduce(0, +)
      for l in 0..<n {
        for i in 0..<n where i != l {
          let slope = n * (steps[l] + steps[i]) - 2 * sum
          #expect(found[l * n + i] == (slope > 0 ? -least : 0))
        }
      }
      #expect(counter.total.widestBits <= 256)
    }
    // 1/4 - x²/16, with and without a far class; x is 2^-1222.
    for far in [-Double.infinity, -0x1p165, -1e300] {
      let problem = try softmax([0, .leastNonzeroMagnitude, far], temperature: 0x1p148, format: .binary32)
      let counter = StageCounter()
      let found = try problem.solve([.jacobian], Execution(), from: stage, counting: counter).jacobian
      #expect(found == [Double](repeating: 0, count: 9))
      #expect(counter.total.widestBits <= 256)
    }
  }

  /// Half of three least numbers, less the third order of a difference of 2^-1073: the sign is found, whatever bits it
  /// takes.
  @Test(arguments: Stage.allCases) func tiesThatTheThirdOrderDecides(stage: Stage) throws {
    let three = 3 * Double.leastNonzeroMagnitude
    let problem = try LossProblem(
      softmax: softmax([0, three, 0, three], shape: [2, 2]), target: .probabilities([1, 1, 1, 1]), reduction: .sum)
    let one = Double.leastNonzeroMagnitude
    #expect(try results(problem, from: stage).gradient == [-one, one, -one, one])
  }

  /// A sum over many rows that is half-way between two numbers except for tails below every place.
  @Test(arguments: Stage.allCases) func totalsThatTailsDecide(stage: Stage) throws {
    let rows = 300
    let far = 0x1p53 - Double(2 * (rows - 1)) * 1024 + 2
    let exact = [far] + [Double](repeating: 2048, count: rows - 1)
    let problem = try LossProblem(
      softmax: softmax(exact.flatMap { [0, -$0] }, shape: [rows, 2]),
      target: .indices([Int](repeating: 1, count: rows)), reduction: .sum)
    // 2^53 + 2 exactly, and rows' tails: the nearest number is that itself; an odd one more is half-way to the next.
    #expect(try results(problem, from: stage).loss == [0x1p53 + 2])
    let odd = try LossProblem(
      softmax: softmax((exact + [999]).flatMap { [0, -$0] }, shape: [rows + 1, 2]),
      target: .indices([Int](repeating: 1, count: rows + 1)), reduction: .sum)
    #expect(try results(odd, from: stage).loss == [0x1p53 + 1002])
  }

  /// e^loss of level rows is a whole number, half-way between two of binary16 or bfloat16 for some; and the ends.
  @Test(arguments: Stage.allCases) func perplexities(stage: Stage) throws {
    func perplexity(
      _ logits: [Double], _ targets: [Int], classes: Int, format: BinaryFormat = .binary64, divisor: Double? = nil
    ) throws -> Double? {
      let problem = try LossProblem(
        softmax: SoftmaxProblem(
          logits: logits, layout: Layout(shape: [logits.count / classes, classes], axis: 1), format: format),
        target: .indices(targets), divisor: divisor)
      return try problem.lossAndGradient(
        upstream: nil, loss: false, gradient: false, perplexity: true, Execution(), from: stage
      ).perplexity
    }
    #expect(try perplexity([1, 1, 1], [2], classes: 3) == 3)
    #expect(try perplexity([5, 5, -1, -1], [0, 1], classes: 2) == 2)
    #expect(try perplexity([7], [0], classes: 1) == 1)
    #expect(try perplexity([40, 0], [0], classes: 2) == 1)
    #expect(try perplexity([0, -709], [1], classes: 2) == 8.218407461554972e307)
    #expect(try perplexity([0, -710], [1], classes: 2) == .infinity)
    #expect(try perplexity([0, -1e300], [1], classes: 2) == .infinity)
    #expect(try perplexity([0, -.infinity], [1], classes: 2) == .infinity)
    #expect(try perplexity([1, 2], [-100], classes: 2, divisor: 3) == 1)
    // 257, 259, 2049 and 2051 are midpoints.
    for (classes, format, whole) in [
      (257, BinaryFormat.bfloat16, 256.0), (259, .bfloat16, 260), (2049, .binary16, 2048), (2051, .binary16, 2052),
    ] {
      #expect(try perplexity([Double](repeating: 0.5, count: classes), [3], classes: classes, format: format) == whole)
    }
  }
}
