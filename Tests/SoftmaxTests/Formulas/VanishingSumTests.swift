import TestSupport
import Testing

@testable import Softmax

/// Derivatives that are zero because their exponential sums vanish, which no width of intervals would show.
@Suite("Vanishing sums", .timeLimit(.minutes(2)))
struct VanishingSumTests {
  private func problem(
    _ logits: [Double], _ target: Target, temperature: Double = 1, weight: [Double]? = nil,
    sampleWeight: [Double]? = nil
  ) throws -> LossProblem {
    let softmax = try SoftmaxProblem(
      logits: logits, layout: Layout(shape: [logits.count], axis: 0), temperature: temperature)
    return try LossProblem(
      softmax: softmax, target: target, weight: weight, sampleWeight: sampleWeight, reduction: .sum)
  }

  /// In every group of equal logits the vector has the same mean m, so that Σ p v = m.
  @Test(arguments: [Stage.vector, .interval]) func groupSumsOfAVector(stage: Stage) throws {
    var random = SplitMix64(7)
    for _ in 0..<300 {
      let mean = Double(Int.random(in: -8...8, using: &random)) / 4
      var logits: [Double] = []
      var vector: [Double] = []
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let logit = Double.random(in: -3...3, using: &random)
        let offset = Double(Int.random(in: -4...4, using: &random)) / 8
        logits += [logit, logit, logit]
        vector += [mean + offset, mean, mean - offset]
      }
      let order = logits.indices.shuffled(using: &random)
      let temperature = [1, 3, 0.7][Int.random(in: 0...2, using: &random)]
      let problem = try problem(order.map { logits[$0] }, .indices([0]), temperature: temperature)
      let product = try problem.hessianVectorProduct(
        Numbers(order.map { vector[$0] }), upstream: nil, Execution(), from: stage)
      for (entry, i) in zip(product, order) { #expect((entry == 0) == (vector[i] == mean), "\(logits) \(vector)") }
    }
  }

  /// A teacher's logits are a student's, shifted and permuted: zero for each class that stays.
  @Test(arguments: [Stage.vector, .interval]) func permutedTeachers(stage: Stage) throws {
    var random = SplitMix64(8)
    for _ in 0..<300 {
      let classes = Int.random(in: 2...7, using: &random)
      // Multiples of 2^-20, so that the shift is exact.
      let logits = (0..<classes).map { _ in Double(Int.random(in: -4_000_000...4_000_000, using: &random)) * 0x1p-20 }
      let shift = Double(Int.random(in: -64...64, using: &random)) / 8
      let stays = Int.random(in: 0..<classes, using: &random)
      var order = logits.indices.filter { $0 != stays }.shuffled(using: &random)
      order.insert(stays, at: stays)
      let weight = Bool.random(using: &random) ? nil : [Double](repeating: 0.3, count: classes)
      let problem = try problem(logits, .logits(Numbers(order.map { logits[$0] + shift })), weight: weight)
      let counter = StageCounter()
      let result = try problem.lossAndGradient(
        upstream: nil, loss: false, gradient: true, Execution(), from: stage, counting: counter)
      let gradient = try #require(result.gradient)
      for i in logits.indices { #expect((gradient[i] == 0) == (logits[order[i]] == logits[i]), "\(logits) \(order)") }
      #expect(counter.total.widestBits <= 256)
      guard order == Array(logits.indices), weight == nil else { continue }
      #expect(try problem.klDivergence(Execution(), from: stage) == [0])
    }
  }

  /// All entries but two are zero: they are told so once a row, not by a sum of all classes for each.
  @Test func longPermutedTeachers() throws {
    var random = SplitMix64(9)
    let logits = (0..<20_000).map { _ in Double.random(in: -3...3, using: &random) }
    var teacher = logits
    teacher.swapAt(0, 1)
    for weight in [nil, logits.map { _ in 3.0 }] {
      let problem = try problem(logits, .logits(Numbers(teacher)), weight: weight)
      let result = try problem.lossAndGradient(
        upstream: nil, loss: false, gradient: true, Execution(), from: .vector)
      let gradient = try #require(result.gradient)
      #expect(gradient.count { $0 == 0 } == 19_998)
      #expect(gradient[0] == -gradient[1] && gradient[0] != 0)
    }
    // Two logits each, so that the vector's mean is the same everywhere, and half of its entries are that.
    let doubled = logits.prefix(8_000) + logits.prefix(8_000)
    let vector = (0..<16_000).map { $0 % 8_000 < 4_000 ? 0.25 : $0 < 8_000 ? 1 : -0.5 }
    let product = try problem(Array(doubled), .indices([0])).hessianVectorProduct(
      Numbers(vector), upstream: nil, Execution(), from: .vector)
    #expect(product.indices.allSatisfy { (product[$0] == 0) == (vector[$0] == 0.25) })
  }

  /// Weights that are not all the same, except for each group of equal logits as many of each.
  @Test(arguments: [Stage.vector, .interval]) func permutedTeachersWithWeights(stage: Stage) throws {
    // The teacher's groups with weights are those of the student: 2 · {0, 1}; the class with weight 0 is beside them.
    let problem = try problem(
      [0, 1, 0, 1, -.infinity], .logits([0.5, 1.5, 1.5, 0.5, 7]), weight: [3, 1, 5, 7, 0])
    let result = try problem.lossAndGradient(upstream: nil, loss: false, gradient: true, Execution(), from: stage)
    #expect(try #require(result.gradient).map { $0 == 0 } == [false, false, false, false, true])
    let even = try self.problem(
      [0, 1, 0, 1, 3], .logits([0.5, 1.5, 1.5, 0.5, 3.5]), weight: [3, 3, 3, 3, 3])
    let zeros = try even.lossAndGradient(upstream: nil, loss: false, gradient: true, Execution(), from: stage)
    #expect(try #require(zeros.gradient).map { $0 == 0 } == [true, true, false, false, true])
    let masked = try self.problem([2, 1, -.infinity], .logits([2.5, 1.5, 9]), weight: [4, 4, 0])
    let shifted = try masked.lossAndGradient(upstream: nil, loss: false, gradient: true, Execution(), from: stage)
    #expect(try #require(shifted.gradient) == [0, 0, 0])
  }

  /// A level student, a teacher with t_0 = t_1, and weights that make U p_0 - u_0 = (2 t_0 + t_2)/3 = 1/3: rational,
  /// though t is not. Times 9 · 3002399751580331 it is 2^53 + 1, half-way between two numbers.
  @Test func weightsThatMakeARationalGradient() throws {
    let problem = try problem(
      [0, 0, 0], .logits([1, 1, 0.25]), weight: [1, 4, 1], sampleWeight: [3_002_399_751_580_331])
    let counter = StageCounter()
    let result = try problem.lossAndGradient(
      upstream: [9], loss: false, gradient: true, Execution(), from: .vector, counting: counter)
    #expect(try #require(result.gradient)[0] == 9_007_199_254_740_992)
    #expect(counter.total.widestBits <= 512)
  }

  /// Half-way between two numbers except for parts below every width, of both signs: the one with the greater exponent
  /// decides. Student and teacher have one each; p_0 - t_0 is 3/4 less the student's and more the teacher's.
  @Test(arguments: [Stage.vector, .interval]) func tailsOfBothSigns(stage: Stage) throws {
    let least = Double.leastNonzeroMagnitude
    for (own, other) in [(2e6, 3e6), (3e6, 2e6), (2e6, 2e6 + 1)] {
      for (weight, down, up) in [(2.0, 1.0, 2.0), (6, 4, 5)] {
        let problem = try problem(
          [0, -own, -.infinity, -.infinity, -.infinity], .logits([0, 0, 0, 0, -other]), sampleWeight: [weight * least])
        let result = try problem.lossAndGradient(
          upstream: nil, loss: false, gradient: true, Execution(), from: stage)
        #expect(result.gradient?[0] == (own < other ? down : up) * least, "\(own) \(other)")
      }
      // p_0 (v_0 - p·v) = 1/2 - a/2 + 2b with the two far powers a and b.
      for (weight, down, up) in [(3.0, 1.0, 2.0), (9, 4, 5)] {
        let problem = try problem([0, 0, -own, -other], .indices([0]), sampleWeight: [weight * least])
        let product = try problem.hessianVectorProduct(
          [3, 1, 3, -7], upstream: nil, Execution(), from: stage)
        // 1 less than 2 e: where b is e^-1 of a, it is a/2 less 2/e of a.
        let isDown = own < other && other - own > 1.5
        #expect(product[0] == (isDown ? down : up) * least, "\(own) \(other)")
      }
    }
  }

  @Test func shiftedTeachersOfAnySize() throws {
    let logits = [1e300, -1e300, 0, 1e-300, -Double.infinity]
    let doubled = [1.7e308, -1e308, 1, -Double.infinity]
    for row in [logits, doubled] {
      let problem = try problem(row, .logits(Numbers(row)))
      #expect(try problem.klDivergence(Execution()) == [0])
      let result = try problem.lossAndGradient(
        upstream: nil, loss: false, gradient: true, Execution(), from: .vector)
      #expect(result.gradient == row.map { _ in 0.0 })
    }
  }
}
