import NumericJSON
import SoftmaxCore

extension RawRequest {
  /// Looks for every number that its tensor does not allow. Only called when there is one, or when there are other faults.
  func noteWrongValues(
    _ geometry: Geometry, _ parameters: Parameters, _ checked: [Output], _ faults: inout FaultList
  ) {
    noteWrongLogits(geometry, &faults)
    if let target {
      switch targetKind(geometry) {
      case .indices:
        // Which classes there are depends on the axis.
        if !targetFitsAxis1(geometry) { noteWrongIndices(target, geometry, parameters, &faults) }
      case .probabilities:
        noteNegatives(in: target, .target, "a probability", &faults)
        if parameters.ignoreIndex >= 0 {
          faults.note(.member(.ignoreIndex)) {
            "\($0) is \(text(of: parameters.ignoreIndex)), but the target holds probabilities, which have no index to ignore; "
              + "leave it out, and give items to ignore a \"sample_weight\" of 0"
          }
        }
      case nil: break
      }
    }
    if let weight { noteNegatives(in: weight, .weight, "a weight", &faults) }
    if let sampleWeight { noteNegatives(in: sampleWeight, .sampleWeight, "a weight", &faults) }
    if let upstream {
      note(upstream, .upstream, &faults, where: { !$0.isFinite }, { "\($0) is \($1); it must be a finite number" })
    }
    if checked.contains(.derivation) { noteUnfitDerivedClass(geometry, parameters, &faults) }
  }

  private func noteWrongLogits(_ geometry: Geometry, _ faults: inout FaultList) {
    guard let logits, logits.values.count == geometry.layout.count else { return }
    note(
      logits, .logits, &faults, where: { !($0 < .infinity) },
      { "\($0) is \($1); a logit must be a finite number, or \"-Infinity\" to mask the class" })
    let layout = geometry.layout
    for item in 0..<layout.batch {
      if faults.isTruncated { return }
      let start = item / layout.inner * layout.classes * layout.inner + item % layout.inner
      guard (0..<layout.classes).allSatisfy({ logits.values[start + $0 * layout.inner] == -.infinity }) else {
        continue
      }
      var path = Geometry.indices(of: start, in: geometry.shape)
      // A slice along the last axis is one array of the text; any other is pointed at by its first logit.
      let isArray = geometry.axis == geometry.rank - 1
      if isArray { path.removeLast() }
      faults.note(.member(.logits, path)) {
        "\($0)\(isArray ? "" : " and its whole slice") masks every class with \"-Infinity\"; leave at least one finite logit"
      }
    }
  }

  private func noteWrongIndices(
    _ target: Tensor, _ geometry: Geometry, _ parameters: Parameters, _ faults: inout FaultList
  ) {
    let classes = Double(geometry.classes)
    let ignored = parameters.ignoreIndex
    note(
      target, .target, &faults,
      where: { $0 != ignored && !($0 >= 0 && $0 < classes && isIntegral($0)) },
      {
        "\($0) is \($1); a class index must be an integer from 0 to \(geometry.classes - 1), or "
          + "\(text(of: ignored)) (\"ignore_index\") to ignore the slice"
      })
  }

  private func noteNegatives(in tensor: Tensor, _ member: Member, _ noun: String, _ faults: inout FaultList) {
    note(
      tensor, member, &faults, where: { !($0 >= 0 && $0 < .infinity) },
      { "\($0) is \($1); \(noun) must be a finite number of at least 0" })
  }

  private func note(
    _ tensor: Tensor, _ member: Member, _ faults: inout FaultList, where isWrong: (Double) -> Bool,
    _ sentence: (_ place: String, _ found: String) -> String
  ) {
    for position in tensor.values.indices where isWrong(tensor.values[position]) {
      faults.note(.member(member, Geometry.indices(of: position, in: tensor.shape))) {
        sentence($0, text(of: tensor.values[position]))
      }
      if faults.isTruncated { return }
    }
  }

  private func noteUnfitDerivedClass(
    _ geometry: Geometry, _ parameters: Parameters, _ faults: inout FaultList
  ) {
    guard geometry.rank == 1, let value = target?.values.first, target?.shape == [], let logits else { return }
    if value == parameters.ignoreIndex {
      faults.note(.member(.target)) {
        "\($0) is \(text(of: value)), which is \"ignore_index\"; the output \"derivation\" needs a class"
      }
    } else if let index = Int(exactly: value), logits.values.indices.contains(index), logits.values[index] == -.infinity
    {
      faults.note(.member(.target)) {
        "\($0) is \(index), a class that \"-Infinity\" masks; the output \"derivation\" needs a class of finite logit"
      }
    }
  }

  /// Which input makes "mean" divide by zero.
  func zeroNormaliserFault(_ parameters: Parameters) -> Fault {
    let member: Member
    let reason: String
    let ignored = parameters.ignoreIndex
    let targets = target?.values ?? []
    let sampleWeights = sampleWeight?.values ?? []
    if sampleWeight != nil, sampleWeights.allSatisfy({ $0 == 0 }) {
      (member, reason) = (.sampleWeight, "every sample weight is 0")
    } else if targets.allSatisfy({ $0 == ignored }) {
      (member, reason) = (.target, "every target is ignored")
    } else if sampleWeight != nil, zip(targets, sampleWeights).allSatisfy({ $0 == ignored || $1 == 0 }) {
      (member, reason) = (.sampleWeight, "every target that is not ignored has a sample weight of 0")
    } else {
      (member, reason) = (.weight, "every target that is not ignored has a weight of 0")
    }
    return Fault(
      place: .member(member),
      sentence: "\(reason), so that \"mean\" would divide by 0; let one item count, or ask for \"sum\" or \"none\"")
  }
}
