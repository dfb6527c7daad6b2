import Glibc

/// Softmax cross-entropy as people write it, in a format of choice, with room for their mistakes.
///
/// Every operation is rounded to `Number`, as their arithmetic does; an exponential or a logarithm is binary64's,
/// rounded.
struct Textbook<Number: BinaryFloatingPoint> {
  var logits: [[Double]]
  var target: [Int] = []
  var temperature = 1.0
  var weight: [Double]?
  var sampleWeight: [Double]?
  var smoothing = 0.0
  var ignoreIndex = -100
  var reduction = "mean"

  var classes: Int { logits[0].count }
  var items: Int { logits.count }

  // MARK: Where mistakes are made

  /// Whether the largest logit is subtracted first.
  var shifts = true
  /// Whether log p is a - logsumexp(a), the largest logit added to the sum's logarithm and taken away again.
  var takesLogSumExp = false
  /// Whether numbers below the normal range become 0.
  var flushes = false
  var usesTemperature = true
  var multipliesByTemperature = false
  /// What is done to p before the logarithm.
  var beforeLogarithm: (Number) -> Number = { $0 }
  var logarithm: (Double) -> Double = { log($0) }
  /// How many classes after its own a target is taken for.
  var offset = 0
  var onehot: ((_ row: Int, _ classes: Int) -> [Double])?
  var divisor: Double?

  func softmax(_ row: [Double]) -> [Number] {
    let factor = !usesTemperature ? 1 : multipliesByTemperature ? 1 / temperature : temperature
    let a = row.map { Number($0) / Number(factor) }
    let most = shifts ? a.max() ?? 0 : 0
    let e = a.map { Number(exp(Double($0 - most))) }
    let sum = e.reduce(0, +)
    return e.map { flushed($0 / sum) }
  }

  func logSoftmax(_ row: [Double]) -> [Number] {
    guard takesLogSumExp else { return softmax(row).map { Number(logarithm(Double(beforeLogarithm($0)))) } }
    let a = row.map { Number($0) / Number(temperature) }
    let most = a.max() ?? 0
    let sum = a.map { Number(exp(Double($0 - most))) }.reduce(0, +)
    let logSumExp = most + Number(log(Double(sum)))
    return a.map { $0 - logSumExp }
  }

  private func flushed(_ number: Number) -> Number {
    flushes && number.magnitude < Number.leastNormalMagnitude ? 0 : number
  }

  var probabilities: [[Number]] { logits.map(softmax) }

  /// u of a row.
  func shares(_ row: Int) -> [Number] {
    if let onehot { return onehot(row, classes).map { Number($0) } }
    guard target[row] != ignoreIndex else { return Array(repeating: 0, count: classes) }
    let y = (target[row] + offset + classes) % classes
    return (0..<classes).map { c in
      let w = Number(weight?[c] ?? 1)
      let spread = Number(smoothing) / Number(classes) * w
      return c == y ? Number(1 - smoothing) * w + spread : spread
    }
  }

  /// D, or what stands in its place.
  var normaliser: Number {
    if let divisor { return Number(divisor) }
    guard reduction == "mean" else { return 1 }
    return (0..<items).filter { target[$0] != ignoreIndex }.map { row in
      Number(sampleWeight?[row] ?? 1) * Number(weight?[(target[row] + offset + classes) % classes] ?? 1)
    }.reduce(0, +)
  }

  var losses: [Number] {
    logits.map(logSoftmax).enumerated().map { row, logP in
      let u = shares(row)
      let terms = (0..<classes).map { c -> Number in u[c] == 0 ? 0 : -u[c] * logP[c] }
      return terms.reduce(0, +) * Number(sampleWeight?[row] ?? 1)
    }
  }

  var loss: Number { losses.reduce(0, +) / normaliser }

  var gradient: [[Number]] {
    probabilities.enumerated().map { row, p in
      let u = shares(row)
      let total = u.reduce(0, +)
      let factor = Number(sampleWeight?[row] ?? 1) / normaliser / Number(usesTemperature ? temperature : 1)
      return (0..<classes).map { flushed((total * p[$0] - u[$0]) * factor) }
    }
  }

  // MARK: As JSON

  /// The request, without a candidate.
  var request: String {
    var members = ["\"logits\": \(json(logits))"]
    if !target.isEmpty { members.append("\"target\": \(target), \"reduction\": \"\(reduction)\"") }
    if temperature != 1 { members.append("\"temperature\": \(temperature)") }
    if let weight { members.append("\"weight\": \(json(weight))") }
    if let sampleWeight { members.append("\"sample_weight\": \(json(sampleWeight))") }
    if smoothing > 0 { members.append("\"label_smoothing\": \(smoothing)") }
    if Number.significandBitCount < 52 { members.append(#""dtype": "float32""#) }
    return members.joined(separator: ", ")
  }

  static func json(_ rows: [[Number]]) -> String { SoftmaxServiceTests.json(rows.map { $0.map { Double($0) } }) }
  private func json(_ rows: [[Double]]) -> String { SoftmaxServiceTests.json(rows) }
  private func json(_ row: [Double]) -> String { SoftmaxServiceTests.json(row) }
}

/// Five rows of four classes, each with a target: what most mistakes are made with.
enum FiveRows {
  static let logits = [
    [1.5, -0.25, 3, 0.5], [0.125, 2, -1, 0.75], [-2, 0, 1.25, 4], [0.5, 0.25, 0.75, -3],
    [1, 2.5, -0.75, 0.25],
  ]

  static func right<Number>(_: Number.Type) -> Textbook<Number> {
    Textbook<Number>(logits: logits, target: [2, 1, 0, 3, 1])
  }
}
