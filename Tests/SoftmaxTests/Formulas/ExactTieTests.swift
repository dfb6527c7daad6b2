import Testing
import VectorKernels

@testable import Softmax

/// Results that are half-way between two numbers, exactly or except for parts far below every place.
@Suite("Ties that exact sums decide")
struct ExactTieTests {
  /// A loss problem, whatever is left out at its default.
  struct Case: Sendable {
    /// [row][class].
    var logits: [[Double]]
    var temperature = 1.0
    var softcap: Double?
    var target: Target
    var weight: [Double]?
    var sampleWeight: [Double]?
    var labelSmoothing = 0.0
    var reduction = Reduction.mean
    var zLoss = 0.0
    var focalGamma = 0.0
    var divisor: Double?
    var format = BinaryFormat.binary64

    func problem() throws -> LossProblem {
      try LossProblem(
        softmax: SoftmaxProblem(
          logits: logits.flatMap { $0 }, layout: Layout(shape: [logits.count, logits[0].count], axis: 1),
          temperature: temperature, softcap: softcap, format: format),
        target: target, weight: weight, sampleWeight: sampleWeight, labelSmoothing: labelSmoothing,
        reduction: reduction, zLoss: zLoss, focalGamma: focalGamma, divisor: divisor)
    }

    func gradient(upstream: Double?) throws -> [Double]? {
      try problem().lossAndGradient(
        upstream: upstream.map { [$0] }, loss: false, gradient: true, Execution()
      ).gradient
    }

    func hessianProduct(_ vector: [Double]) throws -> [Double] {
      try problem().hessianVectorProduct(Numbers(vector), upstream: nil, Execution())
    }

    func loss(perplexity: Bool = false) throws -> Double? {
      let result = try problem().lossAndGradient(
        upstream: nil, loss: !perplexity, gradient: false, perplexity: perplexity, Execution())
      return perplexity ? result.perplexity : result.loss?.first
    }
  }

  // MARK: Gradients and products with the Hessian

  private static let lowest = -Double(Float.greatestFiniteMagnitude)

  private static func penalised(
    _ logits: [Double], temperature: Double = 1, target: Target = .indices([0]), lambda: Double
  ) -> Case {
    Case(logits: [logits], temperature: temperature, target: target, zLoss: lambda, format: .bfloat16)
  }

  static let gradients: [(case: Case, upstream: Double?, entries: [Double])] = [
    // A mask of float32's lowest number beside a z-loss: 151.5 lies half-way between neighbours in bfloat16.
    (penalised([37.875, lowest], lambda: 2), nil, [151, 0]),
    (penalised([-37.875, lowest], lambda: 2), nil, [-151, 0]),
    (penalised([37.875, lowest, -1e30, lowest], lambda: 2), nil, [151, 0, 0, 0]),
    (penalised([75.75, lowest], temperature: 2, lambda: 2), nil, [75.5, 0]),
    (penalised([37.5, lowest], target: .probabilities([0.5, 0.5]), lambda: 2), nil, [150, -0.5]),
    (penalised([0, lowest], target: .probabilities([0.5, 0.5]), lambda: 257), 514, [258, -256]),
    // Exponents farther apart than any arithmetic's bits.
    (
      Case(logits: [[1e300, 1, 2, 3]], target: teacher([1e300, 2, 1, 5]), labelSmoothing: 0.1), nil,
      [0.07500000000000001, -0.025, -0.025, -0.025]
    ),
    (
      Case(
        logits: [[1e300, 1e300, 1, 2]], target: teacher([1e300, 1e300, 1, 2]), weight: [3, 0.5, 1, 1],
        format: .binary32), 26_843_576, [-16_777_234, 16_777_234, 0, 0]
    ),
    (
      Case(
        logits: [[1, 1, 1e-100, 2e-100]], temperature: 6.653062250012736e-111, target: teacher([1, 1, 1e-100, 2e-100]),
        weight: [3, 0.5, 1, 1], format: .binary32), 1.7859198214094787e-103, [-16_777_234, 16_777_234, 0, 0]
    ),
    // A level teacher with uneven weights, beside a cap that leaves zeros alone and a penalty of a row with one class.
    (
      Case(logits: [[0, 0, 0]], softcap: 1, target: teacher([0, 0, 0]), weight: [1, 1, 4], format: .binary32),
      50_331_657, [16_777_220, 16_777_220, -33_554_440]
    ),
    (
      Case(logits: [[0, no, no]], target: teacher([0, 0, 0]), weight: [1, 1, 4], zLoss: 1, format: .binary32),
      10_066_341, [16_777_236, -3_355_447, -13_421_788]
    ),
    (
      Case(logits: [[1, no, no]], target: teacher([0, 0, 0]), weight: [1, 0, 0], zLoss: 0.5, format: .binary32),
      16_777_219, [16_777_220, 0, 0]
    ),
    // Parts that count below every 16,384 bits.
    (
      Case(logits: [[12_000, 0]], target: .indices([1]), focalGamma: 2, format: .binary32), -16_777_217,
      [-16_777_218, 16_777_218]
    ),
    (
      Case(logits: [[200_000, 0]], target: .indices([1]), focalGamma: 2, format: .binary32), -16_777_217,
      [-16_777_218, 16_777_218]
    ),
    (Case(logits: [[0, 16_448]], target: .indices([1]), zLoss: 0.5, format: .bfloat16), nil, [0, 16_384]),
    (Case(logits: [[0, 2_105_344]], target: .indices([1]), zLoss: 0.5, format: .bfloat16), nil, [0, 2_097_152]),
    (Case(logits: [[-1e9, -2_105_344]], target: .indices([1]), zLoss: 0.5, format: .bfloat16), nil, [0, -2_097_152]),
    (Case(logits: [[0, 2_105_344]], target: teacher([0, 1e9]), zLoss: 0.5, format: .bfloat16), nil, [0, 2_097_152]),
  ]

  @Test("A rational gradient is told from one that is nearly half-way", arguments: gradients)
  func gradient(of tie: Case, upstream: Double?, entries: [Double]) throws {
    #expect(try tie.gradient(upstream: upstream) == entries)
  }

  /// The logarithms of a focal loss and of a z-loss cancel in the target's entry: what is left is rational.
  static let cancelled: [(case: Case, upstream: Double, entry: Double)] = [
    (Case(logits: [[0, 0]], target: .indices([1]), zLoss: 0.25, focalGamma: 1, format: .bfloat16), 257 / 256, -0.25),
    (Case(logits: [[0, 0]], target: .indices([1]), zLoss: 0.25, focalGamma: 2, format: .bfloat16), 257 / 256, -0.125),
    (
      Case(logits: [[0.5, 0.5]], target: .indices([1]), zLoss: 0.25, focalGamma: 1, format: .bfloat16), -257 / 256,
      0.125
    ),
    (
      Case(logits: [[0, 0]], softcap: 30, target: .indices([1]), zLoss: 0.25, focalGamma: 1, format: .bfloat16),
      257 / 256, -0.25
    ),
    (
      Case(logits: [zeros(4)], target: .indices([1]), zLoss: 0.375, focalGamma: 1, divisor: 9, format: .bfloat16),
      257 / 256, -0.0625
    ),
    (
      Case(logits: [[0, 0]], target: .indices([1]), weight: [3, 3], reduction: .sum, zLoss: 0.75, focalGamma: 1),
      1 + 0x1p-52, -0.75 - 0x1p-52
    ),
    (Case(logits: [[1, 1]], target: .indices([1]), zLoss: 0.25, focalGamma: 1), 1, 0),
    // w γ 2^-1000 = 2 λ.
    (
      Case(
        logits: [[0, 0, no]], target: .indices([1]), weight: [3, 3, 3], reduction: .sum, zLoss: 1500 * 0x1p-1000,
        focalGamma: 1000), 1 + 0x1p-52, (-3 - 0x1p-50) * 0x1p-1001
    ),
  ]

  @Test("Logarithms of a level row that cancel", arguments: cancelled)
  func cancelledLogarithms(of tie: Case, upstream: Double, entry: Double) throws {
    #expect(try tie.gradient(upstream: upstream)?[1] == entry)
  }

  static let products: [(case: Case, vector: [Double], entries: [Double])] = [
    (
      Case(logits: [[1e300, 1e300, 1, 2]], target: .indices([0]), format: .binary32), [67_108_868, 0, 3, 1],
      [16_777_216, -16_777_216, 0, 0]
    ),
    // A teacher's total weight is rational, and then one that is not.
    (
      Case(logits: [[0, 0, no]], target: teacher([0, 0, 0]), weight: [1, 1, 4]),
      [3 * Double.leastNonzeroMagnitude, 0, 0],
      [0x2p-1074, -0x2p-1074, 0]
    ),
    (
      Case(logits: [[0, 0, no]], target: teacher([0, 0, 0]), weight: [1, 1, 4], format: .binary32),
      [33_554_434, 0, 0], [16_777_216, -16_777_216, 0]
    ),
    (
      Case(logits: [zeros(4)], target: teacher([0, 0, 1, 1]), weight: [1, 3, 2, 2], format: .binary32),
      [44_739_256, 0, 0, 0], [16_777_220, -5_592_407, -5_592_407, -5_592_407]
    ),
    (
      Case(logits: [[0, 0]], target: teacher([1e9, 0]), weight: [33_554_434, 2], format: .binary32), [2, 0],
      [16_777_216, -16_777_216]
    ),
  ]

  @Test("A rational product with the Hessian is told from one that is nearly half-way", arguments: products)
  func product(of tie: Case, vector: [Double], entries: [Double]) throws {
    #expect(try tie.hessianProduct(vector) == entries)
  }

  // MARK: Losses

  // 65,792 lies half-way between 65,536 and 66,048, which are neighbours in bfloat16.
  static let losses: [(case: Case, value: Double)] = [
    (Case(logits: [[20_008, 0]], target: .indices([1]), focalGamma: 1e-6, format: .binary16), 20_016),
    (Case(logits: [[0, 65_792]], target: .indices([0]), focalGamma: 2, format: .bfloat16), 65_536),
    (Case(logits: [[0, 2_105_344]], target: .indices([0]), focalGamma: 2, format: .bfloat16), 2_097_152),
    // Another class is not as faint as the target, so that log S counts for more than the factor.
    (Case(logits: [[0, 65_792, 60_000]], target: .indices([0]), focalGamma: 2, format: .bfloat16), 66_048),
    (Case(logits: [[0, 2_105_344, 9]], target: .indices([0]), focalGamma: 0.0001, format: .bfloat16), 2_113_536),
    (
      Case(logits: [[0, 1e15, 2_260_595_906_707_456]], target: .indices([0]), focalGamma: 2, format: .bfloat16),
      2_269_391_999_729_664
    ),
    // λ LSE² with LSE near -1 and 1, less and more than half-way.
    (penalised([-1, lowest], lambda: 259), 258), (penalised([1, lowest], lambda: 257), 258),
    (Case(logits: [[0, 65_536]], target: .indices([1]), zLoss: 5.98374754190445e-08, format: .bfloat16), 258),
    (
      Case(logits: [[-6_553_600_000, -65_536]], target: .indices([1]), zLoss: 5.98374754190445e-08, format: .bfloat16),
      258
    ),
    (
      Case(
        logits: [[-6_553_600_000, -65_536]], target: .indices([1]), weight: [1, 0.001], reduction: .sum,
        zLoss: 5.98374754190445e-08, format: .bfloat16), 256
    ),
    (Case(logits: [[709.8, 0x1p53, -1]], target: teacher([-0x1p-1074, 0, 1e16])), 0x1p53 + 2),
    (Case(logits: [[1e300, -1e300]], softcap: 65_792, target: .indices([1]), format: .bfloat16), 132_096),
  ]

  @Test("A loss that is half-way but for faint parts of both signs", arguments: losses)
  func loss(of tie: Case, value: Double) throws { #expect(try tie.loss() == value) }

  static let perplexities: [(case: Case, value: Double)] = [
    (Case(logits: level(7, rows: 19), target: first(19), divisor: 1), 1.1398895185373144e16),
    (Case(logits: [zeros(259)], target: first(1), labelSmoothing: 0.1, format: .bfloat16), 260),
    (Case(logits: [zeros(259)], target: .probabilities(Numbers([1] + zeros(258))), format: .bfloat16), 260),
    (Case(logits: [zeros(259)], target: first(1), divisor: 1, format: .bfloat16), 260),
    (Case(logits: masked([7, 37]), target: first(2), sampleWeight: [2, 2], divisor: 2, format: .bfloat16), 260),
    (Case(logits: masked([2, 2, 2, 2, 3, 3, 5, 7, 13]), target: first(9), divisor: 1, format: .binary16), .infinity),
    // Roots of whole numbers that are no ties, and ones that are.
    (Case(logits: masked([9, 4]), target: first(2)), 6),
    (Case(logits: [zeros(67_081)], target: first(1), divisor: 2, format: .bfloat16), 260),
    (Case(logits: [zeros(3)], target: teacher(zeros(3)), weight: [1, 1, 4], divisor: 0.375), 350.46664558470025),
    // Teachers whose weights have rational means, of as many classes in one row as in the other or not.
    (
      Case(
        logits: level(7, rows: 2), target: teacher([0, 2, 2, 8, 8, 8, no], [8, 0, 0, 2, 2, 2, no]),
        weight: [3, 2, 4, 1, 5, 3, 1], format: .bfloat16), 344
    ),
    (
      Case(
        logits: level(7, rows: 2), target: teacher(masked([2, 7])[0], masked([1, 7])[0]),
        weight: [3, 3, 1, 1, 1, 1, 1], format: .bfloat16), 344
    ),
    // A row with one class adds nothing, whatever its weights.
    (
      Case(
        logits: masked([17, 1]), target: teacher(masked([2, 17])[0], masked([1, 17])[0]),
        weight: [4, 0] + [Double](repeating: 1, count: 15), divisor: 1, format: .bfloat16), 288
    ),
    // (1 - 1/17) 17 log 17 / 8 = 2 log 17.
    (
      Case(
        logits: [zeros(17)], target: first(1), weight: [17] + [Double](repeating: 1, count: 16), focalGamma: 1,
        divisor: 8, format: .bfloat16), 288
    ),
    // A faint class more: above half-way.
    (Case(logits: [zeros(257) + [-1e9]], target: first(1), format: .bfloat16), 258),
    (Case(logits: [zeros(257) + [-11_000]], target: first(1), format: .bfloat16), 258),
    (Case(logits: [zeros(2049) + [-1e9]], target: first(1), format: .binary16), 2050),
  ]

  @Test("A perplexity of level rows is told by its primes", arguments: perplexities)
  func perplexity(of tie: Case, value: Double) throws { #expect(try tie.loss(perplexity: true) == value) }

  /// LSE of the second row is 5e-93, and λ LSE² some number up to λ 2^-606 as far as 256 bits tell.
  static let penalties: [(logits: [Double], weight: [Double], lambda: Double, value: Double)] = [
    (
      [
        -0.25, -1.5086915494460322, -38.373501613214735, -71.28699931044213, -103.43533770764908, -136.12743249541427,
        -168.3709099583229,
      ], [1, 1, 1, 1, 1, 1, 1], 6.378463709044095e173, 9.487735836358526
    ), (nearlyCancelled, [0, 1, 1, 1, 1, 1, 1, 1], 1e184, 1.2771126020052004),
    (nearlyCancelled, [0, 1, 1, 1, 1, 1, 1, 1], 1e185, 11.542287920573129),
    (nearlyCancelled, [0, 1, 1, 1, 1, 1, 1, 1], 1.7e308, .infinity),
  ]
  private static let nearlyCancelled = [
    -0.2495435087091941, -1.5103004297581744, -42.204113481237236, -75.90240366301926, -109.40703597230443,
    -143.7002312452281, -175.33854166560687, -206.754090380534,
  ]

  @Test("Where LSE nearly cancels, e^loss waits until the loss is known", arguments: penalties)
  func perplexityBesidePenalty(logits: [Double], weight: [Double], lambda: Double, value: Double) throws {
    let tie = Case(logits: [logits], target: .indices([0]), weight: weight, zLoss: lambda, divisor: 1)
    #expect(try tie.loss(perplexity: true) == value)
  }

  @Test("Capped logits that are half-way but for faint parts")
  func capped() throws {
    func solve(_ logits: [Double], _ output: SoftmaxOutput) throws -> [Double]? {
      try SoftmaxProblem(
        logits: logits, layout: Layout(shape: [logits.count], axis: 0), softcap: 65_792, format: .bfloat16
      ).solve([output], Execution()).numbers[output]
    }
    #expect(try solve([1e300, -1e300], .logProbabilities) == [0, -132_096])
    #expect(try solve([1e300, 5], .logSumExp) == [66_048])
    #expect(try solve([1e300], .logSumExp) == [65_536])
  }

  // MARK: Logits and targets

  private static let no = -Double.infinity
  private static func zeros(_ count: Int) -> [Double] { Array(repeating: 0, count: count) }
  private static func level(_ classes: Int, rows: Int) -> [[Double]] { Array(repeating: zeros(classes), count: rows) }
  /// Level rows of this many classes each, the others masked.
  private static func masked(_ counts: [Int]) -> [[Double]] {
    let classes = counts.max() ?? 0
    return counts.map { zeros($0) + Array(repeating: no, count: classes - $0) }
  }
  /// The first class of each row.
  private static func first(_ rows: Int) -> Target { .indices(Array(repeating: 0, count: rows)) }
  private static func teacher(_ logits: [Double]...) -> Target { .logits(Numbers(logits.flatMap { $0 })) }
}
