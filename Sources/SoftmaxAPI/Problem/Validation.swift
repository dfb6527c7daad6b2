import SoftmaxCore

extension RawRequest {
  /// Turns what was read into a computation that cannot be wrong.
  ///
  /// A sound request is judged by SoftmaxCore alone, in one pass over its numbers; only when something is wrong are all
  /// faults looked for.
  /// - Throws: ``Refusal``, with all faults up to ``FaultList/maximumCount``.
  consuming func validated(for endpoint: Endpoint, limits: Limits) throws(Refusal) -> Computation {
    if hasTooManyLogits { throw .tooManyLogits(limit: limits.logits) }
    var faults = faults
    let parameters = checkedParameters(&faults)
    let outputs = checkedOutputs(of: endpoint, &faults)
    noteMissingInputs(of: endpoint, &faults)
    guard let logits else { throw .invalid(faults) }
    let geometry = try checkedGeometry(of: logits.shape, &faults)
    noteWrongShapes(geometry, parameters, &faults)
    noteUnfitOutputs(outputs, geometry, limits, &faults)

    var complaint: ProblemError?
    if faults.isEmpty, let indices = checkedIndices(geometry, parameters) {
      do throws(ProblemError) {
        let work = try work(endpoint, geometry, parameters, outputs, logits: logits.values, indices: indices)
        if let work {
          return Computation(
            work: work,
            plan: AnswerPlan(
              geometry: geometry, outputs: outputs, format: parameters.dtype.format,
              hasLosses: parameters.reduction == .none))
        }
      } catch {
        complaint = error
      }
    }
    noteWrongValues(geometry, parameters, outputs, &faults)
    guard faults.isEmpty else { throw .invalid(faults) }
    throw complaint == .zeroNormaliser ? .zeroNormaliser(zeroNormaliserFault(parameters)) : .inconsistency
  }

  /// What to compute, or nil when numbers that SoftmaxCore does not judge are at fault.
  /// - Throws: what SoftmaxCore finds at fault.
  private func work(
    _ endpoint: Endpoint, _ geometry: Geometry, _ parameters: Parameters, _ outputs: [Output], logits: [Double],
    indices: IndexReading
  ) throws(ProblemError) -> Computation.Work? {
    let softmax = try SoftmaxProblem(
      logits: logits, layout: geometry.layout, temperature: parameters.temperature, format: parameters.dtype.format)
    guard endpoint != .softmax else { return .softmax(softmax) }
    var derivedClass: Int?
    if outputs.contains(.derivation) {
      guard let target = indices.classes?.first, target != indices.ignoreIndex, logits[target] > -.infinity else {
        return nil
      }
      derivedClass = target
    }
    if let upstream, !upstream.values.allSatisfy(\.isFinite) { return nil }
    let loss = try LossProblem(
      softmax: softmax,
      target: indices.classes.map { .indices($0) } ?? .probabilities(target?.values ?? []),
      weight: weight?.values, sampleWeight: sampleWeight?.values, ignoreIndex: indices.ignoreIndex,
      labelSmoothing: parameters.labelSmoothing, reduction: parameters.reduction.reduction)
    return .loss(Computation.LossWork(problem: loss, upstream: upstream?.values, derivedClass: derivedClass))
  }

  private func noteMissingInputs(of endpoint: Endpoint, _ faults: inout FaultList) {
    for member in endpoint.requiredInputs where !present.contains(member) {
      faults.note(.request) { _ in
        switch member {
        case .target:
          "\(quoted("target")) is missing: send a class index for each slice of the logits, or a probability for each logit"
        default:
          "\(quoted(member.name)) is missing: send the numbers as nested arrays of rank 1 to 8, such as [1.5, -0.25, 3]"
        }
      }
    }
  }
}
