import VectorKernels
import TestSupport
import Testing

@testable import Softmax

/// Short rows are done eight at a time. What each gets must not depend on its neighbours, on how many rows there are,
/// or on where the class axis is.
@Suite("Short rows")
struct GroupedRowsTests {
  static let lengths = Array(1...66)

  private func problem(
    _ rows: [[Double]], isLast: Bool, temperature: Double = 1, softcap: Double? = nil
  ) throws -> SoftmaxProblem {
    let (logits, layout) = tensor(rows, isLast: isLast)
    return try SoftmaxProblem(logits: logits, layout: layout, temperature: temperature, softcap: softcap)
  }

  /// Every length, any number of rows, rows of all kinds side by side: the bits are those of the interval stage.
  @Test(arguments: lengths)
  func everyLength(classes: Int) throws {
    for k in repetitions(2) {
      var source = RandomProblem(seed: UInt64(classes * 1000 + k))
      let rows = (0..<Int.random(in: 3...(classes > 20 ? 5 : 17), using: &source)).map { _ in source.row(classes) }
      let isLast = source.chance(0.7)
      let softmax = try problem(
        rows, isLast: isLast, temperature: source.pick(1, 0.7), softcap: source.pick(nil, nil, 30, 5, 0.3, 3000))
      let loss = try LossProblem(
        softmax: softmax,
        target: .indices(rows.map { _ in source.chance(0.1) ? -100 : Int.random(in: 0..<classes, using: &source) }),
        weight: source.chance(0.5) ? (0..<classes).map { _ in source.pick(1, 0.3, 0, 1e-12, 7e5) } : nil,
        sampleWeight: source.chance(0.5) ? rows.map { _ in source.pick(1, 0.7, 0, 1e-9, 3e4) } : nil,
        reduction: source.pick(.none, .sum, .mean),
        zLoss: source.chance(0.5) ? 0 : source.pick(1e-4, 0.5, 3, 1e-300, 1e200),
        focalGamma: source.chance(0.5) ? 0 : source.pick(2, 0.5, 1, 7.5, 1e-300, 500), divisor: 3)
      let upstream = loss.reduction == .none ? rows.map { _ in source.pick(1, -2.5, 0, 1e-7) } : [source.pick(1, -0.3)]
      var outputs: ShortList<SoftmaxOutput> = [.probabilities, .logProbabilities, .argmax]
      for other in [SoftmaxOutput.logSumExp, .entropy, .topIndices, .topProbabilities, .topLogProbabilities] {
        outputs.append(other)
      }
      let top = Int.random(in: 1...classes, using: &source)
      let truth = try softmax.solve(outputs, top: top, Execution(), from: .interval)
      let lossTruth = try loss.lossAndGradient(
        upstream: upstream, loss: true, gradient: true, Execution(), from: .interval)
      for level in levelsHere {
        let execution = Execution(level: level)
        #expect(try softmax.solve(outputs, top: top, execution) == truth, "\(rows)")
        #expect(
          try loss.lossAndGradient(upstream: upstream, loss: true, gradient: true, execution) == lossTruth, "\(rows)")
      }
    }
  }

  /// Rows with teachers of all kinds: the same except for a constant, near or far.
  @Test(arguments: [1, 2, 3, 7, 10, 33, 64, 66]) func teachers(classes: Int) throws {
    for k in repetitions(12) {
      var source = RandomProblem(seed: UInt64(classes * 1000 + k))
      func moderate(_ row: [Double]) -> [Double] {
        row.allSatisfy { $0 == -.infinity || $0.magnitude <= 1000 }
          ? row : row.map { $0 == -.infinity ? 0 : $0.remainder(dividingBy: 700) }
      }
      let rows = (0..<Int.random(in: 3...17, using: &source)).map { _ in moderate(source.row(classes)) }
      let teachers = rows.map { row in
        if source.chance(0.2) {
          let shift = source.pick(0, 0, 0.5, -3)
          return row.map { $0 + shift }
        }
        return source.chance(0.3) ? row.map { $0 + source.pick(0, 1, 1e-9) } : moderate(source.row(classes))
      }
      let isLast = source.chance(0.7)
      let weight = source.pick(nil, nil, 0.7)
      let softcap = source.pick(nil, nil, 30.0, 4)
      let loss = try LossProblem(
        softmax: try problem(rows, isLast: isLast, softcap: softcap),
        target: .logits(try problem(teachers, isLast: isLast).logits),
        weight: weight.map { [Double](repeating: $0, count: classes) },
        sampleWeight: source.chance(0.5) ? rows.map { _ in source.pick(1, 0.7, 0, 1e-9, 3e4) } : nil,
        reduction: source.pick(.none, .sum, .mean), zLoss: source.chance(0.6) ? 0 : 1e-3, divisor: 3)
      let truth = try loss.lossAndGradient(
        upstream: nil, loss: true, gradient: true, Execution(), from: .interval)
      let divergence = weight == nil ? try loss.klDivergence(Execution(), from: .interval) : nil
      for level in levelsHere {
        let execution = Execution(level: level)
        #expect(
          try loss.lossAndGradient(upstream: nil, loss: true, gradient: true, execution) == truth, "\(rows) \(teachers)"
        )
        if let divergence { #expect(try loss.klDivergence(execution) == divergence, "\(rows) \(teachers)") }
      }
    }
  }

  /// Jacobians of two classes, whose entries are one number of either sign.
  @Test(arguments: levelsHere) func jacobiansOfTwoClasses(level: KernelLevel) throws {
    for k in repetitions(60) {
      var source = RandomProblem(seed: UInt64(k) &+ randomSeed)
      let rows = (0..<Int.random(in: 3...70, using: &source)).map { _ in source.row(2) }
      let softmax = try problem(
        rows, isLast: source.chance(0.7), temperature: source.pick(1, 1, 0.7, 1e-160, 1e100),
        softcap: source.pick(nil, nil, nil, 30))
      let truth = try softmax.solve([.jacobian, .probabilities], Execution(), from: .interval)
      #expect(try softmax.solve([.jacobian, .probabilities], Execution(level: level)) == truth, "\(rows)")
    }
    var source = RandomProblem(seed: 3)
    let softmax = try problem((0..<64).map { _ in [source.gauss() * 3, source.gauss()] }, isLast: true)
    _ = try ResultBuffer.arrays([256]) { buffers throws(ComputationError) in
      var groups = GroupedRows(softmax, level)
      #expect(groups.take(0..<64) == 64)
      #expect(groups.solve(OutputLayout([.jacobian], softmax.layout, into: buffers)) & groups.taken == 0)
    }
  }

  /// Products of the Hessian with vectors of all kinds: level ones, huge and tiny ones, zeros.
  @Test(arguments: [1, 2, 3, 7, 10, 33, 64, 66]) func hessianProducts(classes: Int) throws {
    for k in repetitions(12) {
      var source = RandomProblem(seed: UInt64(classes * 1000 + k))
      let rows = (0..<Int.random(in: 3...17, using: &source)).map { _ in source.row(classes) }
      let vectors = rows.map { _ -> [Double] in
        let scale = source.pick(1, 1, 1, 1e-3, 0x1p63, 0x1p65, 1e-290, 1e300, 0)
        let level = source.chance(0.1)
        return (0..<classes).map { _ in scale * (level ? 0.3 : source.pick(source.gauss(), source.gauss(), 0, 1)) }
      }
      let isLast = source.chance(0.7)
      let indices = Target.indices(rows.map { _ in Int.random(in: 0..<classes, using: &source) })
      let loss = try LossProblem(
        softmax: try problem(rows, isLast: isLast, temperature: source.pick(1, 1, 0.7)),
        target: source.chance(0.8) ? indices : .logits(try problem(rows.reversed(), isLast: isLast).logits),
        weight: source.chance(0.5) ? [Double](repeating: source.pick(0.3, 7e5, 0), count: classes) : nil,
        sampleWeight: source.chance(0.5) ? rows.map { _ in source.pick(1, 0.7, 0, 1e-9, 3e4) } : nil,
        reduction: source.pick(.none, .sum, .mean), divisor: 3)
      let vector = try problem(vectors, isLast: isLast).logits
      let upstream = loss.reduction == .none ? rows.map { _ in source.pick(1, -2.5, 0, 1e-7) } : [source.pick(1, -0.3)]
      let truth = try loss.hessianVectorProduct(vector, upstream: upstream, Execution(), from: .interval)
      for level in levelsHere {
        #expect(
          try loss.hessianVectorProduct(vector, upstream: upstream, Execution(level: level)) == truth,
          "\(rows) \(vectors)")
      }
    }
  }

  /// Rows with target weights of all kinds: the likely class, others, none, tiny and huge ones, softmax itself,
  /// smoothed ones.
  @Test(arguments: [1, 2, 3, 7, 10, 33, 64, 66]) func targetWeights(classes: Int) throws {
    for k in repetitions(6) {
      var source = RandomProblem(seed: UInt64(classes * 1000 + k))
      let rows = (0..<Int.random(in: 3...(classes > 20 ? 5 : 17), using: &source)).map { _ in source.row(classes) }
      let isLast = source.chance(0.7)
      let softmax = try problem(
        rows, isLast: isLast, temperature: source.pick(1, 1, 0.7), softcap: source.pick(nil, nil, nil, 30, 5))
      let probabilities = try #require(try softmax.solve([.probabilities], Execution()).probabilities)
      let kind = source.pick(0, 1, 2, 3, 4, 5, 6)
      let target: Target =
        switch kind {
        case 0: .indices(rows.map { _ in source.chance(0.1) ? -100 : Int.random(in: 0..<classes, using: &source) })
        case 1: .probabilities(Numbers(probabilities.map { _ in source.pick(0, 0, 1) }))
        case 2: .probabilities(Numbers(probabilities.map { source.chance(0.9) ? $0 : source.uniform(0, 1) }))
        case 3: .probabilities(Numbers(probabilities.map { _ in source.uniform(0, 0.5) }))
        case 4: .probabilities(Numbers(probabilities))
        case 5: .probabilities(Numbers(probabilities.map { $0 > 0.5 ? source.pick(1, 1, $0) : 0 }))
        default: .probabilities(Numbers(probabilities.map { _ in source.pick(0, 1, 1e-300, 3e250, 1e-9, 5e7) }))
        }
      let loss = try LossProblem(
        softmax: softmax, target: target,
        weight: source.chance(0.3) ? (0..<classes).map { _ in source.pick(1, 0.3, 0, 1e-12, 7e5) } : nil,
        sampleWeight: source.chance(0.3) ? rows.map { _ in source.pick(1, 0.7, 0, 1e-9, 3e4) } : nil,
        labelSmoothing: kind == 0 || source.chance(0.4) ? source.pick(0.1, 1, 1e-17, 0.5) : 0,
        reduction: source.pick(.none, .sum, .mean), zLoss: source.chance(0.6) ? 0 : 1e-3, divisor: 3)
      let upstream = loss.reduction == .none ? rows.map { _ in source.pick(1, -2.5, 0, 1e-7) } : [source.pick(1, -0.3)]
      let truth = try loss.lossAndGradient(
        upstream: upstream, loss: true, gradient: true, Execution(), from: .interval)
      for level in levelsHere {
        let execution = Execution(level: level)
        #expect(
          try loss.lossAndGradient(upstream: upstream, loss: true, gradient: true, execution) == truth,
          "\(rows) \(target)")
      }
    }
  }

  /// More rows than go at once, whole groups and parts of them, with gaps where rows are ignored.
  @Test(arguments: [1, 3, 10, 40], [63, 64, 65, 130]) func manyRows(classes: Int, count: Int) throws {
    for isLast in [true, false] {
      var source = RandomProblem(seed: UInt64(classes * 1000 + count))
      let rows = (0..<count).map { _ in (0..<classes).map { _ in source.gauss() * 5 } }
      let softmax = try problem(rows, isLast: isLast)
      func target(_ gap: Double) -> Target {
        .indices(rows.map { _ in source.chance(gap) ? -100 : Int.random(in: 0..<classes, using: &source) })
      }
      let losses = try [
        LossProblem(softmax: softmax, target: target(0), reduction: .mean),
        LossProblem(softmax: softmax, target: target(0.2), reduction: .none, zLoss: 0.25),
        LossProblem(
          softmax: softmax, target: target(0.1), sampleWeight: rows.map { _ in source.pick(1, 0.7) }, reduction: .sum),
      ]
      var outputs: ShortList<SoftmaxOutput> = [.probabilities, .logProbabilities, .argmax]
      if classes <= 3 { outputs.append(.jacobian) }
      let truth = try softmax.solve(outputs, Execution(), from: .ball)
      for level in levelsHere {
        let execution = Execution(level: level)
        #expect(try softmax.solve(outputs, execution) == truth)
        for loss in losses {
          let truth = try loss.lossAndGradient(
            upstream: nil, loss: true, gradient: true, Execution(), from: .ball)
          #expect(try loss.lossAndGradient(upstream: nil, loss: true, gradient: true, execution) == truth)
        }
      }
    }
  }

  /// Rows side by side in the tensor go eight at a time at any length; a tile may begin and end anywhere.
  @Test(arguments: [65, 300], [8, 11, 24]) func longRowsSideBySide(classes: Int, rows: Int) throws {
    var source = RandomProblem(seed: UInt64(classes + rows))
    let (outer, count) = (2, 2 * classes * rows)
    let layout = Layout(shape: [outer, classes, rows], axis: 1)
    let softmax = try SoftmaxProblem(
      logits: (0..<count).map { _ in source.chance(0.01) ? -.infinity : source.gauss() * 9 }, layout: layout,
      format: source.pick(.binary64, .binary32))
    let loss = try LossProblem(
      softmax: softmax,
      target: .indices(
        (0..<outer * rows).map { _ in source.chance(0.1) ? -100 : Int.random(in: 0..<classes, using: &source) }),
      reduction: .none, zLoss: source.pick(0, 1e-3))
    let outputs: ShortList<SoftmaxOutput> = [.probabilities, .logProbabilities]
    let truth = try softmax.solve(outputs, Execution(), from: .interval)
    let lossTruth = try loss.lossAndGradient(
      upstream: nil, loss: true, gradient: true, Execution(), from: .interval)
    for level in levelsHere {
      let execution = Execution(level: level)
      #expect(try softmax.solve(outputs, execution) == truth)
      #expect(try loss.lossAndGradient(upstream: nil, loss: true, gradient: true, execution) == lossTruth)
    }
  }

  /// Ordinary rows are decided here: nothing is left for the next stage, whatever the row before.
  @Test(arguments: levelsHere)
  func ordinaryRowsAreDecided(level: KernelLevel) throws {
    var random = SplitMix64(11)
    for classes in [2, 3, 10, 33, 64] {
      let rows = (0..<19).map { _ in (0..<classes).map { _ in random.double(in: -5...5) } }
      let target = Target.indices(rows.indices.map { $0 % classes })
      let others = (0..<19).map { _ in (0..<classes).map { _ in random.double(in: -5...5) } }
      let teachers = try problem(others, isLast: true).logits
      let counter = StageCounter()
      let execution = Execution(level: level)
      for softcap in [nil, 10.0] {
        let softmax = try problem(rows, isLast: true, softcap: softcap)
        _ = try softmax.solve([.probabilities, .logProbabilities], execution, from: .vector, counting: counter)
        for (zLoss, focalGamma) in [(0, 0), (1e-4, 0), (0, 2), (0.1, 0.5)] {
          let loss = try LossProblem(
            softmax: softmax, target: target, reduction: .mean, zLoss: zLoss, focalGamma: focalGamma)
          _ = try loss.lossAndGradient(
            upstream: nil, loss: true, gradient: true, execution, from: .vector, counting: counter)
        }
        let distilled = try LossProblem(softmax: softmax, target: .logits(teachers), reduction: .mean)
        _ = try distilled.lossAndGradient(
          upstream: nil, loss: true, gradient: true, execution, from: .vector, counting: counter)
        _ = try distilled.klDivergence(execution, from: .vector, counting: counter)
      }
      let loss = try LossProblem(softmax: try problem(rows, isLast: true), target: target, reduction: .mean)
      _ = try loss.hessianVectorProduct(teachers, upstream: nil, execution, from: .vector, counting: counter)
      #expect(counter.total.ball == 0 && counter.total.outputs == 19 * classes * 15 + 19 * 12)
    }
  }

  /// Everyday rows are done in their groups, whatever is asked of them: none is left to be done by itself.
  @Test(arguments: levelsHere)
  func everydayRowsStayInGroups(level: KernelLevel) throws {
    var random = SplitMix64(12)
    for classes in [2, 10, 64] {
      func rows(_ lead: Double) -> [[Double]] {
        (0..<16).map { row in (0..<classes).map { random.double(in: -4...4) + ($0 == row % classes ? lead : 0) } }
      }
      let softmax = try problem(rows(12), isLast: true)
      let teachers = try problem(rows(3), isLast: true)
      let shares = Target.probabilities(
        Numbers(try #require(try teachers.solve([.probabilities], Execution()).probabilities)))
      let indices = Target.indices((0..<16).map { $0 % classes })
      let losses = try [
        LossProblem(softmax: softmax, target: indices, reduction: .none, focalGamma: 2),
        LossProblem(softmax: softmax, target: indices, reduction: .sum, zLoss: 1e-4, focalGamma: 5),
        LossProblem(softmax: softmax, target: indices, labelSmoothing: 0.1, reduction: .none, zLoss: 1e-4),
        LossProblem(softmax: softmax, target: shares, reduction: .none, zLoss: 1e-4),
        LossProblem(softmax: softmax, target: .logits(teachers.logits), reduction: .sum, zLoss: 1e-4),
      ]
      for loss in losses {
        #expect(try rowsLeft(LossRequest(loss, measure: .loss, derivative: .gradient), level) == 0, "\(loss)")
      }
      let divergence = try LossProblem(softmax: softmax, target: shares, reduction: .none)
      #expect(try rowsLeft(LossRequest(divergence, measure: .klDivergence), level) == 0)
      let plain = try LossProblem(softmax: softmax, target: indices, reduction: .none)
      for vector in [
        (0..<16 * classes).map { $0 % classes == 1 ? 1.0 : 0 }, [Double](repeating: 1, count: 16 * classes),
      ] {
        #expect(try rowsLeft(LossRequest(plain, derivative: .hessianProduct(Numbers(vector))), level) == 0)
      }
      let outputs: ShortList<SoftmaxOutput> = [
        .logSumExp, .entropy, .topIndices, .topProbabilities, .topLogProbabilities,
      ]
      _ = try ResultBuffer.arrays([16, 16, 32, 32, 32]) { buffers throws(ComputationError) in
        var groups = GroupedRows(softmax, level)
        #expect(groups.take(0..<16) == 16)
        #expect(groups.solve(OutputLayout(outputs, softmax.layout, into: buffers)) & groups.taken == 0)
      }
    }
  }

  /// How many of a few rows are left by groups to be done by themselves.
  private func rowsLeft(_ request: LossRequest, _ level: KernelLevel) throws -> Int {
    let layout = request.layout
    var left = layout.batch
    _ = try ResultBuffer.arrays([layout.batch, layout.count]) { buffers throws(ComputationError) in
      let results = LossBuffers(
        loss: request.use == .result ? buffers[0] : nil, gradient: request.derivative == nil ? nil : buffers[1])
      guard let loss = VectorLoss(request, into: results), loss.hasGroupedRows else { return }
      var groups = loss.groupedRows(level)
      let taken = (0..<layout.batch).filter { loss.take(row: $0, into: &groups) }.count
      left += (loss.solve(&groups) & groups.taken).nonzeroBitCount - taken
    }
    return left
  }
}
