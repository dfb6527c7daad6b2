import SoftmaxCore

extension RawRequest {
  /// What a target of a rank holds: probabilities at the logits' rank, class indices at one less.
  enum TargetKind { case indices, probabilities }

  func targetKind(_ geometry: Geometry) -> TargetKind? {
    switch target?.shape.count {
    case geometry.rank: .probabilities
    case geometry.rank - 1: .indices
    default: nil
    }
  }

  /// Holds each tensor's shape against the logits'.
  func noteWrongShapes(_ geometry: Geometry, _ parameters: Parameters, _ faults: inout FaultList) {
    let batch = geometry.batchShape
    if let target, target.shape != batch, target.shape != geometry.shape {
      faults.note(.member(.target)) {
        "\($0) \(found(target.shape)); send \(wanted(batch)), a class index for each slice, or \(wanted(geometry.shape)), "
          + "a probability for each logit\(targetFitsAxis1(geometry) ? "; it fits with \"axis\": 1, as in PyTorch" : "")"
      }
    }
    if let weight { note(weight, .weight, shouldBe: [geometry.classes], "one weight for each class", &faults) }
    if let sampleWeight {
      note(sampleWeight, .sampleWeight, shouldBe: batch, "one weight for each slice", &faults)
    }
    if let upstream {
      let isReduced = parameters.reduction != .none
      note(
        upstream, .upstream, shouldBe: isReduced ? [] : batch,
        isReduced ? "as the loss under \(quoted(parameters.reduction.rawValue)) is one number" : "one for each loss",
        &faults)
    }
  }

  private func note(
    _ tensor: Tensor, _ member: Member, shouldBe shape: TensorShape, _ meaning: String, _ faults: inout FaultList
  ) {
    guard tensor.shape != shape else { return }
    faults.note(.member(member)) { "\($0) \(found(tensor.shape)); send \(wanted(shape)), \(meaning)" }
  }

  /// Whether a target that does not fit would do so with PyTorch's class axis, which is not the last one from rank 3 on.
  func targetFitsAxis1(_ geometry: Geometry) -> Bool {
    geometry.rank > 2 && target?.shape != geometry.batchShape
      && target?.shape == Geometry(shape: geometry.shape, axis: 1).batchShape
  }

  /// Refuses outputs that these logits or options do not allow.
  func noteUnfitOutputs(
    _ checked: [Output], _ geometry: Geometry, _ limits: Limits, _ faults: inout FaultList
  ) {
    func place(of output: Output) -> Place {
      .member(.outputs, outputs?.firstIndex(of: output.name).map { [$0] } ?? [])
    }
    for output in checked where (output == .jacobian || output == .derivation) && geometry.rank != 1 {
      faults.note(place(of: output)) {
        "\($0) is \(quoted(output.name)), which needs logits of rank 1; these have shape \(geometry.shape): "
          + "send each slice in a request of its own"
      }
    }
    if checked.contains(.jacobian), geometry.rank == 1, geometry.classes > limits.jacobianClasses {
      faults.note(place(of: .jacobian)) {
        "\($0) is \"jacobian\", which is answered for at most \(limits.jacobianClasses) classes; the logits have "
          + "\(geometry.classes)"
      }
    }
    if checked.contains(.derivation) { noteOptionsOfDerivation(geometry, &faults) }
  }

  /// The derivation knows no option but the temperature, and no target but a class index.
  private func noteOptionsOfDerivation(_ geometry: Geometry, _ faults: inout FaultList) {
    var defaults = Parameters()
    var ignored = FaultList()
    let given = checkedParameters(&ignored)
    defaults.temperature = given.temperature
    let options: [(Member, Bool)] = [
      (.weight, present.contains(.weight)), (.sampleWeight, present.contains(.sampleWeight)),
      (.upstream, present.contains(.upstream)), (.axis, geometry.axis != geometry.rank - 1),
      (.dtype, given.dtype != defaults.dtype), (.ignoreIndex, given.ignoreIndex != defaults.ignoreIndex),
      (.labelSmoothing, given.labelSmoothing != defaults.labelSmoothing),
      (.reduction, given.reduction != defaults.reduction),
    ]
    for (member, isGiven) in options where isGiven {
      faults.note(.member(member)) {
        "\($0) cannot go with the output \"derivation\", whose only option is \"temperature\"; leave out one or the other"
      }
    }
    if geometry.rank == 1, target != nil, targetKind(geometry) == .probabilities {
      faults.note(.member(.target)) {
        "\($0) holds probabilities; the output \"derivation\" needs a class index, a bare number such as 0"
      }
    }
  }
}

/// What was found.
private func found(_ shape: TensorShape) -> String { shape.isEmpty ? "is a bare number" : "has shape \(shape)" }

/// What to send instead.
private func wanted(_ shape: TensorShape) -> String { shape.isEmpty ? "a bare number" : "an array of shape \(shape)" }
