internal import VectorKernels

extension VectorLoss {
  /// Rounds what is wanted of a row with a class index, if plain binary64 can prove all of it. - Returns: whether it
  /// could; else nothing was added to the sum, and the row is done again.
  func solveNarrow(
    row n: Int, target: Int, reader: inout RowReader, writer: inout RowWriter, in work: inout Workspace
  ) -> Bool {
    let weight = problem.weight?[target] ?? 1
    guard work.narrow.isOfUse, !request.needsPairs, problem.zLoss == 0, problem.focalGamma == 0, weight != 0 else {
      return false
    }
    if case .hessianProduct = request.derivative { return false }
    let logits = problem.softmax.logits
    let logit = logits[request.gradientPosition(row: n, target)]
    // That loss is infinite, which the other stages find.
    guard logit > -.infinity, work.narrow.read(logits, row: n, by: &reader) else { return false }
    let lossWeight = ScaledDoubleDouble(weight)
    let loss = work.narrow.minusLog(logit)
    func resolveLoss(_ work: inout Workspace) -> Bool {
      self.resolveLoss(row: n, loss, weight: lossWeight, sum: &work.sum)
    }
    // What is not a term comes first: a gradient may be in the place of the logits, of which a further attempt is made.
    if request.use == .result, !resolveLoss(&work) { return false }
    if let gradient = buffers.gradient {
      let factor = self.factor(n) * lossWeight
      if factor.isZero {
        buffers.clearGradient(row: n, request.layout)
      } else {
        guard work.narrow.gradient(row: n, target: target, factor: factor, into: gradient, by: &writer) else {
          return false
        }
      }
    }
    return request.use != .term || resolveLoss(&work)
  }
}
