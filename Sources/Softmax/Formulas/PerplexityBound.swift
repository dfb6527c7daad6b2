internal import VectorKernels

/// What e^loss of all rows is at least, exactly: where that is half-way between two numbers, it decides the rounding.
///
/// e^loss = Π S_n^(A_n) e^B with A_n = s_n U_n / D, and no term of B is negative. Of a row with N_n largest logits S_n
/// is at least N_n, so that e^loss is at least Π N_n^(A_n). It is that where all rows that count are level, and else
/// more. By unique factorisation the product is a number m where it holds each prime as often as m does.
struct PerplexityBound {
  private typealias Sum = ExponentialSum

  /// For each prime, Σ s_n U_n times how often it divides N_n.
  private var powers: [Int: ExponentialSum.Coefficient] = [:]
  /// D, in the same unit.
  private var divisor: ExponentialSum.Coefficient
  /// Whether e^loss is the bound itself.
  private var isReached = true

  /// `nil` where the loss has other terms, or weights that are not rational.
  init?(_ request: LossRequest, _ poll: inout CancellationPoll) throws(ComputationError) {
    let problem = request.problem
    guard problem.zLoss == 0, problem.focalGamma == 0, !problem.takesProbabilities else { return nil }
    divisor = Sum.exact(Double(problem.weightScale))
    if let normaliser = request.normaliser { divisor = Sum.product(divisor, Sum.exact(normaliser)) }
    var shares: Int?
    for n in 0..<problem.softmax.layout.batch where problem.counts(row: n) {
      guard let total = try TargetWeights(problem, row: n).exactTotal(&poll) else { return nil }
      guard total.sum.sign != 0 else { continue }
      guard shares == nil || shares == total.count else { return nil }
      shares = total.count
      let row = LogitsRow(problem.softmax, number: n)
      if !row.isLevel { isReached = false }
      let weight = Sum.product(total.sum, Sum.exact(problem.sampleWeight?[n] ?? 1))
      for (prime, count) in Self.factors(of: row.logits.count { $0 == row.maximum }) {
        let power = Sum.product(weight, Sum.exact(Double(count)))
        powers[prime] = powers[prime].map { Sum.sum($0, power) } ?? power
      }
    }
    divisor = Sum.product(divisor, Sum.exact(Double(shares ?? 1)))
  }

  /// The number of the format nearest to e^loss, which `value` encloses, if the bound is half-way between two.
  func nearest<Real: Enclosure>(to value: Real, in format: BinaryFormat) -> Double? {
    let ends = value.ends(in: format)
    guard let middle = format.boundary(between: ends.0, ends.1), isBound(middle) else { return nil }
    return isReached ? format.nearest(to: middle, tie: .toEven) : ends.1
  }

  /// Whether the bound is m, a positive number of at most 64 bits.
  private func isBound(_ m: ExponentialSum.Coefficient) -> Bool {
    let top = m.limbs[m.limbs.count - 1]
    var odd = top >> UInt64(top.trailingZeroBitCount)
    func holds(_ prime: Int, _ count: Int) -> Bool {
      (powers[prime] ?? Sum.exact(0)) == Sum.product(divisor, Sum.exact(Double(count)))
    }
    guard holds(2, m.exponent - 64 + top.trailingZeroBitCount) else { return false }
    for prime in powers.keys where prime != 2 {
      var count = 0
      while odd.isMultiple(of: UInt64(prime)) {
        odd /= UInt64(prime)
        count += 1
      }
      guard holds(prime, count) else { return false }
    }
    return odd == 1
  }

  /// The prime factors of a positive number, and how often it has each.
  private static func factors(of number: Int) -> [(prime: Int, count: Int)] {
    var (rest, divisor) = (number, 2)
    var factors: [(prime: Int, count: Int)] = []
    while rest > 1 {
      if divisor * divisor > rest { divisor = rest }
      var count = 0
      while rest.isMultiple(of: divisor) {
        rest /= divisor
        count += 1
      }
      if count > 0 { factors.append((divisor, count)) }
      divisor += 1
    }
    return factors
  }
}
