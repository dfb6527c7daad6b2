import Glibc
import Softmax

/// Numbers that are right for another question than the one that was asked.
extension OutputSearch {
  /// What explains a loss or its gradient so; nil where nothing does.
  mutating func otherQuestion() throws(ComputationError) -> Finding? {
    guard candidate.output.isLossOrGradient, rows.isAll else { return nil }
    for axis in tables.request.geometry.shape.indices {
      if let finding = try otherClassAxis(axis) { return finding }
    }
    return try candidate.output == .loss ? perplexity() : nil
  }

  /// Whether the numbers are those of another class axis, with the targets along it: where extents are equal, one
  /// target fits both.
  private mutating func otherClassAxis(_ axis: Int) throws(ComputationError) -> Finding? {
    guard let request = tables.request.with(axis: axis), let loss = request.loss else { return nil }
    let rows = CheckedRows(request.softmax, worst: nil)
    let other = SoftmaxTables(request, TargetTables(loss), exact: ExactNumbers(), on: rows, tables.execution)
    var recomputed = Recomputation(candidate.output, of: other)
    guard try recomputed.adopt(Change()), try asked.adopt(Change()) else { return nil }
    let terms = try Self.inOrder(&recomputed, candidate.values.count)
    let exactTerms = try Self.inOrder(&asked, terms.count)
    guard let agreement = agreement(with: terms, beside: exactTerms) else { return nil }
    return finding(
      .axis, detail: "softmax is taken along axis \(axis), and so are the targets; the class axis is \(facts.axis)",
      cure:
        "send \"axis\": \(axis) if that is the class axis\(axis == 1 ? ", as in PyTorch" : ""); "
        + "else softmax(a, axis=\(facts.axis)), of which the targets are classes",
      agreement)
  }

  /// Whether e^L stands for the loss L.
  private mutating func perplexity() throws(ComputationError) -> Finding? {
    // Looked at first, since it costs nothing.
    let isNear = spots.all.allSatisfy { SpotChecks.areNear($0.candidate, exp($0.exact)) }
    guard isNear, try asked.adopt(Change()) else { return nil }
    let losses = try Self.inOrder(&asked, candidate.values.count)
    let powers = losses.map { loss in
      let power = exp(loss.value)
      return Recomputation.Term(value: power, bounds: loss.bounds * power, gain: loss.gain * power)
    }
    guard let agreement = agreement(with: powers, beside: losses) else { return nil }
    return finding(
      .noLogarithm, detail: "it is the perplexity, e^L of the loss L",
      cure: "loss = log(perplexity): take the logarithm, or leave out exp", agreement)
  }

  /// How well the numbers agree with others than the exact ones; nil where they do not, or that says too little.
  /// - Parameters:
  ///   - terms: the others, row-major.
  ///   - asked: what stands for the exact ones.
  private func agreement(with terms: [Recomputation.Term], beside asked: [Recomputation.Term]) -> Agreement? {
    guard
      let (agreement, evidence) = comparison(of: candidate.values, exact: exactTensor, with: terms, beside: asked),
      agreement.isTelling, evidence.bits >= WeightOfEvidence.leastOfOne
    else { return nil }
    return agreement
  }

  /// All numbers of a recomputation, row-major.
  private static func inOrder(
    _ recomputation: inout Recomputation, _ count: Int
  ) throws(ComputationError) -> [Recomputation.Term] {
    var terms = Array(repeating: Recomputation.Term(), count: count)
    let (rows, width) = (recomputation.rows, recomputation.width)
    let isOfLogits = recomputation.output == .gradient
    try recomputation.forEach { place, term in
      terms[isOfLogits ? rows.position(row: place / width, class: place % width) : place] = term
      return true
    }
    return terms
  }
}
