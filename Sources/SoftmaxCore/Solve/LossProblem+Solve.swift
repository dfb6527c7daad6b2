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
    let outputCount = (loss ? 1 : 0) + (gradient ? layout.classes : 0)
    var numbers = try Shelf.filled(gradientCount + lossCount, with: 0.0) { shelf throws(ComputationError) in
      var open: [OpenItem]?
      if stage == .fast, FastRow.serves(softmax),
        let fast = FastLoss(self, use: use, gradient: gradient, upstream: upstream, normaliser: normaliser, shelf)
      {
        (open, term) = try settle(fast, execution)
      }
      let items = OpenItems(open, layout, outputs: outputCount)
      let found = try execution.reduce(items.runs.count, join: Self.join) { k throws(ComputationError) in
        var climb = Climb(execution, from: stage)
        var sum: LossQuestions.Term?
        for index in items.runs[k].items {
          let item = items[index]
          let n = item.number
          guard self.counts(n) else { continue }
          let start = layout.start(of: n)
          var questions = LossQuestions(
            self, item: n, upstream: upstream?[isReduced ? 0 : n] ?? 1, normaliser: normaliser,
            use: use, gradient: gradient
          ) { i, value in shelf[start + i * layout.inner] = value }
          if items.arePartly {
            questions.keepOpen(loss: item.isLossOpen) { i in shelf[start + i * layout.inner].isNaN }
          }
          try climb.settle(&questions)
          if use == .result, item.isLossOpen { shelf[gradientCount + n] = questions.loss }
          sum = LossQuestions.sum(sum, questions.term)
        }
        return (sum, climb.counts)
      }
      counts.outputs += (0..<layout.batch).reduce(0) { $0 + (self.counts($1) ? outputCount : 0) }
      if let found {
        term = LossQuestions.sum(term, found.0)
        counts = counts + found.1
      }
    }
    var result = LossResult()
    if use == .result {
      result.loss = Array(numbers[gradientCount...])
      numbers.removeLast(lossCount)
    } else if use == .term {
      let total = TotalLoss(self, normaliser: normaliser)
      result.loss = [try total.settle(term, execution, from: stage, &counts)]
    }
    if gradient { result.gradient = numbers }
    return result
  }

  private static func join(
    _ a: (LossQuestions.Term?, StageCounts), _ b: (LossQuestions.Term?, StageCounts)
  ) -> (LossQuestions.Term?, StageCounts) {
    (LossQuestions.sum(a.0, b.0), a.1 + b.1)
  }

  /// The first stage over all items: what it cannot prove is NaN.
  /// - Returns: the items with such outputs or an open loss, and the sum of the others' terms.
  private func settle(
    _ fast: FastLoss, _ execution: Execution
  ) throws(ComputationError) -> ([OpenItem], LossQuestions.Term?) {
    let chunks = Chunks(softmax.layout)
    let found = try execution.reduce(
      chunks.count, join: { a, b in (a.0 + b.0, LossQuestions.sum(a.1, b.1)) }
    ) { k throws(ComputationError) in
      var poll = Poll(execution)
      var row = FastRow(softmax, execution.level)
      var gatherer = Gatherer(softmax.layout)
      var proven = FastTotal()
      var open: [OpenItem] = []
      for n in chunks[k] where counts(n) {
        try poll.spend(FastRow.cost(softmax.layout.classes))
        let rest = fast.settle(n, &row, &gatherer, &proven)
        if rest.count > 0 { open.append(OpenItem(number: n, count: rest.count, isLossOpen: rest.isLossOpen)) }
      }
      return (open, proven.term(scaledFor: self))
    }
    return found ?? ([], nil)
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
