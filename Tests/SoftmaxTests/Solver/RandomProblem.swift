import Softmax
import VectorKernels
import TestSupport

/// Random problems with every option: a seed names a case.
struct RandomProblem: RandomNumberGenerator {
  private var random: SplitMix64

  init(seed: UInt64) { random = SplitMix64(seed) }

  mutating func next() -> UInt64 { random.next() }

  /// How a row's logits are drawn.
  enum Family: CaseIterable {
    case random, confident, wide, offset, level, nearLevel, nearTies, ties, masked, subnormal, halfWay, boundary,
      tiny, anyBits
  }

  struct Case {
    var softmax: SoftmaxProblem
    var loss: LossProblem?
    var upstream: [Double]?
    var vector: Numbers?
    var outputs: ShortList<SoftmaxOutput>
    /// How many classes the outputs of the largest logits are about.
    var top: Int
  }

  mutating func pick<T>(_ choices: T...) -> T { choices[Int.random(in: choices.indices, using: &self)] }
  mutating func chance(_ p: Double) -> Bool { Double.random(in: 0..<1, using: &self) < p }
  mutating func uniform(_ low: Double, _ high: Double) -> Double { Double.random(in: low...high, using: &self) }
  mutating func power(_ range: ClosedRange<Int>) -> Double {
    Double(sign: .plus, exponent: Int.random(in: range, using: &self), significand: 1)
  }

  /// Any significand, and an exponent of the range.
  mutating func any(_ range: ClosedRange<Int>) -> Double { uniform(1, 2) * power(range) }

  /// About normal: the sum of twelve uniforms less six.
  mutating func gauss() -> Double { (0..<12).reduce(-6.0) { sum, _ in sum + Double.random(in: 0..<1, using: &self) } }

  /// Any finite double, its bits uniform.
  mutating func anyBits() -> Double {
    let x = Double(bitPattern: next())
    return x.isFinite ? x : 0.5
  }

  mutating func logit(_ family: Family, scale: Double) -> Double {
    switch family {
    case .random: gauss() * scale
    case .confident: chance(0.3) ? uniform(20, 745) : gauss()
    case .wide: uniform(-1, 1) * pick(1e3, 1e4, 1e16, 1e300, 1.7e308)
    case .offset: pick(1e8, 1e15, -1e15) * 1 + (chance(0.5) ? gauss() : Double(Int.random(in: -40...40, using: &self)))
    case .level: scale
    case .nearLevel: pick(0, 1, -1, 3) * power(-1074 ... -20)
    case .nearTies: Double(bitPattern: (scale * 3).bitPattern &+ UInt64.random(in: 0...4, using: &self))
    case .ties: pick(0, 1.5, -2, -40, -800)
    case .masked: chance(0.4) ? -.infinity : gauss()
    case .subnormal: -uniform(690, 760)
    case .halfWay: pick(9_007_199_254_740_991, 9_007_199_254_740_990, -1, -0.5, 0.25, -3) - (chance(0.2) ? 2 : 0)
    case .boundary: -pick(345.0, 485, 600, 620, 640, 690, 708, 894) + uniform(-3, 3)
    case .tiny: pick(1, -1) * any(-1074 ... -940)
    case .anyBits: chance(0.5) ? anyBits() : gauss()
    }
  }

  mutating func row(_ classes: Int) -> [Double] {
    let family = Family.allCases[Int.random(in: Family.allCases.indices, using: &self)]
    let scale = pick(0.01, 1, 1, 3, 10)
    var row = (0..<classes).map { _ in logit(family, scale: scale) }
    if family == .subnormal || family == .boundary || !row.contains(where: { $0 > -.infinity }) { row[0] = 0 }
    return row
  }

  mutating func nextCase() throws -> Case {
    let classes =
      chance(0.9) ? Int.random(in: 1...16, using: &self) : Int.random(in: 17...(chance(0.1) ? 3000 : 200), using: &self)
    let rows = chance(0.6) ? 1 : Int.random(in: 2...(classes <= 16 && chance(0.2) ? 20 : 5), using: &self)
    let isLast = chance(0.7)
    let (logits, layout) = tensor((0..<rows).map { _ in row(classes) }, isLast: isLast)
    let temperature =
      chance(0.75)
      ? 1
      : pick(
        0.5, 2, 3, 0.7, 1e-3, 1e5, power(-902...502), any(-902...502), 1e-160, 1e-300, 1e300, .leastNonzeroMagnitude,
        1e308)
    let softcap = chance(0.9) ? nil : pick(30, uniform(0.1, 5), any(-30...30), any(-1070...1023))
    let softmax = try SoftmaxProblem(
      logits: logits, layout: layout, temperature: temperature,
      softcap: softcap, format: chance(0.7) ? .binary64 : pick(.binary32, .binary16, .bfloat16))
    var outputs: ShortList<SoftmaxOutput> = [.probabilities, .logProbabilities, .logSumExp, .entropy, .argmax]
    if classes <= 8 { outputs.append(.jacobian) }
    let top = Int.random(in: 1...classes, using: &self)
    for output in [SoftmaxOutput.topIndices, .topProbabilities, .topLogProbabilities] { outputs.append(output) }
    var made = Case(softmax: softmax, loss: nil, upstream: nil, vector: nil, outputs: outputs, top: top)
    let reduction: Reduction = pick(.none, .sum, .mean)
    // Parts below every width, of both signs, would be told apart by no stage (docs/numerics.md §6).
    let isModerate = Self.areModerate(logits) && temperature >= 0.5 && temperature <= 10
    let isIndex = chance(0.55)
    let target =
      isIndex
      ? indices(layout)
      : isModerate && chance(0.3) ? teacher(rows, classes, isLast: isLast) : try probabilities(softmax)
    let smoothing = chance(0.7) ? 0 : pick(0.1, 1, 1e-17, .leastNonzeroMagnitude)
    do {
      made.loss = try LossProblem(
        softmax: softmax, target: target, weight: chance(0.4) ? factors(classes) : nil,
        sampleWeight: chance(0.3) ? factors(rows) : nil, ignoreIndex: -1,
        labelSmoothing: smoothing, reduction: reduction,
        zLoss: isModerate && chance(0.3) ? factors(1)[0] : 0,
        focalGamma: isModerate && smoothing == 0 && isIndex && chance(0.3)
          ? pick(0.5, 1, 2, uniform(0, 8), factors(1)[0]) : 0,
        divisor: chance(0.2) ? pick(1, 3, 64, uniform(0.5, 1e6), .leastNonzeroMagnitude, 1e308) : nil)
      let count = reduction == .none ? rows : 1
      if chance(0.4) { made.upstream = (0..<count).map { _ in pick(0, -1, 2.5, gauss(), 1e300, any(-900...1022)) } }
      if isModerate, chance(0.3) { made.vector = Numbers(logits.map { _ in pick(0, 1, gauss(), any(-900...900)) }) }
    } catch ProblemError.zeroNormaliser {}
    return made
  }

  private mutating func factors(_ count: Int) -> [Double] {
    if chance(0.2) { return (0..<count).map { _ in any(-300...300) } }
    let isHostile = chance(0.3)
    return (0..<count).map { _ in
      isHostile
        ? pick(0, .leastNonzeroMagnitude, 3 * Double.leastNonzeroMagnitude, 1e-300, 0.5, 1.5, 1e300, 1.7e308)
        : pick(1, 0, uniform(0, 3), uniform(0, 3), power(-64...64))
    }
  }

  private mutating func indices(_ layout: Layout) -> Target {
    .indices((0..<layout.batch).map { _ in chance(0.1) ? -1 : Int.random(in: 0..<layout.classes, using: &self) })
  }

  private mutating func teacher(_ rows: Int, _ classes: Int, isLast: Bool) -> Target {
    let logits = tensor((0..<rows).map { _ in row(classes) }, isLast: isLast).numbers
    if Self.areModerate(logits) { return .logits(Numbers(logits)) }
    return .logits(Numbers(logits.map { $0 == -.infinity ? 0 : $0.remainder(dividingBy: 8) }))
  }

  /// Whether no exponential of a difference is below 2^-6000.
  private static func areModerate(_ logits: [Double]) -> Bool {
    logits.allSatisfy { $0 == -.infinity || $0.magnitude <= 1000 }
  }

  /// The rounded softmax itself (self-distillation), loose numbers, or such as products of may underflow.
  private mutating func probabilities(_ softmax: SoftmaxProblem) throws -> Target {
    if chance(0.4), let teacher = try softmax.solve([.probabilities], Execution()).probabilities {
      return .probabilities(Numbers(teacher))
    }
    let isTiny = chance(0.2)
    return .probabilities(
      Numbers(
        softmax.logits.map { _ in
          isTiny ? pick(0, 0.5, any(-1074 ... -800)) : pick(0, 0.5, 1, uniform(0, 1), uniform(0, 1))
        }))
  }
}
