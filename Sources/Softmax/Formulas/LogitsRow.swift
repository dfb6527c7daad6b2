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
      row.logits?.numbers.array ?? problem.layout.row(row.number, of: problem.logits), temperature: problem.temperature,
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

  /// Whether e^d_i is near 1, so that it is written as 1 + x_i (``SoftmaxSums``). Any choice is right, as long as it is
  /// the same each time.
  @inline(__always) func isNear(_ i: Int) -> Bool { roughDistance(i) >= -0.5 }

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

/// Capped logits c·tanh(a/c) of a row whose largest logit is m, in some arithmetic.
///
/// With E(a) = e^(-2|a|/c): tanh(a/c) = ±(1 - E)/(1 + E), and its derivative is 4E/(1 + E)². A difference of two would
/// cancel without limit where both are near c; by sinh(x-y)/(cosh x cosh y) it is a product instead.
struct SoftCap<A: Arithmetic> {
  private let arithmetic: A
  private let cap: Double
  private let maximum: Double
  /// E(m).
  private let decayOfMaximum: A.Real

  init(
    _ cap: Double, maximum: Double, _ arithmetic: A, _ poll: inout CancellationPoll
  ) throws(ComputationError) {
    self.arithmetic = arithmetic
    self.cap = cap
    self.maximum = maximum
    decayOfMaximum = try Self.decay(maximum, cap: cap, arithmetic, &poll)
  }

  /// c tanh(a/c), of which ±c is an exact part where a is far beyond c.
  func capped(_ a: Double, _ poll: inout CancellationPoll) throws(ComputationError) -> Split<A> {
    if a == 0 { return Split(exact: arithmetic.whole(0), tail: arithmetic.whole(0)) }
    if isFar(a) {
      let (exact, lack) = (arithmetic.exact(a < 0 ? -cap : cap), try lack(a, &poll))
      return Split(exact: exact, tail: a < 0 ? lack : -lack)
    }
    let decay = try decay(a, &poll)
    let magnitude = try arithmetic.exact(cap) * oneLessPower(of: a.magnitude, &poll) / (arithmetic.whole(1) + decay)
    return Split(exact: a < 0 ? -magnitude : magnitude, tail: arithmetic.whole(0))
  }

  /// Whether c - |c tanh(a/c)| is below c e^-64.
  private func isFar(_ a: Double) -> Bool { a.magnitude / 40 > cap }

  /// c - |c tanh(a/c)| = 2c E/(1 + E).
  private func lack(_ a: Double, _ poll: inout CancellationPoll) throws(ComputationError) -> A.Real {
    let decay = try decay(a, &poll)
    return arithmetic.whole(2) * arithmetic.exact(cap) * decay / (arithmetic.whole(1) + decay)
  }

  /// The gap as 2c, or c, and a tail, where the two logits are far beyond c with different signs, or one of them is 0.
  func splitGap(_ a: Double, _ poll: inout CancellationPoll) throws(ComputationError) -> Split<A>? {
    guard a <= 0, maximum >= 0, a == 0 || isFar(a), maximum == 0 || isFar(maximum) else { return nil }
    let (top, bottom) = (try capped(maximum, &poll), try capped(a, &poll))
    return Split(exact: top.exact - bottom.exact, tail: top.tail - bottom.tail)
  }

  /// ∂(c tanh(a/c))/∂a = 1/cosh²(a/c).
  func slope(_ a: Double, _ poll: inout CancellationPoll) throws(ComputationError) -> A.Real {
    let decay = try decay(a, &poll)
    let sum = arithmetic.whole(1) + decay
    return arithmetic.whole(4) * decay / (sum * sum)
  }

  /// c tanh(m/c) - c tanh(a/c) = 2c e^(-2g) (1 - e^(-2(m-a)/c)) / [(1 + E(m)) (1 + E(a))] for a < m, where g is the
  /// lesser of |m|/c and |a|/c if both have the same sign, else 0.
  func gap(_ a: Double, _ poll: inout CancellationPoll) throws(ComputationError) -> A.Real {
    let one = arithmetic.whole(1)
    let decay = try decay(a, &poll)
    let between = try oneLessPower(ofGap: a, &poll)
    let both = a >= 0 ? decay : maximum <= 0 ? decayOfMaximum : one
    let numerator = arithmetic.whole(2) * arithmetic.exact(cap) * both * between
    return numerator / ((one + decayOfMaximum) * (one + decay))
  }

  private func decay(_ a: Double, _ poll: inout CancellationPoll) throws(ComputationError) -> A.Real {
    a == maximum ? decayOfMaximum : try Self.decay(a, cap: cap, arithmetic, &poll)
  }

  private static func decay(
    _ a: Double, cap: Double, _ arithmetic: A, _ poll: inout CancellationPoll
  ) throws(ComputationError) -> A.Real {
    try poll.spend(arithmetic.costOfExponential)
    let double = arithmetic.whole(-2) * arithmetic.exact(a.magnitude)
    return try arithmetic.power(double / arithmetic.exact(cap), &poll)
  }

  /// 1 - e^(-2a/c) for a >= 0.
  private func oneLessPower(of a: Double, _ poll: inout CancellationPoll) throws(ComputationError) -> A.Real {
    try oneLessPower(-(arithmetic.whole(2) * arithmetic.exact(a)), rough: 2 * (a / cap), &poll)
  }

  /// 1 - e^(-2(m-a)/c).
  private func oneLessPower(ofGap a: Double, _ poll: inout CancellationPoll) throws(ComputationError) -> A.Real {
    let gap = arithmetic.exact(a) - arithmetic.exact(maximum)
    return try oneLessPower(arithmetic.whole(2) * gap, rough: 2 * ((maximum - a) / cap), &poll)
  }

  /// 1 - e^(x/c) for x <= 0, where -x/c is roughly known: within a few ulps, or beyond binary64.
  private func oneLessPower(
    _ x: A.Real, rough: Double, _ poll: inout CancellationPoll
  ) throws(ComputationError) -> A.Real {
    try poll.spend(arithmetic.costOfExponential)
    let argument = x / arithmetic.exact(cap)
    if rough <= 0.5 { return -(try arithmetic.exponentialLessOne(argument, &poll)) }
    return arithmetic.whole(1) - (try arithmetic.power(argument, &poll))
  }
}

extension LogitsRow {
  /// d_i = (c tanh(a_i/c) - c tanh(m/c)) / T within 2^-30; beyond binary64 it is -∞ or 0. By ``SoftCap/gap(_:_:)``, its
  /// exponents apart.
  func roughCappedDistance(_ i: Int, cap c: Double) -> Double {
    let (a, m) = (logits[i], maximum)
    // tanh x is x within x²/3.
    if a == -.infinity || max(a.magnitude, m.magnitude) < c * 0x1p-20 { return roughUncappedDistance(i) }
    let gap = m - a
    // Twice a number may leave binary64 where its quotient does not, and so may a difference where its half does not.
    let h = gap.isFinite ? 2 * (gap / c) : 4 * ((0.5 * m - 0.5 * a) / c)
    let between = h < 0x1p-20 ? h * (1 - 0.5 * h) : 1 - Approximation.power(h).value
    let both = Approximation.power(a >= 0 ? 2 * (a / c) : m <= 0 ? -2 * (m / c) : 0)
    let first = Approximation.power(2 * (m.magnitude / c)).value
    let sums = (1 + first) * (1 + Approximation.power(2 * (a.magnitude / c)).value)
    let significand = 2 * both.significand * between / sums * (c.significand / temperature.significand)
    let exponent = both.exponent + Int(c.exponent) - Int(temperature.exponent)
    return -Double(sign: .plus, exponent: max(-4000, min(4000, exponent)), significand: significand)
  }
}
