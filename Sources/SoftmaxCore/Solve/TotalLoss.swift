/// The reduced loss: one number over all items, rounded once.
struct TotalLoss: OpenQuestions {
  let problem: LossProblem
  /// D.
  let normaliser: ExactSum?
  private(set) var loss: Double?

  init(_ problem: LossProblem, normaliser: ExactSum?) {
    self.problem = problem
    self.normaliser = normaliser
  }

  var openCount: Int { loss == nil ? 1 : 0 }

  /// Rounds the sum of all items' terms, each times scale and T, if it is known well enough.
  mutating func settle<A: Arithmetic>(_ sum: A.Real, _ arithmetic: A) {
    let softmax = problem.softmax
    var denominator = arithmetic.whole(problem.labelSmoothing == 0 ? 1 : softmax.layout.classes)
    if softmax.temperature != 1 { denominator = denominator * arithmetic.exact(softmax.temperature) }
    if let normaliser { denominator = denominator * arithmetic.exact(normaliser) }
    loss = (sum / denominator).rounded(to: softmax.format, isIrrational: true)
  }

  /// It is infinite.
  mutating func settleInfinite() { loss = .infinity }

  mutating func attempt<A: Arithmetic>(_ arithmetic: A, _ poll: inout Poll) throws(ComputationError) {
    var sum = arithmetic.whole(0)
    for n in 0..<problem.softmax.layout.batch where problem.counts(n) {
      var row = try Row(Slice(problem.softmax, item: n), arithmetic, &poll)
      let shares = Shares(problem, item: n)
      let total = try shares.total(arithmetic, &poll)
      guard let scaled = try row.scaledLoss(shares, total: total, &poll) else {
        loss = .infinity
        return
      }
      sum = sum + arithmetic.exact(problem.sampleWeight?[n] ?? 1) * scaled
    }
    settle(sum, arithmetic)
  }
}
