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

/// The loss and its gradient.
extension Recomputation {
  func loss(_ row: Int, _ shares: ChangedTarget.Shares?) -> Term {
    guard let target, let shares else { return Term() }
    let operations = operations(row)
    var term = Term(isSpoiled: isSpoiled(row))
    func add(_ share: Double, _ c: Int) {
      guard share != 0 else { return }
      let value = -logProbability(row, c)
      term.value += share * value
      term.bounds = term.bounds + operations.logarithm(value) * share
      term.step += share.magnitude * logarithmStep(row, c)
    }
    if shares.isSingle {
      if let index = shares.target { add(shares.targetShare, index) }
    } else if shares.isSpread, !spreads.isEmpty {
      // The sum over all classes, with the target's own share in place of what it has of the spread.
      let weight = target.spreadTotal
      term.value = shares.spread * spreads[row]
      term.bounds = operations.logarithm(spreads[row] / weight) * (shares.spread * weight)
      if let index = shares.target {
        add(shares.targetShare - shares.spread * (shares.spreadWeight?[index] ?? 1), index)
      }
    } else {
      for c in 0..<rows.classes { add(shares[c], c) }
    }
    let factor = target.sampleWeight(rows.numbers[row]) * change.factor / target.divisor
    term.value *= factor
    term.bounds = term.bounds * factor
    term.gain = factor.magnitude * shares.total
    term.step *= factor.magnitude
    return term
  }

  func gradient(_ row: Int, _ c: Int, _ shares: ChangedTarget.Shares?) -> Term {
    guard let target else { return Term() }
    if change.isDifferentiated, change.source != .given {
      return differentiated(row, c, shares: shares, target: target)
    }
    // Differentiating log 0 multiplies ∞ by 0, and softmax hands that to the whole slice.
    if change.isDifferentiated, isFlushed(row) { return Term(value: .nan, isSpoiled: true) }
    guard let shares else { return Term() }
    var factor = rowFactor(row, target)
    if case .epsilon(let epsilon) = change.handling {
      // ∂/∂a of -log(p_y + ε) is p_y/(p_y + ε) times that of -log p_y.
      guard shares.isSingle, let index = shares.target else { return Term(value: .nan) }
      let p = probabilities[row * rows.classes + index]
      factor *= p / (p + epsilon)
    }
    let (p, share) = (probability(row, c), shares[c])
    let whole = target.classFactor(c) ?? shares.total
    // Without cancellation where p is near 1: what is left to 1 is the sum of the others.
    let isShare = p > 0.5 && sumToOne && p == probabilities[row * rows.classes + c] && target.classFactor(c) == nil
    let value = isShare ? p * (whole - share) - share * others(row, but: c) : whole * p - share
    return Term(
      value: factor * value,
      bounds: operations(row).gradient(factor * value, factor: factor, whole: whole, p: p, share: share),
      gain: factor.magnitude * whole, isSpoiled: isSpoiled(row))
  }

  /// The gradient of a loss with another function in softmax's place.
  private func differentiated(
    _ row: Int, _ c: Int, shares: ChangedTarget.Shares?, target: ChangedTarget
  ) -> Term {
    let factor = rowFactor(row, target)
    let share = shares?[c] ?? 0
    if let (layout, totals) = axisTotals {
      let total = totals[layout.slice(of: rows.position(row: row, class: c))]
      let p = probabilities[row * rows.classes + c]
      return term(
        total * p - factor * share, operations.product(total.magnitude * p, p: p, less: factor * share))
    }
    guard let shares else { return Term() }
    guard change.source == .twice else {
      return term(-factor * share, operations.product(0, p: 1, less: factor * share))
    }
    // v = U p² - u, p² = softmax(p), through softmax's Jacobian: p_i (v_i - Σ p_j v_j).
    let start = row * rows.classes
    var (mean, size) = (0.0, 0.0)
    for j in 0..<rows.classes {
      mean += inner[start + j] * (shares.total * probabilities[start + j] - shares[j])
      size += inner[start + j] * (shares.total * probabilities[start + j] + shares[j])
    }
    let own = shares.total * probabilities[start + c]
    return term(
      factor * inner[start + c] * (own - share - mean),
      operations.product(
        factor.magnitude * inner[start + c] * (own + share + size), p: inner[start + c], less: 0))
  }

  private func term(_ value: Double, _ bounds: ErrorBounds) -> Term {
    Term(value: value, bounds: bounds, gain: gradientFactor.magnitude)
  }

  /// Whether a probability of a slice is flushed to 0.
  private func isFlushed(_ row: Int) -> Bool {
    if case .flushed(let threshold) = change.handling { leastProbabilities[row] < threshold } else { false }
  }

  /// Whether the numbers in the probabilities' place sum to 1 over the classes of a slice.
  private var sumToOne: Bool {
    switch change.source {
    case .given, .withoutTemperature, .timesTemperature, .twice: true
    case .axis, .logits: false
    }
  }

  /// The probabilities of all classes but one.
  private func others(_ row: Int, but c: Int) -> Double {
    let start = row * rows.classes
    var sum = 0.0
    for index in start..<(start + rows.classes) where index != start + c { sum += probabilities[index] }
    return sum
  }
}
