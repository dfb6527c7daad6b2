import Softmax

/// What cannot go together, though each is good by itself.
extension Validator {
  mutating func noteUnfitCombinations() {
    noteParametersOfOtherReductions()
    noteFocalLossOfManyClasses()
    noteTopCount()
  }

  /// The number of top classes against all there are, and against the outputs that are about them.
  private mutating func noteTopCount() {
    guard operation == .softmax, let count = parameters.value(ifGiven: .topK) else { return }
    let classes = geometry.classes
    if count < 1 || count > Double(classes) {
      issues.append(.field(.parameter(.topK))) {
        "\($0) is \(text(of: count)); it must be an integer from 1 to \(classes), the number of classes"
      }
    }
    guard !outputs.contains(where: { $0.descriptor.needs == .topK }) else { return }
    let names = operation.outputs.filter { $0.descriptor.needs == .topK }.map { quoted($0.name) }
    issues.append(.field(.parameter(.topK))) {
      "\($0) is for the outputs \(listed(names)); ask for one of them, or leave it out"
    }
  }

  /// A parameter that means something under one reduction alone.
  private mutating func noteParametersOfOtherReductions() {
    for (parameter, _) in request.givenParameters {
      guard let only = parameter.descriptor.onlyUnder, parameters.reduction != only, !parameters.isDefault(parameter)
      else { continue }
      let reduction = parameters.reduction.name
      issues.append(.field(.parameter(parameter))) {
        "\($0) goes only with the reduction \(quoted(only.name)), and this one is \(quoted(reduction)); "
          + "leave out one or the other"
      }
    }
  }

  /// The focal loss is that of a single class.
  private mutating func noteFocalLossOfManyClasses() {
    guard parameters[.focalGamma] != 0 else { return }
    if parameters[.labelSmoothing] != 0 {
      issues.append(.field(.parameter(.focalGamma))) {
        "\($0) cannot go with \"label_smoothing\", which gives each class a share; leave out one or the other"
      }
    }
    if let target = request[.target], geometry.targetKind(target.shape) == .probabilities {
      issues.append(.field(.parameter(.focalGamma))) { [wire, geometry] in
        "\($0) needs class indices as the target, which holds probabilities; send "
          + "\(wire.tensor(of: geometry.batchShape)) of class indices, or leave it out"
      }
    }
  }
}
