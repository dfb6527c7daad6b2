import Glibc
import Softmax

/// Softmax as textbooks compute it, exp(x - max x) / Σ, in plain binary64: a fraction of what the correctly rounded one
/// costs, and good enough to see that numbers differ.
///
/// What it rounds stays within the lenient bounds of ``ErrorBounds`` in binary64.
enum PlainSoftmax {
  /// p and log p, of the logits' shape, and the log-sum-exp and the entropy of each slice.
  struct Tables {
    let probabilities: [Double]
    let logProbabilities: [Double]
    let logSumExp: [Double]
    let entropy: [Double]

    /// Nil for an output that is not computed here.
    subscript(output: SoftmaxOutput) -> [Double]? {
      switch output {
      case .probabilities: probabilities
      case .logProbabilities: logProbabilities
      case .logSumExp: logSumExp
      case .entropy: entropy
      case .argmax, .jacobian, .topIndices, .topProbabilities, .topLogProbabilities: nil
      }
    }
  }

  /// All of them, slice by slice: the exponentials are most of their price.
  /// - Parameters:
  ///   - logits: [slice, class].
  ///   - scale: what differences of logits are multiplied by: 1/T, or T.
  static func tables(of logits: [Double], classes: Int, scale: Double) -> Tables {
    var (probabilities, logProbabilities) = (logits, logits)
    var (logSumExp, entropy) = ([Double](), [Double]())
    logSumExp.reserveCapacity(logits.count / classes)
    entropy.reserveCapacity(logits.count / classes)
    for start in stride(from: 0, to: logits.count, by: classes) {
      let places = start..<(start + classes)
      var (greatest, top) = (-Double.infinity, start)
      for place in places where logits[place] > greatest { (greatest, top) = (logits[place], place) }
      var (others, mean) = (0.0, 0.0)
      for place in places {
        let x = (logits[place] - greatest) * scale
        let power = exp(x)
        if place != top { others += power }
        if power > 0 { mean += power * x }
        probabilities[place] = power
        logProbabilities[place] = x
      }
      // The largest one's own exponential is 1: near p = 1 nothing cancels.
      let (sum, logarithm) = (1 + others, log1p(others))
      for place in places {
        probabilities[place] /= sum
        logProbabilities[place] -= logarithm
      }
      logSumExp.append(greatest > -.infinity ? greatest * scale + logarithm : greatest)
      entropy.append(logarithm - mean / sum)
    }
    return Tables(
      probabilities: probabilities, logProbabilities: logProbabilities, logSumExp: logSumExp, entropy: entropy)
  }

  /// The largest logit of a slice, and Σ exp((a - max a) · scale).
  static func sum(
    of slice: Int, _ logits: [Double], _ layout: Layout, scale: Double
  ) -> (greatest: Double, sum: Double) {
    let start = layout.start(of: slice)
    let places = stride(from: start, to: start + layout.inner * layout.classes, by: layout.inner)
    var (greatest, sum) = (-Double.infinity, 0.0)
    for place in places { greatest = max(greatest, logits[place]) }
    for place in places { sum += exp((logits[place] - greatest) * scale) }
    return (greatest, sum)
  }

  /// 1 / (1 + e^-x), without overflow.
  static func sigmoid(_ x: Double) -> Double { x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x)) }

  static func logSigmoid(_ x: Double) -> Double { min(x, 0) - log1p(exp(-x.magnitude)) }

  /// Σ log(1 + e^x), without overflow: the logarithms of products of many, each between 1 and 2.
  static func softplus(_ numbers: [Double]) -> Double {
    var (sum, product) = (0.0, 1.0)
    for x in numbers {
      sum += max(x, 0)
      product *= 1 + exp(-x.magnitude)
      if product > 0x1p1000 {
        sum += log(product)
        product = 1
      }
    }
    return sum + log(product)
  }

  /// The logits under a soft cap, c·tanh(a/c).
  static func capped(_ logits: [Double], _ softcap: Double?) -> [Double] {
    softcap.map { cap in logits.map { cap * tanh($0 / cap) } } ?? logits
  }
}

/// Softmax along other axes than the class axis, or over all axes at once, in plain binary64, at some places of the
/// tensor. What all slices of an axis are divided by takes all logits, and is found once for all outputs.
final class OtherAxes {
  private let softmax: SoftmaxProblem
  private let geometry: Geometry
  private lazy var logits = PlainSoftmax.capped(softmax.logits.array, softmax.softcap)
  private var known: [Axis] = []

  /// The slices of an axis: the largest logit of each, Σ exp((a - max a) / T) and its logarithm.
  private struct Axis {
    let number: Int8?
    let layout: Layout
    var greatest: [Double] = []
    var sums: [Double] = []
    var logarithms: [Double] = []
  }

  init(_ softmax: SoftmaxProblem, _ geometry: Geometry) {
    self.softmax = softmax
    self.geometry = geometry
  }

  /// p along an axis, or over all axes, or its logarithm, [slice of the class axis, class].
  func numbers(areLogarithms: Bool, along number: Int8?, of rows: CheckedRows) -> [Double] {
    let (axis, logits, scale) = (axis(number), logits, 1 / softmax.temperature)
    var numbers: [Double] = []
    numbers.reserveCapacity(rows.count * rows.classes)
    for row in 0..<rows.count {
      for c in 0..<rows.classes {
        let position = rows.position(row: row, class: c)
        let slice = axis.layout.slice(of: position)
        let x = (logits[position] - axis.greatest[slice]) * scale
        numbers.append(areLogarithms ? x - axis.logarithms[slice] : exp(x) / axis.sums[slice])
      }
    }
    return numbers
  }

  private func axis(_ number: Int8?) -> Axis {
    for axis in known where axis.number == number { return axis }
    var axis = Axis(number: number, layout: geometry.layout(along: number))
    for slice in 0..<axis.layout.batch {
      let (greatest, sum) = PlainSoftmax.sum(of: slice, logits, axis.layout, scale: 1 / softmax.temperature)
      axis.greatest.append(greatest)
      axis.sums.append(sum)
      axis.logarithms.append(log(sum))
    }
    known.append(axis)
    return axis
  }
}
