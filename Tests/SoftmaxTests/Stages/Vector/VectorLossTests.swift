import VectorKernels
import TestSupport
import Testing

@testable import Softmax

/// What the vector stage proves of the losses beyond cross-entropy, and of the derivation, has the bits of the interval
/// stage; and it proves nearly all of everyday rows.
@Suite("Vector stage: losses, caps, derivations")
struct VectorLossTests {
  enum Kind: CaseIterable {
    case zLoss, focalLoss, bothLosses, weightedZLoss, teacher, nearTeacher, divergence, softDivergence, derivation
    case hessian, softHessian, oneHotHessian, smoothedTeacher, weightedTeacher, teacherHessian
    case capped, cappedLoss, cappedBothLosses, cappedWeights, cappedTeacher, cappedDivergence

    static let withCap: [Self] = [
      .capped, .cappedLoss, .cappedBothLosses, .cappedWeights, .cappedTeacher, .cappedDivergence,
    ]
  }

  /// Rows of a kind, and what is asked of them.
  struct Question {
    let kind: Kind
    let loss: LossProblem
    var vector: Numbers = []
    var upstream: [Double]?

    /// All numbers of the answer, in some order.
    func answer(_ execution: Execution, from stage: Stage, counting counter: StageCounter? = nil) throws -> [Double] {
      switch kind {
      case .hessian, .softHessian, .oneHotHessian, .teacherHessian:
        return try loss.hessianVectorProduct(vector, upstream: upstream, execution, from: stage, counting: counter)
      case .divergence, .softDivergence, .cappedDivergence:
        return try loss.klDivergence(execution, from: stage, counting: counter)
      case .derivation:
        let found = try loss.softmax.derivation(
          target: loss.softmax.logits.firstIndex { $0 > -.infinity } ?? 0, execution, from: stage, counting: counter)
        return DerivationStep.allCases.flatMap { found[$0] ?? [] }
      case .capped:
        var outputs: ShortList<SoftmaxOutput> = [.probabilities, .logProbabilities, .logSumExp, .entropy]
        if loss.softmax.layout.classes <= 8 { outputs.append(.jacobian) }
        let found = try loss.softmax.solve(outputs, execution, from: stage, counting: counter)
        return (found.probabilities ?? []) + (found.logProbabilities ?? []) + (found.logSumExp ?? [])
          + (found.entropy ?? []) + (found.jacobian ?? [])
      case .zLoss, .focalLoss, .bothLosses, .weightedZLoss, .teacher, .nearTeacher, .cappedLoss, .cappedBothLosses,
        .cappedWeights, .cappedTeacher, .smoothedTeacher, .weightedTeacher:
        let found = try loss.lossAndGradient(
          upstream: upstream, loss: true, gradient: true, execution, from: stage, counting: counter)
        return (found.loss ?? []) + (found.gradient ?? [])
      }
    }
  }

  /// - Parameters:
  ///   - source: chooses the options, hostile ones if `isHostile`.
  ///   - isLast: whether the class axis is the last.
  static func question(
    _ kind: Kind, _ rows: [[Double]], teachers: [[Double]], isHostile: Bool, isLast: Bool,
    _ source: inout RandomProblem
  ) throws -> Question {
    let single = kind == .derivation
    let (rows, teachers) = single ? ([rows[0]], [teachers[0]]) : (rows, teachers)
    let classes = rows[0].count
    let (logits, layout) = tensor(rows, isLast: isLast)
    let softmax = try SoftmaxProblem(
      logits: logits, layout: layout,
      temperature: isHostile ? source.pick(1, 1, 2, 0.7, 1e-3, 1e5) : 2,
      softcap: Kind.withCap.contains(kind) ? (isHostile ? source.pick(30, 5, 0.3, 1000, 1e-5) : 30) : nil,
      format: isHostile && source.chance(0.3) ? source.pick(.binary32, .binary16, .bfloat16) : .binary64)
    let indices = Target.indices(rows.map { _ in Int.random(in: 0..<classes, using: &source) })
    let shares = Target.probabilities(
      Numbers(logits.map { _ in source.pick(0, 0.5, source.uniform(0, 1)) }))
    let target: Target
    var (smoothing, weights) = (0.0, isHostile && source.chance(0.4))
    switch kind {
    case .zLoss, .focalLoss, .bothLosses, .hessian, .oneHotHessian, .derivation, .capped, .cappedLoss,
      .cappedBothLosses:
      target = indices
    case .softDivergence: target = shares
    case .weightedZLoss, .softHessian, .cappedWeights: (target, smoothing) = (shares, source.pick(0, 0.1))
    case .teacher, .nearTeacher, .divergence, .smoothedTeacher, .weightedTeacher, .teacherHessian, .cappedTeacher,
      .cappedDivergence:
      target = .logits(Numbers(tensor(teachers, isLast: isLast).numbers))
    }
    if [.divergence, .softDivergence, .cappedDivergence].contains(kind) { weights = false }
    if kind == .smoothedTeacher || kind == .teacherHessian { smoothing = source.pick(0.1, 1, 1e-17, 0.5) }
    if kind == .weightedTeacher { weights = true }
    let isEven = kind == .weightedTeacher ? false : source.chance(0.5)
    let hasPenalty = [.zLoss, .bothLosses, .weightedZLoss, .cappedBothLosses].contains(kind)
    let isFocal = [.focalLoss, .bothLosses, .cappedBothLosses].contains(kind)
    let reduction: Reduction = source.pick(.none, .sum, .mean)
    let loss = try LossProblem(
      softmax: softmax, target: target,
      weight: weights ? (0..<classes).map { _ in isEven ? 0.75 : source.pick(1, 0.3, 0, 1e-12, 7e5) } : nil,
      sampleWeight: isHostile && source.chance(0.4) ? rows.map { _ in source.pick(1, 0.7, 0, 1e-200, 3e4) } : nil,
      labelSmoothing: smoothing, reduction: reduction,
      zLoss: hasPenalty ? (isHostile ? source.pick(1e-4, 0.5, 3, 1e-300, 1e200) : 1e-4) : 0,
      focalGamma: isFocal ? (isHostile ? source.pick(2, 0.5, 1, 7.5, 1e-300, 500) : 2) : 0, divisor: 3)
    var question = Question(kind: kind, loss: loss)
    question.vector = Numbers(
      softmax.logits.map { _ in isHostile ? source.pick(0, 1, 1e-200, -3e100, source.gauss()) : source.gauss() })
    if kind == .oneHotHessian {
      let (hot, others) = (Int.random(in: 0..<classes, using: &source), isHostile ? source.pick(0.0, 1, 0.1) : 0)
      question.vector = Numbers(
        tensor(rows.map { row in row.indices.map { $0 == hot ? 1 : others } }, isLast: isLast).numbers)
    }
    if isHostile, source.chance(0.4) {
      question.upstream =
        reduction == .none
        ? rows.map { _ in source.pick(1, -2.5, 0, 1e-300, 1e290) } : [source.pick(1, -0.3, 0x1p-1040)]
    }
    return question
  }

  /// Whether no exponential of a difference is below 2^-6000: parts below every width, of both signs, would be told
  /// apart by no stage (docs/numerics.md §6).
  private static func isModerate(_ row: [Double]) -> Bool {
    row.allSatisfy { $0 == -.infinity || $0.magnitude <= 1000 }
  }

  @Test(arguments: Kind.allCases)
  func hostileRows(kind: Kind) throws {
    for k in repetitions(400) {
      var source = RandomProblem(seed: UInt64(k) &* 31 &+ randomSeed)
      let classes = source.chance(0.1) ? 70 : Int.random(in: 1...17, using: &source)
      func rows() -> [[Double]] {
        (0..<Int.random(in: 1...4, using: &source)).map { _ in
          let row = source.row(classes)
          return Self.isModerate(row) ? row : row.map { $0 == -.infinity ? 0 : $0.remainder(dividingBy: 700) }
        }
      }
      let students = rows()
      let teachers = students.map { row in
        guard kind == .nearTeacher || kind == .divergence && source.chance(0.5) else {
          let other = source.row(classes)
          return Self.isModerate(other) ? other : other.map { $0 == -.infinity ? 0 : $0.remainder(dividingBy: 700) }
        }
        let (step, shift) = (source.pick(0, 0, 1e-13, 1e-6), source.pick(0.0, 1, -3))
        return row.map { $0 + shift + step * source.gauss() }
      }
      let question = try Self.question(
        kind, students, teachers: teachers, isHostile: true, isLast: source.chance(0.7), &source)
      let truth = try question.answer(Execution(), from: .interval)
      for level in levelsHere {
        let found = try question.answer(Execution(level: level), from: .vector)
        #expect(found.map(\.bitPattern) == truth.map(\.bitPattern), "case \(k) of \(kind), \(level): \(students)")
      }
    }
  }

  /// Of 64,000 everyday numbers about one is open in 2^20: here hardly any, with a margin of the rows' own.
  @Test(arguments: Kind.allCases.filter { $0 != .nearTeacher })
  func everydayRowsAreDecided(kind: Kind) throws {
    var source = RandomProblem(seed: 5)
    func rows() -> [[Double]] { (0..<64).map { _ in (0..<1000).map { _ in source.gauss() * 3 } } }
    for isLast in [true, false] {
      let question = try Self.question(
        kind, rows(), teachers: rows(), isHostile: false, isLast: isLast, &source)
      for level in levelsHere {
        let counter = StageCounter()
        let found = try question.answer(Execution(level: level), from: .vector, counting: counter)
        #expect(
          counter.total.outputs > 0 && counter.total.ball <= 3, "\(counter.total.ball) of \(counter.total.outputs) open"
        )
        #expect(found.filter(\.isNaN).isEmpty)
      }
    }
  }

  /// Beside a cap padding's derivatives are known, zeros or not, whatever number the padding is and however long the
  /// row.
  @Test(arguments: levelsHere, [-1e4, -1e9, -0x1.fffffep127, -1.7e308])
  func paddingBesideACap(level: KernelLevel, padding: Double) throws {
    for k in repetitions(40) {
      var source = RandomProblem(seed: UInt64(k) &+ randomSeed)
      let (rows, classes) = (source.pick(1, 4, 9), source.pick(3, 10, 70, 300))
      let width = Int.random(in: 2...classes, using: &source)
      func row(_ padding: Double) -> [Double] {
        (0..<classes).map { $0 < width ? source.gauss() * source.pick(3, 1, 100) : padding }
      }
      let softmax = try SoftmaxProblem(
        logits: Numbers((0..<rows).flatMap { _ in row(padding) }), layout: Layout(shape: [rows, classes], axis: 1),
        temperature: source.pick(1, 1, 0.5), softcap: source.pick(30, 30, 50, 20, 16),
        format: source.pick(.binary64, .binary64, .binary32, .bfloat16))
      let teacher = try SoftmaxProblem(
        logits: Numbers((0..<rows).flatMap { _ in row(-.infinity) }), layout: softmax.layout)
      let shares = try teacher.solve([.probabilities], Execution()).probabilities ?? []
      // What is smoothed has a share of the padding too, and no stage is as good at that as long as it counts.
      let smoothing = padding < -1e5 ? source.pick(0, 0.1) : 0
      let target: Target =
        source.chance(0.4) && smoothing == 0
        ? .probabilities(Numbers(shares))
        : .indices((0..<rows).map { _ in Int.random(in: 0..<width, using: &source) })
      let loss = try LossProblem(
        softmax: softmax, target: target, labelSmoothing: smoothing, reduction: source.pick(.none, .sum, .mean))
      let counter = StageCounter()
      let found = try loss.lossAndGradient(
        upstream: nil, loss: false, gradient: true, Execution(level: level), from: .vector, counting: counter)
      let truth = try loss.lossAndGradient(
        upstream: nil, loss: false, gradient: true, Execution(), from: .interval)
      #expect(found.gradient?.map(\.bitPattern) == truth.gradient?.map(\.bitPattern), "case \(k)")
      #expect(counter.total.ball <= 2, "\(counter.total.ball) of \(counter.total.outputs): case \(k)")
    }
  }

  /// Rows with a target that is sure of the same class leave hardly anything open, though all but a faint part of
  /// U - u cancels.
  @Test(arguments: levelsHere) func confidentTargetsAreDecided(level: KernelLevel) throws {
    for k in repetitions(60) {
      var source = RandomProblem(seed: UInt64(k) &+ randomSeed)
      let (rows, classes, isTeacher) = (source.pick(2, 16), source.pick(2, 10, 200), source.chance(0.5))
      let tops = (0..<rows).map { _ in Int.random(in: 0..<classes, using: &source) }
      func logits() -> [Double] {
        tops.flatMap { top in (0..<classes).map { source.gauss() * 3 + ($0 == top ? source.uniform(30, 90) : 0) } }
      }
      let shape = Layout(shape: [rows, classes], axis: 1)
      let softmax = try SoftmaxProblem(
        logits: Numbers(logits()), layout: shape, softcap: isTeacher ? source.pick(30, 50) : source.pick(nil, 30, 50))
      let other = Numbers(logits())
      let shares = try SoftmaxProblem(logits: other, layout: shape).solve([.probabilities], Execution())
      let loss = try LossProblem(
        softmax: softmax, target: isTeacher ? .logits(other) : .probabilities(Numbers(shares.probabilities ?? [])),
        reduction: source.pick(.none, .sum, .mean))
      let counter = StageCounter()
      let found = try loss.lossAndGradient(
        upstream: nil, loss: true, gradient: true, Execution(level: level), from: .vector, counting: counter)
      let truth = try loss.lossAndGradient(upstream: nil, loss: true, gradient: true, Execution(), from: .interval)
      #expect(found.gradient?.map(\.bitPattern) == truth.gradient?.map(\.bitPattern), "case \(k)")
      #expect(found.loss?.map(\.bitPattern) == truth.loss?.map(\.bitPattern), "case \(k)")
      #expect(counter.total.ball <= 2, "\(counter.total.ball) of \(counter.total.outputs): case \(k)")
    }
  }

  /// Probabilities in place of logits: the vector stage has the bits of the others, and leaves none of everyday rows.
  @Test(arguments: levelsHere) func givenProbabilities(level: KernelLevel) throws {
    for k in repetitions(200) {
      var source = RandomProblem(seed: UInt64(k) &+ randomSeed)
      let (rows, classes, isHostile) = (source.pick(1, 3, 20), source.pick(1, 2, 10, 70), source.chance(0.5))
      let count = rows * classes
      let logits = Numbers((0..<count).map { _ in source.gauss() * 3 })
      let layout = Layout(shape: [rows, classes], axis: 1)
      let softmax = try SoftmaxProblem(logits: logits, layout: layout)
      var probabilities = try softmax.solve([.probabilities], Execution()).probabilities ?? []
      if isHostile {
        probabilities = probabilities.map {
          source.pick($0, $0, 1, 1 - 0x1p-53, 0.5, 0, 1e-300, Double.leastNonzeroMagnitude, source.uniform(0, 1))
        }
      }
      let indices = Target.indices((0..<rows).map { _ in Int.random(in: 0..<classes, using: &source) })
      let shares = Target.probabilities(
        Numbers((0..<count).map { _ in source.pick(0, 1, 0.5, source.uniform(0, 1)) }))
      let loss = try LossProblem(
        softmax: SoftmaxProblem(
          logits: Numbers(probabilities), layout: layout,
          format: source.pick(.binary64, .binary64, .binary32, .bfloat16)),
        takesProbabilities: true, target: source.pick(indices, shares),
        weight: source.chance(0.3) ? (0..<classes).map { _ in source.pick(1, 0.3, 7e5) } : nil,
        sampleWeight: source.chance(0.3) ? (0..<rows).map { _ in source.pick(1, 0.7, 0, isHostile ? 1e-200 : 3) } : nil,
        labelSmoothing: source.pick(0, 0, 0.1), reduction: source.pick(.none, .sum, .mean), divisor: 3)
      let upstream =
        loss.reduction == .none ? (0..<rows).map { _ in source.pick(1, -2.5, 0) } : [source.pick(1, -0.3)]
      let counter = StageCounter()
      let found = try loss.lossAndGradient(
        upstream: upstream, loss: true, gradient: true, Execution(level: level), from: .vector, counting: counter)
      let truth = try loss.lossAndGradient(
        upstream: upstream, loss: true, gradient: true, Execution(), from: .interval)
      #expect(found.loss?.map(\.bitPattern) == truth.loss?.map(\.bitPattern), "case \(k): \(probabilities)")
      #expect(found.gradient?.map(\.bitPattern) == truth.gradient?.map(\.bitPattern), "case \(k): \(probabilities)")
      #expect(isHostile || counter.total.ball <= 1, "\(counter.total.ball) of \(counter.total.outputs): case \(k)")
    }
  }

  /// The loop for capped logits keeps the bounds of its docstring, and is exact for the maximum and what equals it.
  @Test(arguments: levelsHere)
  func cappedLogits(level: KernelLevel) throws {
    let big = IntervalArithmetic.standard
    let some = try SoftmaxProblem(logits: [0, 1], layout: Layout(shape: [2], axis: 0))
    let (loops, table) = (VectorRow(some, level).loops, exponentialTable)
    var poll = CancellationPoll()
    var random = SplitMix64(3)
    for _ in repetitions(200) {
      let c = [1e-3, 0.5, 30, 50, 1e4][random.int(in: 0...4)]
      let width = [1e-6, 0.1, 1, 5, 100][random.int(in: 0...4)] * c
      var row = (0..<random.int(in: 1...20)).map { _ in random.double(in: -1...1) * width }
      row.append(row[0])
      let maximum = row.max() ?? 0
      let cap = RowCap(c, temperature: 0.7)
      let count = 2 * paddedCount(row.count)
      var (arguments, slopes) = ([Double](repeating: 0, count: count), [Double](repeating: 0, count: count))
      var z = arguments.mutableSpan
      var slope = slopes.mutableSpan
      loops.capped(
        row.span, maximum: maximum, cap: cap.shift, scale: cap.scale, table: table.span, into: &z,
        slopes: &slope)
      let truth = try SoftCap(c, maximum: maximum, big, &poll)
      func isWithin(_ pairs: [Double], _ i: Int, of real: Interval<FixedLimbs>, _ bound: Interval<FixedLimbs>) -> Bool {
        let difference = big.exact(pairs[i]) + big.exact(pairs[count / 2 + i]) - real
        return !(bound.lower < difference.upper) && !(bound.lower < (-difference).upper)
      }
      for (i, a) in row.enumerated() {
        if a == maximum {
          #expect(arguments[i] == 0 && arguments[count / 2 + i] == 0)
        } else {
          let real = try -truth.gap(a, &poll) / big.exact(0.7)
          #expect(isWithin(arguments, i, of: real, big.exact(cap.error)), "\(a) of \(c)")
        }
        let real = try truth.slope(a, &poll)
        #expect(isWithin(slopes, i, of: real, real * big.exact(VectorRow.capSlopeError)), "\(a) of \(c)")
      }
    }
  }
}
