import Softmax
import TestSupport
import Testing
import VectorKernels

/// Rows across a tensor's memory are the same rows as those side by side, whatever lies between their numbers.
@Suite("Rows across a tensor")
struct RowsAcrossTests {
  /// Eight and more rows side by side, whole pages between their classes and not, and fewer.
  static let layouts = [
    Layout(shape: [40, 512], axis: 0), Layout(shape: [2, 33, 1024], axis: 1), Layout(shape: [300, 1024], axis: 0),
    Layout(shape: [40, 511], axis: 0), Layout(shape: [3, 33, 5], axis: 1), Layout(shape: [8, 512], axis: 0),
  ]

  private var generator = SplitMix64(20)

  private mutating func tensor(_ layout: Layout) -> [Double] {
    (0..<layout.count).map { _ in Double.random(in: -9...9, using: &generator) }
  }

  /// The same tensor with its rows side by side.
  private func turned(_ tensor: [Double], _ layout: Layout) -> [Double] {
    (0..<layout.batch).flatMap { n in (0..<layout.classes).map { tensor[layout.start(of: n) + $0 * layout.inner] } }
  }

  private func turned(_ layout: Layout) -> Layout { Layout(shape: [layout.batch, layout.classes], axis: 1) }

  @Test(arguments: layouts, [BinaryFormat.binary64, .binary32])
  mutating func softmaxIsTheSame(layout: Layout, format: BinaryFormat) throws {
    var logits = tensor(layout)
    // A row that no vector proves, and one that has one class.
    for c in 0..<layout.classes {
      logits[layout.start(of: 3) + c * layout.inner] = c < 2 ? 0 : -720
      logits[layout.start(of: 5) + c * layout.inner] = c == 1 ? 2.5 : -.infinity
    }
    for level in levelsHere {
      let outputs: ShortList<SoftmaxOutput> = [.logProbabilities, .probabilities, .logSumExp, .argmax]
      let across = try SoftmaxProblem(logits: Numbers(logits), layout: layout, temperature: 1, format: format)
        .solve(outputs, Execution(level: level))
      let beside = try SoftmaxProblem(
        logits: Numbers(turned(logits, layout)), layout: turned(layout), temperature: 1, format: format
      ).solve(outputs, Execution(level: level))
      #expect(across.probabilities.map { turned($0, layout) } == beside.probabilities)
      #expect(across.logProbabilities.map { turned($0, layout) } == beside.logProbabilities)
      #expect(across.logSumExp == beside.logSumExp)
      #expect(across.argmax == beside.argmax)
    }
  }

  /// Targets, a vector and the logits are read by turns.
  @Test(arguments: layouts)
  mutating func lossIsTheSame(layout: Layout) throws {
    let (logits, teacher, vector) = (tensor(layout), tensor(layout), tensor(layout))
    let shares = teacher.map { ($0 + 9) / 18 }
    let indices = (0..<layout.batch).map { $0 % 7 == 6 ? -100 : $0 % layout.classes }
    let execution = Execution(level: try #require(levelsHere.last))
    func solved(_ layout: Layout, _ place: ([Double]) -> [Double]) throws -> [[Double]] {
      let softmax = try SoftmaxProblem(logits: Numbers(place(logits)), layout: layout, temperature: 2)
      var found: [[Double]] = []
      let targets: [Target] = [
        .indices(indices), .probabilities(Numbers(place(shares))), .logits(Numbers(place(teacher))),
      ]
      for target in targets {
        let loss = try LossProblem(softmax: softmax, target: target, reduction: .none)
        let result = try loss.lossAndGradient(upstream: nil, loss: true, gradient: true, execution)
        found += [result.loss ?? [], result.gradient ?? []]
        found.append(try loss.hessianVectorProduct(Numbers(place(vector)), upstream: nil, execution))
      }
      return found
    }
    let across = try solved(layout) { $0 }
    let beside = try solved(turned(layout)) { turned($0, layout) }
    for (one, other) in zip(across, beside) {
      #expect((one.count == layout.count ? turned(one, layout) : one) == other)
    }
  }
}
