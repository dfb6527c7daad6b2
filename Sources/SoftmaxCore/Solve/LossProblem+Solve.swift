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
    let losses = loss && !isReduced ? Shelf(repeating: 0.0, count: layout.batch) : nil
    let gradients = gradient ? Shelf(repeating: 0.0, count: layout.count) : nil
    let chunks = Chunks(layout)
    let terms = Shelf<LossQuestions.Term?>(repeating: nil, count: chunks.count)
    let use: LossQuestions.LossUse = loss ? (isReduced ? .term : .result) : .unused
    let fast =
      stage == .fast
      ? FastLoss(
        self, use: use, upstream: upstream, normaliser: normaliser, losses: losses, gradients: gradients) : nil
    counts =
      try counts
      + chunks.forEach(execution, from: stage) { (k, items, climb) throws(ComputationError) in
        var row = fast == nil ? nil : FastRow(softmax, execution.level)
        var gatherer = Gatherer(layout)
        var sum = FastTotal()
        for n in items where self.counts(n) {
          try climb.poll.spend(FastRow.cost(layout.classes))
          let rest = row.mutate { row in fast?.settle(n, &row, &gatherer, &sum) } ?? nil
          climb.counts.outputs += (loss ? 1 : 0) + (gradient ? layout.classes : 0)
          guard rest?.isEmpty != true else { continue }
          let start = layout.start(of: n)
          var questions = LossQuestions(
            self, item: n, upstream: upstream?[isReduced ? 0 : n] ?? 1, normaliser: normaliser,
            use: use, gradient: gradient, rest
          ) { i, value in gradients?[start + i * layout.inner] = value }
          let isLossOpen = rest?.isLossOpen ?? loss
          try climb.settle(&questions)
          if isLossOpen { losses?[n] = questions.loss }
          terms[k] = LossQuestions.sum(terms[k], questions.term)
        }
        terms[k] = LossQuestions.sum(terms[k], sum.term(scaledFor: self))
      }
    var result = LossResult()
    result.gradient = gradients?.elements
    result.loss = losses?.elements
    if loss, isReduced {
      var climb = Climb(execution, from: max(stage, .doubleDouble))
      result.loss = [try total(terms.elements, normaliser, &climb)]
      counts = counts + climb.counts
    }
    return result
  }

  /// The reduced loss from the items' terms, or where they do not settle it from the start.
  private func total(
    _ terms: [LossQuestions.Term?], _ normaliser: ExactSum?, _ climb: inout Climb
  ) throws(ComputationError) -> Double {
    var total = TotalLoss(self, normaliser: normaliser)
    switch terms.reduce(nil, LossQuestions.sum) {
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
