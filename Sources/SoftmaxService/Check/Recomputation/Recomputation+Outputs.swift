import Glibc
import Softmax
import VectorKernels

/// What stands in softmax's place, number by number.
extension Recomputation {
  /// Whether the exponentials of a row leave the range.
  func isSpoiled(_ row: Int) -> Bool {
    switch change.handling {
    case .unshifted(let range):
      rows.extremes[row].greatest / temperature > range.greatest || perRow[row] > range.greatest
        || perRow[row] < range.least
    case .beyond(let greatest): rows.extremes[row].magnitude > greatest
    case .given, .epsilon, .clipped, .flushed, .gradual, .difference: false
    }
  }

  @inline(__always)
  func probability(_ row: Row, _ c: Int) -> Double {
    let p = probabilities[row.start + c]
    return isHandled ? handled(p, row, c) : p
  }

  private func handled(_ p: Double, _ row: Row, _ c: Int) -> Double {
    switch change.handling {
    case .given, .epsilon, .gradual, .beyond: return p
    case .difference(let step, let isCentral):
      // log Σ e^x moves by log(1 + p (e^h - 1)) where x of a class moves by h.
      let h = step / temperature
      let forward = log1p(p * expm1(h))
      return isCentral ? (forward - log1p(p * expm1(-h))) / (2 * h) : forward / h
    case .clipped(let least, let isTwoSided): return min(max(p, least), isTwoSided ? 1 - least : .infinity)
    case .flushed(let threshold): return p < threshold ? 0 : p
    case .unshifted(let range):
      let x = rows.logits[row.start + c] / temperature
      // ∞/∞, and 0/0.
      if x > range.greatest || perRow[row.index] < range.least { return .nan }
      return x < range.least || perRow[row.index] > range.greatest ? 0 : p
    }
  }

  @inline(__always)
  func logProbability(_ row: Row, _ c: Int) -> Double {
    let logP = logProbabilities[row.start + c]
    return isHandled ? handledLogarithm(logP, row, c) : logP
  }

  private func handledLogarithm(_ logP: Double, _ row: Row, _ c: Int) -> Double {
    let p = probabilities[row.start + c]
    switch change.handling {
    case .given, .beyond, .difference: return logP
    case .epsilon(let epsilon):
      guard p > epsilon else { return log(p + epsilon) }
      let ratio = epsilon / p
      // log(1 + x) = x - x²/2 + ..., which is x to half a unit of the logarithm.
      return logP + (ratio < 0x1p-27 ? ratio : log1p(ratio))
    case .clipped(let least, let isTwoSided):
      return p < least ? log(least) : isTwoSided && p > 1 - least ? log1p(-least) : logP
    case .flushed, .unshifted:
      let p = handled(p, row, c)
      return p == 0 ? -.infinity : p.isNaN ? .nan : logP
    case .gradual(let format):
      guard p < format.leastNormal, logP.isFinite else { return logP }
      let x = (rows.logits[row.start + c] - rows.extremes[row.index].greatest) / temperature
      let power = format.nearest(to: exp(x))
      // log Σ e^x is x - log p.
      return log(format.nearest(to: power / exp(x - logP)))
    }
  }

  /// By how much log p moves where p moves by the least number of binary64: 0 where it is computed without p.
  func logarithmStep(_ row: Row, _ c: Int) -> Double {
    guard isHandled else { return 0 }
    let step = Double.leastNonzeroMagnitude
    switch change.handling {
    case .given, .gradual, .beyond, .difference: return 0
    case .epsilon(let epsilon): return step / (probabilities[row.start + c] + epsilon)
    case .clipped, .flushed, .unshifted:
      let p = probability(row, c)
      return p > 0 ? step / p : 0
    }
  }

  /// By how much a logarithm moves at most: beside a constant by an eighth, since where rounding moves p further
  /// nothing is known of p, and no number speaks for the constant.
  var reachOfLogarithm: Double { change.handling.isNearNone ? 0.125 : .infinity }

  func logSumExp(_ row: Int) -> Double {
    guard case .unshifted(let range) = change.handling else { return perRow[row] }
    return perRow[row] > range.greatest ? .infinity : perRow[row] < range.least ? -.infinity : perRow[row]
  }

  func entropy(_ row: Row) -> Double {
    guard isHandled else { return perRow[row.index] }
    // 0 · log 0 is NaN, as it is for a caller who does not know better.
    return -(0..<rows.classes).reduce(0.0) { $0 + probability(row, $1) * logProbability(row, $1) }
  }
}

/// The loss and its gradient.
extension Recomputation {
  func loss(_ row: Row) -> Term {
    guard let target, let targets, row.counts else { return Term() }
    let shares = row.shares
    var term = Term(reach: 0, isSpoiled: row.isSpoiled)
    let reach = reachOfLogarithm
    func add(_ share: Double, _ c: Int) {
      guard share != 0 else { return }
      let value = -logProbability(row, c)
      term.value += share * value
      term.bounds = term.bounds + row.operations.logarithm(value) * share
      term.step += share.magnitude * logarithmStep(row, c)
      term.reach += share.magnitude * reach
    }
    if !shares.isSpread {
      if shares.target >= 0 { add(shares.targetShare, shares.target) }
    } else if targets.hasIndices, !spreads.isEmpty {
      // The sum over all classes, with the target's own share in place of what it has of the spread.
      let weight = target.spreadTotal
      term.value = target.spread * spreads[row.index]
      term.bounds = row.operations.logarithm(spreads[row.index] / weight) * (target.spread * weight)
      term.reach = reach
      if shares.target >= 0 { add(shares.targetShare - target.spreadShare(shares.target, targets), shares.target) }
    } else {
      for c in 0..<rows.classes { add(share(row, c), c) }
    }
    if change.target.leavesOutEntropy {
      for c in 0..<rows.classes {
        let share = share(row, c)
        guard share > 0 else { continue }
        term.value += share * log(share)
        term.bounds = term.bounds + row.operations.logarithm(log(share)) * share
      }
    }
    let factor = target.sampleWeight(shares.row, targets) * change.scale.factor(temperature) / target.divisor
    term.value *= factor
    term.bounds = term.bounds * factor
    term.gain = factor.magnitude * shares.total
    term.step *= factor.magnitude
    term.reach *= factor.magnitude
    return term
  }

  @inline(__always)
  func gradient(_ row: Row, _ c: Int) -> Term {
    switch change.derivation {
    case .given: break
    case .ofChangedLoss:
      if change.source != .given { return differentiated(row, c) }
      // Differentiating log 0 multiplies ∞ by 0, and softmax hands that to the whole row.
      if isFlushed(row.index) { return Term(value: .nan, isSpoiled: true) }
    case .diagonal, .withoutJacobian, .addedTarget: return misderived(row, c)
    }
    guard row.counts, let target, let targets else { return Term() }
    var factor = row.factor
    if isHandled, case .epsilon(let epsilon) = change.handling {
      // ∂/∂a of -log(p_y + ε) is p_y/(p_y + ε) times that of -log p_y.
      guard !row.shares.isSpread, row.shares.target >= 0 else { return Term(value: .nan) }
      let p = probabilities[row.start + row.shares.target]
      factor *= p / (p + epsilon)
    }
    let isLost = isSquareInfinite(row.index)
    let p = isLost ? 0 : probability(row, c)
    let sumsToOne = !target.hasClassFactors && !otherProbabilities.isEmpty && p == probabilities[row.start + c]
    var term = Term.gradient(
      factor: factor, whole: target.hasClassFactors ? targets.weight(target.weights, c) : row.shares.total,
      share: target.share(c, row.shares, targets), p: p, others: sumsToOne ? otherProbabilities[row.index] : nil,
      row.operations)
    term.isSpoiled = row.isSpoiled || isLost
    if isHandled, case .difference(let step, _) = change.handling {
      let noise = (row.factor * row.shares.total).magnitude * rows.noise(ofQuotientBy: step)
      term.bounds = term.bounds + ErrorBounds(careful: noise, usual: noise, lenient: noise)
    }
    return term
  }

  /// The gradient of a loss with another function in softmax's place.
  private func differentiated(_ row: Row, _ c: Int) -> Term {
    let factor = row.factor
    let share = row.counts ? share(row, c) : 0
    if let layout = otherAxis, let target, let targets {
      let place = layout.row(of: row.position + c * rows.layout.inner)
      let total =
        axisTotals.isEmpty
        ? targets.total(along: layout, place, target, factor: gradientFactor) : axisTotals[place]
      let p = probabilities[row.start + c]
      return term(
        total * p - factor * share, row.operations.product(total.magnitude * p, p: p, less: factor * share))
    }
    guard row.counts else { return Term() }
    guard change.source.isOfProbabilities else {
      return term(-factor * share, row.operations.product(0, p: 1, less: factor * share))
    }
    // v through softmax's Jacobian: p_i (v_i - Σ p_j v_j).
    let own = outer(row, c)
    let p = inner[row.start + c]
    return term(
      factor * p * (own - share - row.mean),
      row.operations.product(factor.magnitude * p * (own + share + row.size), p: p, less: 0))
  }

  /// What is left of the gradient where its derivation from the loss goes wrong.
  @inline(never)
  private func misderived(_ row: Row, _ c: Int) -> Term {
    guard row.counts else { return Term() }
    let (p, share, factor) = (probabilities[row.start + c], share(row, c), row.factor)
    guard change.derivation == .withoutJacobian else {
      let isDiagonal = change.derivation == .diagonal
      return Term.gradient(
        factor: factor, whole: isDiagonal ? share : row.shares.total, share: isDiagonal ? share : -share, p: p,
        others: otherProbabilities.isEmpty ? nil : otherProbabilities[row.index], row.operations)
    }
    let value = share == 0 ? 0 : -factor * share / p
    // 1/0 and 0/0, in binary32 too. What is finite beside them is not excused.
    return Term(value: value, bounds: row.operations.quotient(value, over: p), isSpoiled: p < 0x1p-126)
  }

  private func term(_ value: Double, _ bounds: ErrorBounds) -> Term {
    Term(value: value, bounds: bounds, gain: gradientFactor.magnitude)
  }

  /// Σ f u along each row of a layout, f being what the gradient of a row of the class axis is multiplied by.
  func totals(along layout: Layout) -> [Double] {
    var totals = [Double](repeating: 0, count: layout.batch)
    for index in 0..<rows.count {
      let row = row(at: index)
      guard row.counts else { continue }
      for c in 0..<rows.classes {
        totals[layout.row(of: row.position + c * rows.layout.inner)] += row.factor * share(row, c)
      }
    }
    return totals
  }

  /// Whether the square of a row's sum of exponentials leaves the range, by which differentiation divides, though the
  /// sum does not.
  private func isSquareInfinite(_ row: Int) -> Bool {
    guard change.isDifferentiated, case .unshifted(let range) = change.handling else { return false }
    return perRow[row] > range.greatest / 2 && perRow[row] <= range.greatest
  }

  /// Whether a probability of a row is flushed to 0.
  private func isFlushed(_ row: Int) -> Bool {
    if case .flushed(let threshold) = change.handling { leastProbabilities[row] < threshold } else { false }
  }
}

extension Recomputation.Term {
  /// A number of the gradient, factor · (U p - u).
  /// - Parameter others: the sum of the row's other probabilities than the largest; nil where they do not sum to 1.
  @inline(__always)
  static func gradient(
    factor: Double, whole: Double, share: Double, p: Double, others: Double?, _ operations: OperationCount
  ) -> Self {
    // Without cancellation where p is near 1: what is left to 1 is the sum of the others.
    let value = if let others, p > 0.5 { p * (whole - share) - share * others } else { whole * p - share }
    return Self(
      value: factor * value,
      bounds: operations.gradient(factor * value, factor: factor, whole: whole, p: p, share: share),
      gain: factor.magnitude * whole)
  }
}

extension OperationCount {
  /// The same of a row, with what rounding its logits makes of it.
  @inline(__always)
  func shifted(by rows: CheckedRows, _ row: Int, _ source: Change.Source) -> OperationCount {
    var operations = self
    operations.shift = rows.shift(row, source)
    operations.shiftOfProbability = rows.isOneHot(row, source) ? 0 : operations.shift
    return operations
  }
}
