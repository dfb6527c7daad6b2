extension LossProblem {
  /// The loss, and the gradient of `Σ q L` with respect to the logits: `q_n s_n r/T (U_n p - u)`, U = Σ u, r = 1 or
  /// 1/D.
  ///
  /// Each is the nearest to its exact value. Edge cases: rows that are ignored or have weight zero give zeros; a masked
  /// class with a weight makes the loss infinite and leaves the gradient finite.
  /// - Parameters:
  ///   - upstream: q, of the loss's shape, finite; `nil` means ones. It leaves the loss alone.
  ///   - buffers: where what is asked for goes. There is no perplexity without a reduction.
  ///   - execution: how it is run, and when it is to stop.
  /// - Throws: ``ComputationError/cancelled``, ``ComputationError/upstreamDoesNotFit``.
  public func lossAndGradient(
    upstream: [Double]?, into buffers: LossBuffers, _ execution: Execution
  ) throws(ComputationError) {
    let request = try LossRequest(
      self, upstream: upstream, measure: buffers.loss == nil && buffers.perplexity == nil ? nil : .loss,
      derivative: buffers.gradient == nil ? nil : .gradient, perplexity: buffers.perplexity != nil)
    try solve(request, into: buffers, execution)
  }

  /// How many losses there are: one for each row, or one.
  public var lossCount: Int { reduction == .none ? softmax.layout.batch : 1 }

  /// Σ t (log t - log p), times s, reduced like the loss: one for each row under ``Reduction/none``, else one.
  ///
  /// Edge cases: 0 where the teacher's logits are the row's up to a shift; infinite where a masked class has a share.
  /// Not proved to be irrational otherwise: then it may go on until it is cancelled.
  /// - Throws: ``ComputationError/cancelled``, ``ComputationError/targetDoesNotFit`` for class indices, class weights
  ///   and ε > 0.
  public func klDivergence(
    into buffer: ResultBuffer, _ execution: Execution
  ) throws(ComputationError) {
    guard weight == nil, labelSmoothing == 0 else { throw .targetDoesNotFit }
    if case .indices = target { throw .targetDoesNotFit }
    let request = try LossRequest(self, measure: .klDivergence)
    try solve(request, into: LossBuffers(loss: buffer), execution)
  }

  /// The Hessian of `Σ q L` with respect to the logits, times a vector: `q_n s_n r U_n/T² (p∘v - p (p·v))`.
  ///
  /// Edge cases: rows that are ignored or have weight zero give zeros, and so does a vector that is the same for all
  /// classes.
  /// - Parameters:
  ///   - vector: v, of the logits' shape, finite.
  ///   - upstream: q, as for the gradient.
  ///   - buffer: where the product goes, of the logits' shape.
  ///   - execution: how to compute.
  /// - Throws: ``ComputationError/cancelled``, ``ComputationError/upstreamDoesNotFit``,
  ///   ``ComputationError/vectorDoesNotFit``, which is also thrown where the loss is more than
  ///   cross-entropy of softmax.
  public func hessianVectorProduct(
    _ vector: Numbers, upstream: [Double]?, into buffer: ResultBuffer, _ execution: Execution
  ) throws(ComputationError) {
    let hasHessian = isCrossEntropy && softmax.softcap == nil && !takesProbabilities
    guard hasHessian, vector.count == softmax.layout.count, vector.areFinite else { throw .vectorDoesNotFit }
    let request = try LossRequest(self, upstream: upstream, derivative: .hessianProduct(vector))
    try solve(request, into: LossBuffers(gradient: buffer), execution)
  }

  private func solve(
    _ request: LossRequest, into buffers: LossBuffers, _ execution: Execution
  ) throws(ComputationError) {
    let all = 0..<request.layout.batch
    guard request.use == .term else {
      _ = try solve(request, rows: all, into: buffers, execution)
      return
    }
    guard let gradient = buffers.gradient, let first = gradient.firstOverLogits else {
      let term = try solve(request, rows: all, into: buffers, execution)
      return try round(term, of: request, into: buffers, execution)
    }
    // The loss is decided while all logits are there. Then the gradient takes the place of some.
    let overwritten = first / request.layout.classes..<all.count
    let term = LossTerm.sum(
      try solve(request, rows: 0..<overwritten.lowerBound, into: buffers, execution),
      try solve(request.ofLosses, rows: overwritten, into: LossBuffers(), execution))
    try round(term, of: request, into: buffers, execution)
    _ = try solve(
      request.ofDerivatives, rows: overwritten, into: LossBuffers(gradient: gradient), execution)
  }

  /// Rounds what is asked of some rows.
  /// - Returns: their losses' sum.
  private func solve(
    _ request: LossRequest, rows: Range<Int>, into buffers: LossBuffers, _ execution: Execution
  ) throws(ComputationError) -> LossTerm? {
    execution.counter?.add(outputs: countingRows(rows) * request.valuesPerRow)
    let vectorLoss =
      execution.firstStage == .vector && VectorRow.serves(softmax) ? VectorLoss(request, into: buffers) : nil
    if vectorLoss == nil { buffers.clear() }
    var term: LossTerm?
    var left = rows
    while !left.isEmpty {
      let part = UnresolvedRows.part(of: left)
      left = part.upperBound..<left.upperBound
      var open: [UnresolvedRow]?
      if let vectorLoss {
        let found = try solve(part, by: vectorLoss, execution)
        (open, term) = (found.0, LossTerm.sum(term, found.1))
      }
      if let open, open.isEmpty { continue }
      let rows = UnresolvedRows(open, of: part, layout: request.layout, outputs: request.valuesPerRow)
      let found = try execution.reduce(
        rows.shares.count, join: { (LossTerm.sum($0.0, $1.0), $0.1 + $1.1) }
      ) { k throws(ComputationError) in
        try resolve(rows.shares[k], of: rows, request, into: buffers, StageEscalation(execution))
      }
      if let found {
        term = LossTerm.sum(term, found.0)
        execution.counter?.add(found.1)
      }
    }
    return term
  }

  /// Writes the reduced loss, of which the rows' sum is a term.
  private func round(
    _ term: LossTerm?, of request: LossRequest, into buffers: LossBuffers, _ execution: Execution
  ) throws(ComputationError) {
    let total = try total(of: term, request, execution)
    buffers.loss?[0] = total.loss
    buffers.perplexity?[0] = total.perplexity
  }

  /// The vector stage over some rows: what it cannot prove is NaN.
  /// - Returns: the rows with such outputs or an open loss, and the sum of the others' terms.
  private func solve(
    _ rows: Range<Int>, by vectorLoss: VectorLoss, _ execution: Execution
  ) throws(ComputationError) -> ([UnresolvedRow], LossTerm?) {
    let chunks = ParallelChunks(softmax.layout, rows)
    let found = try execution.reduce(
      chunks.count, join: { ($0.0 + $1.0, LossTerm.sum($0.1, $1.1)) }
    ) { k throws(ComputationError) in
      var poll = CancellationPoll(execution)
      var work = VectorLoss.Workspace(
        narrow: NarrowFormatRow(softmax, execution.level), row: VectorRow(softmax, execution.level),
        teacher: VectorRow(softmax, execution.level, isCapped: false))
      var reader = RowReader(softmax.layout)
      var other = RowReader(softmax.layout)
      var writer = RowWriter(softmax.layout)
      var open: [UnresolvedRow] = []
      func solve(_ n: Int) {
        let left = vectorLoss.solve(row: n, reader: &reader, other: &other, writer: &writer, in: &work)
        guard left.count > 0 else { return }
        open.append(
          UnresolvedRow(
            number: n, count: left.count, logits: reader.overwrittenRow(of: softmax.logits),
            isLossOpen: left.isLossOpen))
      }
      guard vectorLoss.hasGroupedRows else {
        for n in chunks[k] {
          try poll.spend(VectorRow.cost(softmax.layout.classes))
          if counts(row: n) { solve(n) } else { vectorLoss.clear(row: n) }
        }
        return (open, work.sum.term(scaledFor: vectorLoss.request))
      }
      var groups = vectorLoss.groupedRows(execution.level)
      func solveGroups() {
        let left = vectorLoss.solve(&groups)
        for row in 0..<groups.count where left & (1 << row) != 0 { solve(groups.number(row)) }
        groups.removeAll()
      }
      var rows = chunks[k]
      while let n = rows.first {
        let taken = vectorLoss.take(rows, into: &groups)
        if taken == 0 {
          if !counts(row: n) { vectorLoss.clear(row: n) } else if !vectorLoss.take(row: n, into: &groups) { solve(n) }
        }
        rows.removeFirst(max(1, taken))
        try poll.spend(max(1, taken) * GroupedRows.cost(softmax.layout.classes))
        if groups.isFull { solveGroups() }
      }
      solveGroups()
      work.sum.add(groups)
      return (open, work.sum.term(scaledFor: vectorLoss.request))
    }
    return found ?? ([], nil)
  }

  /// The other stages over some rows.
  /// - Returns: the sum of their terms, and what the stages were asked for.
  private func resolve(
    _ share: UnresolvedRows.Share, of rows: UnresolvedRows, _ request: LossRequest,
    into buffers: LossBuffers, _ escalation: consuming StageEscalation
  ) throws(ComputationError) -> (LossTerm?, StageCounts) {
    var sum: LossTerm?
    for index in share.rows where counts(row: rows[index].number) {
      var outputs = UnresolvedLoss(request, rows[index], areResultsKnown: rows.haveResults, into: buffers)
      try escalation.resolve(&outputs)
      sum = LossTerm.sum(sum, outputs.term)
    }
    return (sum, escalation.counts)
  }

  /// The reduced loss from the sum of the rows' terms; where that does not decide it, from the rows anew.
  private func total(
    of term: LossTerm?, _ request: LossRequest, _ execution: Execution
  ) throws(ComputationError) -> (loss: Double, perplexity: Double) {
    switch term {
    case nil: return (0, 1)
    case .infinite: return (.infinity, .infinity)
    case .finite(let known):
      var total = UnresolvedTotal(request, known: known, execution)
      let isNarrow = NarrowFormatRow(softmax, execution.level).isOfUse
      if total.unresolvedCount > 0, execution.firstStage == .vector, isNarrow {
        let all = 0..<request.layout.batch
        let term = try solve(request.ofPreciseLosses, rows: all, into: LossBuffers(), execution.from(.vector))
        if case .finite(let known) = term { total = UnresolvedTotal(request, known: known, execution) }
      }
      var escalation = StageEscalation(execution)
      try escalation.resolve(&total)
      execution.counter?.add(escalation.counts)
      return (total.loss ?? 0, total.perplexity ?? 1)
    }
  }
}
