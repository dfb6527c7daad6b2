/// One row of logits with what every formula needs of it.
struct LogitsRow: Sendable {
  /// `a`, [classes].
  let logits: [Double]
  /// `T`.
  let temperature: Double
  /// c, where the logits are c·tanh(a/c) before they are divided by T.
  let softcap: Double?
  /// The lowest index among the largest logits.
  let top: Int
  /// How many logits are finite.
  let finite: Int
  /// Whether all finite logits are equal, so that softmax is rational by Lindemann and Weierstrass's theorem. (Capped
  /// ones are then equal too, and else different.)
  let isLevel: Bool

  init(_ problem: SoftmaxProblem, number n: Int) {
    self.init(
      problem.layout.row(n, of: problem.logits), temperature: problem.temperature, softcap: problem.softcap)
  }

  /// A row that the vector stage has left open.
  init(_ problem: SoftmaxProblem, _ row: UnresolvedRow) {
    self.init(
      row.logits?.array ?? problem.layout.row(row.number, of: problem.logits), temperature: problem.temperature,
      softcap: problem.softcap)
  }

  init(_ logits: [Double], temperature: Double, softcap: Double? = nil) {
    var top = 0
    var finite = 0
    var least = Double.infinity
    for c in logits.indices {
      let logit = logits[c]
      if logit > logits[top] { top = c }
      if logit > -.infinity {
        finite += 1
        least = min(least, logit)
      }
    }
    self.logits = logits
    self.temperature = temperature
    self.softcap = softcap
    self.top = top
    self.finite = finite
    isLevel = least == logits[top]
  }

  var classes: Int { logits.count }
  var maximum: Double { logits[top] }

  func isMasked(_ i: Int) -> Bool { logits[i] == -.infinity }

  /// Whether e^d_i is so small, less than 2^-1000000, that only its sign ever counts.
  func isNegligible(_ i: Int) -> Bool { roughDistance(i) < -0x1p20 }

  /// Whether every other class is fainter than the maximum by a factor of e^64.
  var isConfident: Bool { logits.indices.allSatisfy { $0 == top || roughDistance($0) < -64 } }

  /// d_i = (a_i - m) / T within a few ulps; beyond binary64 it is -∞ or 0.
  @inline(__always) func roughDistance(_ i: Int) -> Double {
    if let softcap { return roughCappedDistance(i, cap: softcap) }
    return roughUncappedDistance(i)
  }

  @inline(__always) func roughUncappedDistance(_ i: Int) -> Double {
    let gap = logits[i] - maximum
    // A gap beyond binary64 need not be a distance beyond it.
    return gap == -.infinity ? (0.5 * logits[i] - 0.5 * maximum) / (0.5 * temperature) : gap / temperature
  }
}

extension LogitsRow {
  /// Whether two rows are equal up to a shift, so that their softmax is the same.
  /// - Parameters:
  ///   - a, b: logits, as many.
  ///   - top, otherTop: the largest of each.
  static func areShifted(_ a: Span<Double>, top: Double, _ b: Span<Double>, top otherTop: Double) -> Bool {
    for c in a.indices {
      if a[c] == -.infinity || b[c] == -.infinity {
        if a[c] != b[c] { return false }
      } else if ExactPair(a[c], -top) != ExactPair(b[c], -otherTop) {
        return false
      }
    }
    return true
  }
}

/// A real function of one row of logits, whose nearest number is a result.
enum RowValue: Sendable, Hashable {
  /// p_i.
  case probability(Int)
  /// log p_i.
  case logProbability(Int)
  /// log Σ e^(a/T).
  case logSumExp
  /// -Σ p log p.
  case entropy
  /// The lowest index among the largest logits.
  case argmax
  /// The index of a class, itself.
  case index(Int)
  /// ∂p_l/∂a_i.
  case jacobian(Int, Int)
  /// ∂L/∂p_l = -1/p_l: a step of the derivation, as are those below.
  case lossByProbability(Int)
  /// p_l/T.
  case quotientFirst(Int)
  /// p_l p_i/T.
  case quotientSecond(Int, Int)
  /// ∂L/∂a_i = -(1[l=i] - p_i)/T.
  case lossByLogit(Int, Int)
}

extension LogitsRow {
  /// The value where it is known without arithmetic.
  func known(_ value: RowValue) -> Double? {
    switch value {
    case .argmax: Double(top)
    case .index(let i): Double(i)
    case .logProbability(let i): isMasked(i) ? -.infinity : nil
    // 1/p exceeds 2^1000000.
    case .lossByProbability(let l): isNegligible(l) ? -.infinity : nil
    case .probability, .logSumExp, .entropy, .jacobian, .quotientFirst, .quotientSecond, .lossByLogit: nil
    }
  }

  /// Whether the value is known to be irrational, or zero, so that its enclosure may be cut open at a boundary.
  ///
  /// A logarithm is, by Lindemann and Weierstrass's theorem (docs/numerics.md §5), unless it is of one term; of the
  /// entropy nothing is proved. Quotients of exponential sums are asked about one by one (``RowQuotients``), but those
  /// of capped logits, which are taken for irrational where the logits differ.
  func isIrrational(_ value: RowValue) -> Bool {
    switch value {
    case .logProbability: finite > 1
    // tanh of a rational number is irrational, except for 0.
    case .logSumExp: finite > 1 || isCapped(top)
    case .entropy, .argmax, .index: false
    case .probability(let i): softcap != nil && !isLevel && !isMasked(i)
    case .jacobian(let l, let i):
      softcap != nil && (!isLevel || isCapped(i)) && !isMasked(l) && !isMasked(i)
    // There is no derivation of capped logits.
    case .quotientSecond, .lossByLogit, .lossByProbability, .quotientFirst: false
    }
  }

  /// Whether a cap changes a finite logit.
  func isCapped(_ i: Int) -> Bool { softcap != nil && logits[i] != 0 }
}

extension SoftmaxSums {
  /// The value, enclosed.
  mutating func enclosure(of value: RowValue, _ poll: inout CancellationPoll) throws(ComputationError) -> A.Real {
    switch value {
    case .probability(let i): try probability(i, &poll)
    case .logProbability(let i): try logProbability(i, &poll)
    case .logSumExp: try logSumExp(&poll)
    case .entropy: try entropy(&poll)
    case .argmax: arithmetic.whole(row.top)
    case .index(let i): arithmetic.whole(i)
    case .jacobian(let l, let i): try jacobian(l, i, &poll)
    case .lossByProbability(let l): try lossByProbability(l, &poll)
    case .quotientFirst(let l): try quotientFirst(l, &poll)
    case .quotientSecond(let l, let i): try product(l, i, &poll)
    case .lossByLogit(let l, let i): try lossByLogit(l, i, &poll)
    }
  }
}
