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
  /// D.
  private var divisor: ExponentialSum.Coefficient
  /// Whether e^loss is the bound itself.
  private var isReached = true
  /// What the powers and D are multiplied by, so that no share of a row is a fraction.
  private var common = 1

  /// `nil` where the loss has other terms, or weights that are not rational.
  ///
  /// The focal factor (1 - 1/N)^γ of a level row is rational for a whole γ. A row with one class adds nothing.
  init?(_ request: LossRequest, _ poll: inout CancellationPoll) throws(ComputationError) {
    let problem = request.problem
    guard problem.zLoss == 0, !problem.takesProbabilities else { return nil }
    divisor = Sum.exact(problem.weightScale)
    if let normaliser = request.normaliser { divisor = Sum.product(divisor, Sum.exact(normaliser)) }
    let spread = problem.exactSpread
    for n in 0..<problem.softmax.layout.batch where problem.counts(row: n) {
      try poll.spend(2_000 + 10 * problem.softmax.layout.classes)
      let row = LogitsRow(problem.softmax, number: n)
      guard row.finite > 1 else { continue }
      let weights = TargetWeights(problem, row: n)
      guard var total = try weights.exactTotal(of: weights.teacherGroups, spread: spread, &poll) else { return nil }
      guard total.sum.sign != 0 else { continue }
      if !row.isLevel { isReached = false }
      if problem.focalGamma > 0 {
        guard row.isLevel, problem.focalGamma <= 62, let gamma = Int(exactly: problem.focalGamma) else { return nil }
        for _ in 0..<gamma {
          let (count, overflow) = total.count.multipliedReportingOverflow(by: row.finite)
          if overflow { return nil }
          total = (Sum.product(total.sum, row.finite - 1), count)
        }
      }
      guard let share = share(of: total.count) else { return nil }
      let weight = Sum.product(Sum.product(total.sum, share), Sum.exact(problem.weight(ofRow: n)))
      for (prime, count) in Self.factors(of: row.logits.count { $0 == row.maximum }) {
        let power = Sum.product(weight, count)
        powers[prime] = powers[prime].map { Sum.sum($0, power) } ?? power
      }
    }
    divisor = Sum.product(divisor, common)
  }

  /// `common` over a count, which is made to divide it; `nil` where it would be too large.
  private mutating func share(of count: Int) -> Int? {
    var (divisor, rest) = (count, common)
    while rest != 0 { (divisor, rest) = (rest, divisor % rest) }
    let (product, overflow) = common.multipliedReportingOverflow(by: count / divisor)
    if overflow { return nil }
    if product != common { powers = powers.mapValues { Sum.product($0, product / common) } }
    common = product
    return common / count
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
      (powers[prime] ?? Sum.exact(0)) == Sum.product(divisor, count)
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
