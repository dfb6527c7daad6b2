extension LossProblem {
  /// The loss: one for each batch item under ``Reduction/none``, else one, each the nearest to its exact value.
  /// - Throws: ``ComputationError/cancelled``.
  public func loss(_ execution: Execution) throws(ComputationError) -> [Double] {
    try lossAndGradient(upstream: nil, loss: true, gradient: false, execution).loss ?? []
  }

  /// The loss, and the gradient of `Σ q L` with respect to the logits: `q_n s_n r/T (U_n p - u)`, U = Σ u, r = 1 or 1/D.
  ///
  /// Each is the nearest to its exact value. Edge cases: items that are ignored or have weight zero give zeros; a masked class
  /// with a share makes the loss infinite and leaves the gradient finite.
  /// - Parameters:
  ///   - upstream: q, of the loss's shape, finite; `nil` stands for ones. It leaves the loss alone.
  ///   - loss: whether the loss is asked for.
  ///   - gradient: whether the gradient is asked for.
  ///   - execution: how it is run, and when it is to stop.
  /// - Throws: ``ComputationError/cancelled``, ``ComputationError/upstreamDoesNotFit``.
  public func lossAndGradient(
    upstream: [Double]?, loss: Bool, gradient: Bool, _ execution: Execution
  ) throws(ComputationError) -> LossResult {
    var counts = StageCounts()
    return try lossAndGradient(
      upstream: upstream, loss: loss, gradient: gradient, execution, from: .fast, &counts)
  }

  /// The same, from a stage of choice, and with the stages counted.
  public func lossAndGradient(
    upstream: [Double]?, loss: Bool, gradient: Bool, _ execution: Execution, from stage: Stage,
    _ counts: inout StageCounts
  ) throws(ComputationError) -> LossResult {
    let layout = softmax.layout
    let isReduced = reduction != .none
    if let upstream {
      guard upstream.count == (isReduced ? 1 : layout.batch), upstream.allSatisfy(\.isFinite) else {
        throw .upstreamDoesNotFit
      }
    }
    let normaliser = reduction == .mean ? normaliser() : nil
    let use: LossQuestions.LossUse = loss ? (isReduced ? .term : .result) : .unused
    // The gradient comes first, so that it keeps the memory.
    let gradientCount = gradient ? layout.count : 0
    let lossCount = use == .result ? layout.batch : 0
    var term: LossQuestions.Term?
    var numbers = try Shelf.filled(gradientCount + lossCount, with: 0.0) { shelf throws(ComputationError) in
      let fast =
        stage == .fast && FastRow.serves(softmax)
        ? FastLoss(self, use: use, gradient: gradient, upstream: upstream, normaliser: normaliser, shelf) : nil
      let (sum, spent) = try Chunks(layout).reduce(execution, from: stage, join: LossQuestions.sum) {
        (items, climb) throws(ComputationError) in
        var row = FastRow(softmax, execution.level)
        var gatherer = Gatherer(layout)
        var proven = FastTotal()
        var others: LossQuestions.Term?
        for n in items where self.counts(n) {
          try climb.poll.spend(FastRow.cost(layout.classes))
          climb.counts.outputs += (loss ? 1 : 0) + (gradient ? layout.classes : 0)
          let rest = fast?.settle(n, &row, &gatherer, &proven)
          guard rest?.isEmpty != true else { continue }
          let start = layout.start(of: n)
          var questions = LossQuestions(
            self, item: n, upstream: upstream?[isReduced ? 0 : n] ?? 1, normaliser: normaliser,
            use: use, gradient: gradient, rest
          ) { i, value in shelf[start + i * layout.inner] = value }
          let isLossOpen = rest?.isLossOpen ?? loss
          try climb.settle(&questions)
          if isLossOpen, use == .result { shelf[gradientCount + n] = questions.loss }
          others = LossQuestions.sum(others, questions.term)
        }
        return LossQuestions.sum(others, proven.term(scaledFor: self))
      }
      (term, counts) = (sum, counts + spent)
    }
    var result = LossResult()
    if use == .result {
      result.loss = Array(numbers[gradientCount...])
      numbers.removeLast(lossCount)
    } else if use == .term {
      var climb = Climb(execution, from: max(stage, .doubleDouble))
      result.loss = [try total(term, normaliser, &climb)]
      counts = counts + climb.counts
    }
    if gradient { result.gradient = numbers }
    return result
  }

  /// The reduced loss from the sum of the items' terms, or where they do not settle it from the start.
  private func total(
    _ term: LossQuestions.Term?, _ normaliser: ExactSum?, _ climb: inout Climb
  ) throws(ComputationError) -> Double {
    var total = TotalLoss(self, normaliser: normaliser)
    switch term {
    case .infinite: total.settleInfinite()
    case .finite(let sum): total.settle(sum, BallArithmetic.standard)
    case nil: return 0
    }
    try climb.settle(&total)
    return total.loss ?? 0
  }

  /// Whether item n is neither ignored nor of weight zero.
  func counts(_ n: Int) -> Bool {
    if let sampleWeight, sampleWeight[n] == 0 { return false }
    if case .indices(let indices) = target { return indices[n] != ignoreIndex }
    return true
  }

  /// D, exactly.
  private func normaliser() -> ExactSum {
    var sum = ExactSum()
    for n in 0..<softmax.layout.batch where counts(n) {
      var factor = 1.0
      if case .indices(let indices) = target, let weight { factor = weight[indices[n]] }
      sum.add(sampleWeight?[n] ?? 1, factor)
    }
    return sum
  }
}

extension LossQuestions {
  /// The sum of two terms, of which there may be none.
  static func sum(_ a: Term?, _ b: Term?) -> Term? {
    switch (a, b) {
    case (nil, let one), (let one, nil): one
    case (.finite(let first), .finite(let second)): .finite(first + second)
    default: .infinite
    }
  }
}
