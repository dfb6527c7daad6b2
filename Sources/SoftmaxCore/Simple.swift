import Glibc

/// One slice's softmax in plain binary64, numerically stable: shifted by the maximum, the others' sum kept apart.
struct SimpleRow {
  let shifted: [Double]  // (a - m) / T, [classes]
  let exps: [Double]  // [classes]
  let argmax: Int
  let maximum: Double
  let others: Double  // R: the sum over all but the maximum
  let temperature: Double

  init(_ problem: SoftmaxProblem, _ n: Int) {
    let layout = problem.layout
    let start = layout.start(of: n)
    let a = (0..<layout.classes).map { problem.logits[start + $0 * layout.inner] }
    var top = 0
    for c in a.indices where a[c] > a[top] { top = c }
    argmax = top
    maximum = a[top]
    temperature = problem.temperature
    shifted = a.map { ($0 - a[top]) / problem.temperature }
    exps = shifted.map { exp($0) }
    var others = 0.0
    for c in exps.indices where c != top { others += exps[c] }
    self.others = others
  }

  var sum: Double { 1 + others }
  var logSum: Double { log1p(others) }
  func probability(_ c: Int) -> Double { exps[c] / sum }
  func minusLog(_ c: Int) -> Double { c == argmax ? logSum : logSum - shifted[c] }
  func othersThan(_ c: Int) -> Double {
    c == argmax ? others : exps.indices.reduce(0) { $1 == c ? $0 : $0 + exps[$1] }
  }
}

extension ResultFormat {
  func round(_ x: Double) -> Double { self == .binary32 ? Double(Float(x)) : x }
}

extension SoftmaxProblem {
  /// Computes the outputs asked for.
  /// - Throws: ``ComputationError/cancelled``.
  public func solve(_ outputs: SoftmaxOutputs, _ execution: Execution) throws(ComputationError) -> SoftmaxResult {
    var result = SoftmaxResult()
    let zeros = [Double](repeating: 0, count: layout.count)
    let items = [Double](repeating: 0, count: layout.batch)
    if outputs.contains(.probabilities) { result.probabilities = zeros }
    if outputs.contains(.logProbabilities) { result.logProbabilities = zeros }
    if outputs.contains(.logSumExp) { result.logSumExp = items }
    if outputs.contains(.entropy) { result.entropy = items }
    if outputs.contains(.argmax) { result.argmax = [Int](repeating: 0, count: layout.batch) }
    if outputs.contains(.jacobian) { result.jacobian = [] }
    for n in 0..<layout.batch {
      if execution.isCancelled() { throw .cancelled }
      let row = SimpleRow(self, n)
      let start = layout.start(of: n)
      for c in 0..<layout.classes {
        result.probabilities?[start + c * layout.inner] = format.round(row.probability(c))
        result.logProbabilities?[start + c * layout.inner] = format.round(0 - row.minusLog(c))
        if outputs.contains(.jacobian) {
          for i in 0..<layout.classes {
            let factor = c == i ? row.othersThan(c) / row.sum : -row.probability(i)
            result.jacobian?.append(format.round(row.probability(c) * factor / temperature))
          }
        }
      }
      result.logSumExp?[n] = format.round(row.maximum / temperature + row.logSum)
      var cross = 0.0
      for c in row.exps.indices where row.exps[c] > 0 { cross -= row.exps[c] * row.shifted[c] }
      result.entropy?[n] = format.round(row.logSum + cross / row.sum)
      result.argmax?[n] = row.argmax
    }
    return result
  }

  /// The steps of the textbook derivation for one slice and a class.
  /// - Throws: ``ComputationError/targetDoesNotFit`` when the logits are not one slice or the class is none of it or masked.
  public func derivation(target: Int, _ execution: Execution) throws(ComputationError) -> Derivation {
    guard layout.batch == 1, (0..<layout.classes).contains(target), logits[target] > -.infinity else {
      throw .targetDoesNotFit
    }
    let row = SimpleRow(self, 0)
    let classes = 0..<layout.classes
    let y = row.probability(target)
    let gradient = classes.map {
      format.round(($0 == target ? -row.othersThan($0) / row.sum : row.probability($0)) / temperature)
    }
    return Derivation(
      yHat: classes.map { format.round(row.probability($0)) },
      dLdyHatL: format.round(-1 / y),
      quotientFirst: classes.map { format.round($0 == target ? y / temperature : 0) },
      quotientSecond: classes.map { format.round(y * row.probability($0) / temperature) },
      dyHatLdA: classes.map {
        format.round(y * ($0 == target ? row.othersThan($0) / row.sum : -row.probability($0)) / temperature)
      },
      chainRule: gradient, gradient: gradient)
  }
}

extension LossProblem {
  /// u_nc: what multiplies -log p_nc in item n's loss.
  private func share(_ n: Int, _ c: Int, at position: Int) -> Double {
    let even = labelSmoothing / Double(softmax.layout.classes)
    let w = weight.map { $0[c] } ?? 1
    switch target {
    case .indices(let indices):
      return (indices[n] == c ? (1 - labelSmoothing) * w : 0) + even * w
    case .probabilities(let probabilities):
      return w * ((1 - labelSmoothing) * probabilities[position] + even)
    }
  }

  private func isIgnored(_ n: Int) -> Bool {
    if case .indices(let indices) = target { indices[n] == ignoreIndex } else { false }
  }

  private var normaliser: Double {
    guard reduction == .mean else { return 1 }
    var total = 0.0
    for n in 0..<softmax.layout.batch where !isIgnored(n) {
      var term = sampleWeight.map { $0[n] } ?? 1
      if case .indices(let indices) = target, let weight { term *= weight[indices[n]] }
      total += term
    }
    return total
  }

  /// The loss: one for each batch item under ``Reduction/none``, else one.
  /// - Throws: ``ComputationError/cancelled``.
  public func loss(_ execution: Execution) throws(ComputationError) -> [Double] {
    try lossAndGradient(upstream: nil, loss: true, gradient: false, execution).loss ?? []
  }

  /// The loss, and the gradient of `Σ q L` with respect to the logits.
  /// - Parameter upstream: q, of the loss's shape, finite; `nil` stands for ones.
  /// - Throws: ``ComputationError/cancelled``, ``ComputationError/upstreamDoesNotFit``.
  public func lossAndGradient(
    upstream: [Double]?, loss: Bool, gradient: Bool, _ execution: Execution
  ) throws(ComputationError) -> LossResult {
    let layout = softmax.layout
    let lossCount = reduction == .none ? layout.batch : 1
    if let upstream {
      guard upstream.count == lossCount, upstream.allSatisfy(\.isFinite) else { throw .upstreamDoesNotFit }
    }
    var losses = [Double](repeating: 0, count: lossCount)
    var slopes = [Double](repeating: 0, count: gradient ? layout.count : 0)
    let divisor = normaliser
    for n in 0..<layout.batch where !isIgnored(n) {
      if execution.isCancelled() { throw .cancelled }
      let row = SimpleRow(softmax, n)
      let start = layout.start(of: n)
      let s = sampleWeight.map { $0[n] } ?? 1
      let u = (0..<layout.classes).map { share(n, $0, at: start + $0 * layout.inner) }
      let whole = u.reduce(0, +)
      var item = 0.0
      for c in u.indices where u[c] > 0 && s > 0 { item += s * u[c] * row.minusLog(c) }
      losses[reduction == .none ? n : 0] += item / divisor
      guard gradient else { continue }
      let factor = (upstream.map { $0[reduction == .none ? n : 0] } ?? 1) * s / divisor / softmax.temperature
      for i in u.indices {
        var others = 0.0
        if u[i] > 0 { others = row.othersThan(i) }
        let slope = factor == 0 ? 0 : factor * ((whole - u[i]) * row.exps[i] - u[i] * others) / row.sum
        slopes[start + i * layout.inner] = softmax.format.round(slope)
      }
    }
    var result = LossResult()
    if loss { result.loss = losses.map(softmax.format.round) }
    if gradient { result.gradient = slopes }
    return result
  }
}
