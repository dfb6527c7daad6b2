import Glibc
import Softmax

/// What stands in softmax's place, number by number.
extension Recomputation {
  /// Whether the exponentials of a slice leave the range.
  func isSpoiled(_ row: Int) -> Bool {
    switch change.handling {
    case .unshifted(let range):
      rows.extremes[row].greatest / temperature > range.greatest || perSlice[row] > range.greatest
        || perSlice[row] < range.least
    case .beyond(let greatest): rows.extremes[row].magnitude > greatest
    case .given, .epsilon, .clipped, .flushed: false
    }
  }

  @inline(__always)
  func probability(_ slice: Slice, _ c: Int) -> Double {
    let p = probabilities[slice.start + c]
    return isHandled ? handled(p, slice, c) : p
  }

  private func handled(_ p: Double, _ slice: Slice, _ c: Int) -> Double {
    switch change.handling {
    case .given, .epsilon, .beyond: return p
    case .clipped(let least, let isTwoSided): return min(max(p, least), isTwoSided ? 1 - least : .infinity)
    case .flushed(let threshold): return p < threshold ? 0 : p
    case .unshifted(let range):
      let x = rows.logits[slice.start + c] / temperature
      // ∞/∞, and 0/0.
      if x > range.greatest || perSlice[slice.row] < range.least { return .nan }
      return x < range.least || perSlice[slice.row] > range.greatest ? 0 : p
    }
  }

  @inline(__always)
  func logProbability(_ slice: Slice, _ c: Int) -> Double {
    let logP = logProbabilities[slice.start + c]
    return isHandled ? handledLogarithm(logP, slice, c) : logP
  }

  private func handledLogarithm(_ logP: Double, _ slice: Slice, _ c: Int) -> Double {
    let p = probabilities[slice.start + c]
    switch change.handling {
    case .given, .beyond: return logP
    case .epsilon(let epsilon):
      guard p > epsilon else { return log(p + epsilon) }
      let ratio = epsilon / p
      // log(1 + x) = x - x²/2 + ..., which is x to half a unit of the logarithm.
      return logP + (ratio < 0x1p-27 ? ratio : log1p(ratio))
    case .clipped(let least, let isTwoSided):
      return p < least ? log(least) : isTwoSided && p > 1 - least ? log1p(-least) : logP
    case .flushed, .unshifted:
      let p = handled(p, slice, c)
      return p == 0 ? -.infinity : p.isNaN ? .nan : logP
    }
  }

  /// By how much log p moves where p moves by the least number of binary64: 0 where it is computed without p.
  func logarithmStep(_ slice: Slice, _ c: Int) -> Double {
    guard isHandled else { return 0 }
    let step = Double.leastNonzeroMagnitude
    switch change.handling {
    case .given, .beyond: return 0
    case .epsilon(let epsilon): return step / (probabilities[slice.start + c] + epsilon)
    case .clipped, .flushed, .unshifted:
      let p = probability(slice, c)
      return p > 0 ? step / p : 0
    }
  }

  /// By how much a logarithm moves at most: beside a constant by an eighth, since where rounding moves p further
  /// nothing is known of p, and no number speaks for the constant.
  var reachOfLogarithm: Double { change.handling.isNearNone ? 0.125 : .infinity }

  func logSumExp(_ row: Int) -> Double {
    guard case .unshifted(let range) = change.handling else { return perSlice[row] }
    return perSlice[row] > range.greatest ? .infinity : perSlice[row] < range.least ? -.infinity : perSlice[row]
  }

  func entropy(_ slice: Slice) -> Double {
    guard isHandled else { return perSlice[slice.row] }
    // 0 · log 0 is NaN, as it is for a caller who does not know better.
    return -(0..<rows.classes).reduce(0.0) { $0 + probability(slice, $1) * logProbability(slice, $1) }
  }
}

/// The loss and its gradient.
extension Recomputation {
  func loss(_ slice: Slice) -> Term {
    guard let target, let targets, slice.counts else { return Term() }
    let shares = slice.shares
    var term = Term(reach: 0, isSpoiled: slice.isSpoiled)
    let reach = reachOfLogarithm
    func add(_ share: Double, _ c: Int) {
      guard share != 0 else { return }
      let value = -logProbability(slice, c)
      term.value += share * value
      term.bounds = term.bounds + slice.operations.logarithm(value) * share
      term.step += share.magnitude * logarithmStep(slice, c)
      term.reach += share.magnitude * reach
    }
    if !shares.isSpread {
      if shares.target >= 0 { add(shares.targetShare, shares.target) }
    } else if targets.hasIndices, !spreads.isEmpty {
      // The sum over all classes, with the target's own share in place of what it has of the spread.
      let weight = target.spreadTotal
      term.value = target.spread * spreads[slice.row]
      term.bounds = slice.operations.logarithm(spreads[slice.row] / weight) * (target.spread * weight)
      term.reach = reach
      if shares.target >= 0 { add(shares.targetShare - target.spreadShare(shares.target, targets), shares.target) }
    } else {
      for c in 0..<rows.classes { add(share(slice, c), c) }
    }
    let factor = target.sampleWeight(shares.item, targets) * change.scale.factor / target.divisor
    term.value *= factor
    term.bounds = term.bounds * factor
    term.gain = factor.magnitude * shares.total
    term.step *= factor.magnitude
    term.reach *= factor.magnitude
    return term
  }

  @inline(__always)
  func gradient(_ slice: Slice, _ c: Int) -> Term {
    switch change.derivation {
    case .given: break
    case .ofChangedLoss:
      if change.source != .given { return differentiated(slice, c) }
      // Differentiating log 0 multiplies ∞ by 0, and softmax hands that to the whole slice.
      if isFlushed(slice.row) { return Term(value: .nan, isSpoiled: true) }
    case .diagonal, .withoutJacobian, .addedTarget: return misderived(slice, c)
    }
    guard slice.counts, let target, let targets else { return Term() }
    var factor = slice.factor
    if isHandled, case .epsilon(let epsilon) = change.handling {
      // ∂/∂a of -log(p_y + ε) is p_y/(p_y + ε) times that of -log p_y.
      guard !slice.shares.isSpread, slice.shares.target >= 0 else { return Term(value: .nan) }
      let p = probabilities[slice.start + slice.shares.target]
      factor *= p / (p + epsilon)
    }
    let isLost = isSquareInfinite(slice.row)
    let p = isLost ? 0 : probability(slice, c)
    let sumsToOne = !target.hasClassFactors && !otherProbabilities.isEmpty && p == probabilities[slice.start + c]
    var term = Term.gradient(
      factor: factor, whole: target.hasClassFactors ? targets.weight(target.weights, c) : slice.shares.total,
      share: target.share(c, slice.shares, targets), p: p, others: sumsToOne ? otherProbabilities[slice.row] : nil,
      slice.operations)
    term.isSpoiled = slice.isSpoiled || isLost
    return term
  }

  /// The gradient of a loss with another function in softmax's place.
  private func differentiated(_ slice: Slice, _ c: Int) -> Term {
    let factor = slice.factor
    let share = slice.counts ? share(slice, c) : 0
    if let layout = otherAxis, let target, let targets {
      let place = layout.slice(of: slice.position + c * rows.layout.inner)
      let total =
        axisTotals.isEmpty
        ? targets.total(along: layout, place, target, factor: gradientFactor) : axisTotals[place]
      let p = probabilities[slice.start + c]
      return term(
        total * p - factor * share, slice.operations.product(total.magnitude * p, p: p, less: factor * share))
    }
    guard slice.counts else { return Term() }
    guard change.source.isOfProbabilities else {
      return term(-factor * share, slice.operations.product(0, p: 1, less: factor * share))
    }
    // v through softmax's Jacobian: p_i (v_i - Σ p_j v_j).
    let own = outer(slice, c)
    let p = inner[slice.start + c]
    return term(
      factor * p * (own - share - slice.mean),
      slice.operations.product(factor.magnitude * p * (own + share + slice.size), p: p, less: 0))
  }

  /// What is left of the gradient where its derivation from the loss goes wrong.
  @inline(never)
  private func misderived(_ slice: Slice, _ c: Int) -> Term {
    guard slice.counts else { return Term() }
    let (p, share, factor) = (probabilities[slice.start + c], share(slice, c), slice.factor)
    guard change.derivation == .withoutJacobian else {
      let isDiagonal = change.derivation == .diagonal
      return Term.gradient(
        factor: factor, whole: isDiagonal ? share : slice.shares.total, share: isDiagonal ? share : -share, p: p,
        others: otherProbabilities.isEmpty ? nil : otherProbabilities[slice.row], slice.operations)
    }
    let value = share == 0 ? 0 : -factor * share / p
    // 1/0 and 0/0, in binary32 too. What is finite beside them is not excused.
    return Term(value: value, bounds: slice.operations.quotient(value, over: p), isSpoiled: p < 0x1p-126)
  }

  private func term(_ value: Double, _ bounds: ErrorBounds) -> Term {
    Term(value: value, bounds: bounds, gain: gradientFactor.magnitude)
  }

  /// Σ f u along each slice of a layout, f being what the gradient of a slice of the class axis is multiplied by.
  func totals(along layout: Layout) -> [Double] {
    var totals = [Double](repeating: 0, count: layout.batch)
    for row in 0..<rows.count {
      let slice = slice(row)
      guard slice.counts else { continue }
      for c in 0..<rows.classes {
        totals[layout.slice(of: slice.position + c * rows.layout.inner)] += slice.factor * share(slice, c)
      }
    }
    return totals
  }

  /// Whether the square of a slice's sum of exponentials leaves the range, by which differentiation divides, though the
  /// sum does not.
  private func isSquareInfinite(_ row: Int) -> Bool {
    guard change.isDifferentiated, case .unshifted(let range) = change.handling else { return false }
    return perSlice[row] > range.greatest / 2 && perSlice[row] <= range.greatest
  }

  /// Whether a probability of a slice is flushed to 0.
  private func isFlushed(_ row: Int) -> Bool {
    if case .flushed(let threshold) = change.handling { leastProbabilities[row] < threshold } else { false }
  }
}

extension Recomputation.Term {
  /// A number of the gradient, factor · (U p - u).
  /// - Parameter others: the sum of the slice's other probabilities than the largest; nil where they do not sum to 1.
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
  /// The same of a slice, with what rounding its logits makes of it.
  @inline(__always)
  func shifted(by rows: CheckedRows, _ row: Int, _ source: Change.Source) -> OperationCount {
    var operations = self
    operations.shift = rows.shift(row, source)
    operations.shiftOfProbability = rows.isOneHot(row, source) ? 0 : operations.shift
    return operations
  }
}
