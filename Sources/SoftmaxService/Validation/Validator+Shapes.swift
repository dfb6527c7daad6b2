import Softmax

/// Each tensor's shape against the logits'.
extension Validator {
  mutating func noteWrongShapes() {
    for place in request.inputs.indices {
      let input = request.inputs[place]
      guard let found = request.shape(of: input) else { continue }
      switch input.descriptor.shape {
      case .anyRank, .classesOrLogits: continue
      case .logits: note(input, found, shouldBe: geometry.shape, "one number for each logit")
      case .target: noteWrongTarget(found)
      case .classes: note(input, found, shouldBe: [geometry.classes], "one number for each class")
      case .batch: note(input, found, shouldBe: geometry.batchShape, "one number for each slice")
      case .losses:
        let isReduced = parameters.reduction != .none
        note(
          input, found, shouldBe: isReduced ? [] : geometry.batchShape,
          isReduced ? "as the loss under \(quoted(parameters.reduction.name)) is one number" : "one for each loss")
      }
    }
    if let mask = request.mask { noteWrongMask(mask.shape) }
  }

  private mutating func noteWrongMask(_ found: TensorShape) {
    let (classes, whole): (TensorShape, TensorShape) = ([geometry.classes], geometry.shape)
    guard found != classes, found != whole else { return }
    issues.append(.field(.input(.where))) { [wire] in
      "\($0) \(found.isEmpty ? "is a single boolean" : wire.found(found)); send \(wire.tensor(of: classes)), one boolean for "
        + "each class" + (whole == classes ? "" : ", or \(wire.tensor(of: whole)), one for each logit")
    }
  }

  private mutating func note(
    _ input: Input, _ found: TensorShape, shouldBe shape: TensorShape, _ meaning: String
  ) {
    guard found != shape else { return }
    issues.append(.field(.input(input))) { [wire] in
      "\($0) \(wire.found(found)); send \(wire.tensor(of: shape)), \(meaning)"
    }
  }

  private mutating func noteWrongTarget(_ found: TensorShape) {
    let (batch, whole) = (geometry.batchShape, geometry.shape)
    guard found != batch, found != whole else { return }
    let hasAxisOfOne = !batch.isEmpty && found.count == batch.count + 1 && found.last == 1
    let cure =
      if hasAxisOfOne, found.removing(axis: batch.count) == batch {
        "drop its last axis: one class index a row, \(wire.tensor(of: batch))"
      } else {
        "send \(wire.tensor(of: batch)), a class index for each slice, or "
          + "\(wire.tensor(of: whole)), a probability for each logit"
          + (targetFitsAxis1(found) ? "; it fits with \(wire.setting(.axis, "1")), as in PyTorch" : "")
      }
    issues.append(.field(.input(.target))) { [wire] in "\($0) \(wire.found(found)); \(cure)" }
  }

  /// Whether a target that does not fit would do so with PyTorch's class axis, which is not the last one from rank 3
  /// on.
  func targetFitsAxis1(_ found: TensorShape) -> Bool {
    geometry.rank > 2 && found != geometry.batchShape && found == geometry.shape.removing(axis: 1)
  }
}
