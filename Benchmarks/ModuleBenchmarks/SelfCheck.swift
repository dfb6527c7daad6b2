import NumericJSON
import Softmax
import VectorKernels

/// What the loops do beyond cross-entropy: capped logits with a teacher, a product with the Hessian, and a target that
/// is softmax itself.
private func additions(_ n: Int, _ execution: Execution) -> [[Double]?] {
  let layout = Layout(shape: [4, n], axis: 1)
  let logits = LogitFamily.random.logits(4, n)
  guard let capped = try? SoftmaxProblem(logits: Numbers(logits), layout: layout, softcap: 5),
    let distilled = try? LossProblem(softmax: capped, target: .logits(Numbers(Array(logits.reversed()))), zLoss: 0.01),
    let plain = try? SoftmaxProblem(logits: Numbers(logits), layout: layout),
    let loss = try? LossProblem(softmax: plain, target: .indices([0, 1, 2, 1])),
    let probabilities = (try? plain.numbers(of: [.probabilities], execution))?.first,
    let close = try? LossProblem(softmax: plain, target: .probabilities(Numbers(probabilities)))
  else { return [nil] }
  let product = try? ResultBuffer.arrays([layout.count]) { buffers throws(ComputationError) in
    try loss.hessianVectorProduct(Numbers(Array(logits.reversed())), upstream: nil, into: buffers[0], execution)
  }
  return [slopes(distilled, execution), slopes(close, execution), product].flatMap { numbers -> [[Double]?] in
    numbers.map { Array($0) } ?? [nil]
  }
}

/// The loss and the gradient.
func slopes(_ problem: LossProblem, _ execution: Execution) -> ShortList<[Double]>? {
  try? ResultBuffer.arrays([problem.lossCount, problem.softmax.layout.count]) { buffers throws(ComputationError) in
    try problem.lossAndGradient(
      upstream: nil, into: LossBuffers(loss: buffers[0], gradient: buffers[1]), execution)
  }
}

/// Digests of softmax, log-softmax, loss and gradient over all kinds of rows, one for each level that this processor
/// has; those of few bits, which the digest has too, are held against another stage's as well. They must be one and the
/// same, whatever the processor: scripts/check compares them.
func selfCheck() -> Bool {
  var areNearest = true
  let digests = levelsHere.map { level -> UInt64 in
    var digest: UInt64 = 0xcbf2_9ce4_8422_2325
    for family in LogitFamily.all {
      for n in [3, 10, 100] {
        let layout = Layout(shape: [4, n], axis: 1)
        guard let problem = try? SoftmaxProblem(logits: family.logits(4, n), layout: layout, temperature: 0.7),
          let result = try? problem.numbers(
            of: [.probabilities, .logProbabilities, .logSumExp, .entropy], Execution(level: level)),
          let loss = try? LossProblem(
            softmax: problem, target: .indices([0, 1, 2, 1]), labelSmoothing: 0.125, reduction: .mean),
          let slopes = slopes(loss, Execution(level: level)),
          let narrow = try? narrowRows(family, n, level)
        else { return 0 }
        areNearest = areNearest && narrow.areNearest
        let parts: [[Double]?] =
          Array(result) + Array(slopes)
          + (family.name == LogitFamily.random.name ? additions(n, Execution(level: level)) : [])
          + narrow.results
        for values in parts.compactMap({ $0 }) {
          var writer = JSONWriter(capacity: 0, level: level)
          writer.tensor(values.span, extents: [values.count].span)
          for byte in writer.finish() { digest = (digest ^ UInt64(byte)) &* 0x100_0000_01b3 }
        }
      }
    }
    return digest
  }
  print("self-check:", String(digests[0], radix: 16), "by", levelsHere.map { "\($0)" }.joined(separator: ", "))
  if !areNearest { print("self-check: results of few bits differ from those of the balls") }
  return Set(digests).count == 1 && digests[0] != 0 && areNearest
}

/// Results of few bits, of logits in an array and of logits as bytes, by rows so few that each is done by itself; and
/// whether they are those that the balls find.
private func narrowRows(
  _ family: LogitFamily, _ n: Int, _ level: KernelLevel
) throws -> (results: [[Double]?], areNearest: Bool) {
  let layout = Layout(shape: [2, n], axis: 1)
  let logits = family.logits(2, n)
  let bytes = logits.flatMap { logit in
    (0..<4).map { UInt8(truncatingIfNeeded: Float(logit).bitPattern >> UInt32(8 * $0)) }
  }
  var (results, areNearest): ([[Double]?], Bool) = ([], true)
  for format: BinaryFormat in [.binary32, .binary16, .bfloat16] {
    for numbers in [Numbers(logits), Numbers(2 * n, of: .binary32, in: bytes, from: 0)] {
      let problem = try SoftmaxProblem(logits: numbers, layout: layout, temperature: 0.7, format: format)
      let loss = try LossProblem(
        softmax: problem, target: .indices([0, n - 1]), sampleWeight: [0.3, 2], reduction: .none)
      func found(_ execution: Execution) throws -> [[Double]?] {
        let softmax = try problem.numbers(of: [.probabilities, .logProbabilities], execution)
        return Array(softmax) + (slopes(loss, execution).map { Array($0) } ?? [nil])
      }
      let here = try found(Execution(level: level))
      let behind = try found(Execution().from(.ball))
      areNearest = areNearest && here == behind
      results += here
    }
  }
  return (results, areNearest)
}
