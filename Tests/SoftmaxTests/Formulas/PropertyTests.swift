import TestSupport
import Testing

@testable import Softmax

/// What holds for softmax whatever the numbers: properties that follow from correct rounding, and from the mathematics.
@Suite("Properties")
struct PropertyTests {
  private static let outputs: ShortList<SoftmaxOutput> = [.probabilities, .logProbabilities, .entropy, .argmax]

  private func softmax(_ logits: [Double], temperature: Double = 1, softcap: Double? = nil) throws -> SoftmaxProblem {
    try SoftmaxProblem(
      logits: logits, layout: Layout(shape: [logits.count], axis: 0), temperature: temperature, softcap: softcap)
  }

  /// Logits of few bits, so that adding a constant is exact.
  private func shortLogits(_ random: inout SplitMix64, _ count: Int) -> [Double] {
    (0..<count).map { _ in Double(random.int(in: -4000...4000)) / 64 }
  }

  @Test func shiftsThatAreExactChangeNoBit() throws {
    var random = SplitMix64(41)
    for _ in repetitions(200) {
      let logits = shortLogits(&random, random.int(in: 1...40))
      let shift = Double(random.int(in: -1_000_000...1_000_000)) * 1024
      let one = try softmax(logits).solve(Self.outputs, Execution())
      let other = try softmax(logits.map { $0 + shift }).solve(Self.outputs, Execution())
      #expect(one == other)
    }
  }

  /// c tanh(a/c) / T depends on the quotients alone, also where twice a logit or a difference of two leaves binary64.
  @Test(arguments: [Stage.vector, .ball, .interval]) func powersOfTwoChangeNoBit(stage: Stage) throws {
    var random = SplitMix64(45)
    for round in repetitions(200) {
      let logits = (0..<random.int(in: 2...6)).map { _ in random.double(in: -2...2) }
      let softcap = round % 4 == 0 ? nil : random.double(in: 0.05...2)
      let temperature = random.double(in: 0.05...2)
      func results(_ scale: Double) throws -> SoftmaxResult {
        try softmax(logits.map { $0 * scale }, temperature: temperature * scale, softcap: softcap.map { $0 * scale })
          .solve(Self.outputs, Execution(), from: stage)
      }
      #expect(try results(1) == results(0x1p1023))
      // Distances beyond every temperature.
      let cold = try softmax(logits.map { $0 * 0x1p1023 }, softcap: softcap.map { $0 * 0x1p1023 })
      #expect(try cold.solve([.probabilities], Execution(), from: stage).probabilities?.max() == 1)
    }
  }

  @Test func permutationsPermute() throws {
    var random = SplitMix64(42)
    for _ in repetitions(100) {
      let logits = shortLogits(&random, random.int(in: 2...50))
      let order = logits.indices.shuffled(using: &random)
      let one = try softmax(logits).solve([.probabilities, .logSumExp, .entropy], Execution())
      let other = try softmax(order.map { logits[$0] }).solve([.probabilities, .logSumExp, .entropy], Execution())
      #expect(order.map { one.probabilities?[$0] } == other.probabilities?.map(Optional.init))
      #expect(one.logSumExp == other.logSumExp && one.entropy == other.entropy)
    }
  }

  /// Each probability is off by at most 2^-54, since it is at most 1.
  @Test(arguments: [1, 2, 10, 1000, 20_000]) func rowsSumToOne(classes: Int) throws {
    var random = SplitMix64(43)
    let logits = (0..<classes).map { _ in random.double(in: -30...30) }
    let p = try softmax(logits).solve([.probabilities], Execution()).probabilities ?? []
    var sum = BigFloat(-1, like: FixedLimbs())
    for x in p { sum = .sum(sum, BigFloat(x, like: FixedLimbs()), .down) }
    #expect(sum.approximation.magnitude <= Double(classes) * 0x1p-54)
  }

  @Test func gradientsAgreeWithFiniteDifferences() throws {
    var random = SplitMix64(44)
    for round in repetitions(60) {
      let classes = random.int(in: 2...8)
      let logits = (0..<classes).map { _ in random.double(in: -3...3) }
      let weight = (0..<classes).map { _ in random.double(in: 0.5...2) }
      let target: Target =
        round % 2 == 0
        ? .indices([random.int(in: 0...(classes - 1))])
        : .probabilities(Numbers((0..<classes).map { _ in random.double(in: 0...1) }))
      func problem(_ logits: [Double]) throws -> LossProblem {
        try LossProblem(
          softmax: softmax(logits, temperature: 1.5), target: target, weight: weight, labelSmoothing: 0.1,
          reduction: .sum)
      }
      func loss(_ logits: [Double]) throws -> Double {
        try problem(logits).lossAndGradient(upstream: nil, loss: true, gradient: false, Execution()).loss?[0] ?? .nan
      }
      let gradient = try problem(logits).lossAndGradient(upstream: nil, loss: false, gradient: true, Execution())
        .gradient
      for i in 0..<classes {
        var up = logits
        var down = logits
        up[i] += 1e-5
        down[i] -= 1e-5
        let slope = try (loss(up) - loss(down)) / (up[i] - down[i])
        #expect((slope - (gradient?[i] ?? .nan)).magnitude < 1e-8)
      }
    }
  }

  /// Any axis of any shape gives what its rows give alone, whatever outputs stand beside each other.
  @Test(arguments: 0..<3) func axesAreRows(axis: Int) throws {
    var random = SplitMix64(45)
    let shape = [3, 4, 5]
    let logits = shortLogits(&random, 60)
    let layout = Layout(shape: shape, axis: axis)
    let whole = try SoftmaxProblem(logits: logits, layout: layout).solve(
      [.argmax, .probabilities, .jacobian, .logSumExp, .probabilities], Execution())
    let target = (0..<layout.batch).map { _ in random.int(in: 0...(layout.classes - 1)) }
    let loss = try LossProblem(
      softmax: SoftmaxProblem(logits: logits, layout: layout), target: .indices(target), reduction: .none)
    let wholeLoss = try loss.lossAndGradient(upstream: nil, loss: true, gradient: true, Execution())
    for n in 0..<layout.batch {
      let places = (0..<layout.classes).map { layout.start(of: n) + $0 * layout.inner }
      let row = try softmax(places.map { logits[$0] })
      let alone = try row.solve([.probabilities, .logSumExp, .argmax, .jacobian], Execution())
      #expect(places.map { whole.probabilities?[$0] } == alone.probabilities?.map(Optional.init))
      #expect(whole.logSumExp?[n] == alone.logSumExp?[0] && whole.argmax?[n] == alone.argmax?[0])
      let square = layout.classes * layout.classes
      let first = n / layout.inner * square * layout.inner + n % layout.inner
      #expect(
        (0..<square).map { whole.jacobian?[first + $0 * layout.inner] } == alone.jacobian?.map(Optional.init))
      let single = try LossProblem(softmax: row, target: .indices([target[n]]), reduction: .none)
      let aloneLoss = try single.lossAndGradient(upstream: nil, loss: true, gradient: true, Execution())
      #expect(wholeLoss.loss?[n] == aloneLoss.loss?[0])
      #expect(places.map { wholeLoss.gradient?[$0] } == aloneLoss.gradient?.map(Optional.init))
    }
  }

  /// The largest of all results, by falling logit, whatever their number, axis, ties and masks.
  @Test func topsAreTheFirstOfAllSorted() throws {
    var random = SplitMix64(47)
    for _ in repetitions(60) {
      let shape = [random.int(in: 1...3), random.int(in: 1...150), random.int(in: 1...2)]
      let layout = Layout(shape: shape, axis: 1)
      let choices: [Double] = [0, -0.0, 1, 1, -3.5, 7, -.infinity, -1e300]
      var logits = (0..<layout.count).map { _ in choices[random.int(in: 0...7)] }
      if random.int(in: 0...1) == 0 { logits = shortLogits(&random, layout.count) }
      let problem = try SoftmaxProblem(logits: logits, layout: layout, allowsEmptyRows: true)
      let count = random.int(in: 1...layout.classes)
      let found = try problem.solve(
        [.probabilities, .topIndices, .logProbabilities, .topProbabilities, .topLogProbabilities], top: count,
        Execution())
      for n in 0..<layout.batch {
        let places = (0..<layout.classes).map { layout.start(of: n) + $0 * layout.inner }
        let sorted = (0..<layout.classes).sorted { (logits[places[$1]], $0) < (logits[places[$0]], $1) }.prefix(count)
        let first = n / layout.inner * count * layout.inner + n % layout.inner
        for (place, c) in sorted.enumerated() {
          let position = first + place * layout.inner
          #expect(found.topIndices?[position] == c)
          #expect(found.topProbabilities?[position] == found.probabilities?[places[c]])
          #expect(found.topLogProbabilities?[position] == found.logProbabilities?[places[c]])
        }
      }
    }
  }

  @Test func derivationStepsAgree() throws {
    var random = SplitMix64(46)
    for _ in repetitions(50) {
      let logits = shortLogits(&random, random.int(in: 1...12))
      let l = random.int(in: 0...(logits.count - 1))
      let problem = try softmax(logits, temperature: 0.7)
      let steps = try problem.derivation(target: l, Execution())
      let all = try problem.solve([.probabilities, .jacobian], Execution())
      #expect(steps[.yHat] == all.probabilities)
      #expect(steps[.dyHatLdA] == all.jacobian.map { Array($0[(l * logits.count)..<((l + 1) * logits.count)]) })
      let loss = try LossProblem(softmax: problem, target: .indices([l]))
      #expect(
        steps[.gradient] == (try loss.lossAndGradient(upstream: nil, loss: false, gradient: true, Execution()).gradient)
      )
    }
  }
}
