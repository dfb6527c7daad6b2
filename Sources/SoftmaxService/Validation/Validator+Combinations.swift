import Softmax

/// What cannot go together, though each is good by itself.
extension Validator {
  mutating func noteUnfitCombinations() {
    noteFocalLossOfManyClasses()
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
