import Glibc
import Softmax

/// What stands in softmax's place, number by number.
extension Recomputation {
  /// Whether the exponentials of a slice leave the range.
  func isSpoiled(_ row: Int) -> Bool {
    switch change.handling {
    case .unshifted(let range):
      rows.greatest[row] / temperature > range.greatest || perSlice[row] > range.greatest || perSlice[row] < range.least
    case .beyond(let greatest): rows.magnitudes[row] > greatest
    case .given, .epsilon, .clipped, .flushed: false
    }
  }

  func probability(_ row: Int, _ c: Int) -> Double {
    let p = probabilities[row * rows.classes + c]
    switch change.handling {
    case .given, .epsilon, .beyond: return p
    case .clipped(let least, let isTwoSided): return min(max(p, least), isTwoSided ? 1 - least : .infinity)
    case .flushed(let threshold): return p < threshold ? 0 : p
    case .unshifted(let range):
      let x = rows.logits[row * rows.classes + c] / temperature
      // ∞/∞, and 0/0.
      if x > range.greatest || perSlice[row] < range.least { return .nan }
      return x < range.least || perSlice[row] > range.greatest ? 0 : p
    }
  }

  func logProbability(_ row: Int, _ c: Int) -> Double {
    let logP = logProbabilities[row * rows.classes + c]
    switch change.handling {
    case .given, .beyond: return logP
    case .epsilon(let epsilon):
      let p = probabilities[row * rows.classes + c]
      return p > epsilon ? logP + log1p(epsilon / p) : log(p + epsilon)
    case .clipped(let least, let isTwoSided):
      let p = probabilities[row * rows.classes + c]
      return p < least ? log(least) : isTwoSided && p > 1 - least ? log1p(-least) : logP
    case .flushed, .unshifted:
      let p = probability(row, c)
      return p == 0 ? -.infinity : p.isNaN ? .nan : logP
    }
  }

  /// By what log p moves where p moves by the least number of binary64: 0 where it is computed without p.
  func logarithmStep(_ row: Int, _ c: Int) -> Double {
    let step = Double.leastNonzeroMagnitude
    switch change.handling {
    case .given, .beyond: return 0
    case .epsilon(let epsilon): return step / (probabilities[row * rows.classes + c] + epsilon)
    case .clipped, .flushed, .unshifted:
      let p = probability(row, c)
      return p > 0 ? step / p : 0
    }
  }

  func logSumExp(_ row: Int) -> Double {
    guard case .unshifted(let range) = change.handling else { return perSlice[row] }
    return perSlice[row] > range.greatest ? .infinity : perSlice[row] < range.least ? -.infinity : perSlice[row]
  }

  func entropy(_ row: Int) -> Double {
    guard change.handling != .given else { return perSlice[row] }
    // 0 · log 0 is NaN, as it is for a caller who does not know better.
    return -(0..<rows.classes).reduce(0.0) { $0 + probability(row, $1) * logProbability(row, $1) }
  }
}
