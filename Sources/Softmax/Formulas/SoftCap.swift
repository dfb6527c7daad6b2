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
