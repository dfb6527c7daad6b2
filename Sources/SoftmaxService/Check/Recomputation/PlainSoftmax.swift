import Glibc
import Softmax

/// Softmax as textbooks compute it, exp(x - max x) / Σ, in plain binary64: a fraction of what the correctly rounded one
/// costs, and good enough to see that numbers are others.
///
/// What it rounds stays within the lenient bounds of ``ErrorBounds`` in binary64.
enum PlainSoftmax {
  /// One output over all slices of a layout: of the logits' shape, or one number for each slice.
  /// - Parameters:
  ///   - logits: as many as the layout says.
  ///   - scale: what differences of logits are multiplied by: 1/T, or T.
  /// - Returns: nil for an output that is not computed here.
  static func table(_ output: SoftmaxOutput, of logits: [Double], _ layout: Layout, scale: Double) -> [Double]? {
    switch output {
    case .probabilities, .logProbabilities:
      var table = [Double](repeating: 0, count: layout.count)
      for slice in 0..<layout.batch {
        let places = stride(from: layout.start(of: slice), by: layout.inner, count: layout.classes)
        let greatest = Self.greatest(logits, places)
        var sum = 0.0
        for place in places {
          let x = (logits[place] - greatest) * scale
          let power = exp(x)
          sum += power
          table[place] = output == .probabilities ? power : x
        }
        if output == .probabilities {
          for place in places { table[place] /= sum }
        } else {
          let logarithm = log(sum)
          for place in places { table[place] -= logarithm }
        }
      }
      return table
    case .logSumExp, .entropy:
      return (0..<layout.batch).map { slice in
        let places = stride(from: layout.start(of: slice), by: layout.inner, count: layout.classes)
        let greatest = Self.greatest(logits, places)
        var (sum, mean) = (0.0, 0.0)
        for place in places where logits[place] > -.infinity {
          let x = (logits[place] - greatest) * scale
          let power = exp(x)
          sum += power
          mean += power * x
        }
        return output == .entropy ? log(sum) - mean / sum : greatest * scale + log(sum)
      }
    default: return nil
    }
  }

  /// The largest logit of a slice, and Σ exp((a - max a) · scale).
  static func sum(
    of slice: Int, _ logits: [Double], _ layout: Layout, scale: Double
  ) -> (greatest: Double, sum: Double) {
    let places = stride(from: layout.start(of: slice), by: layout.inner, count: layout.classes)
    let greatest = Self.greatest(logits, places)
    var sum = 0.0
    for place in places { sum += exp((logits[place] - greatest) * scale) }
    return (greatest, sum)
  }

  /// The logits under a soft cap, c·tanh(a/c).
  static func capped(_ logits: [Double], _ softcap: Double?) -> [Double] {
    softcap.map { cap in logits.map { cap * tanh($0 / cap) } } ?? logits
  }

  private static func stride(from start: Int, by step: Int, count: Int) -> StrideTo<Int> {
    Swift.stride(from: start, to: start + step * count, by: step)
  }

  private static func greatest(_ logits: [Double], _ places: StrideTo<Int>) -> Double {
    var greatest = -Double.infinity
    for place in places { greatest = max(greatest, logits[place]) }
    return greatest
  }
}
