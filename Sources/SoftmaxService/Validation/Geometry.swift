import Softmax

/// A request's logits in terms of their axes.
struct Geometry: Sendable {
  /// The logits' shape, rank 1 to 8.
  let shape: TensorShape
  /// The class axis, in `0..<shape.count`.
  let axis: Int
  let layout: Layout

  init(shape: TensorShape, axis: Int) {
    self.shape = shape
    self.axis = axis
    layout = Layout(shape: shape, axis: axis)
  }

  /// The class axis as a request gives it, negative numbers counting from the end; nil where the rank has no such axis.
  init?(shape: TensorShape, givenAxis: Double) {
    guard let axis = Int(exactly: givenAxis), (-shape.count..<shape.count).contains(axis) else { return nil }
    self.init(shape: shape, axis: axis < 0 ? axis + shape.count : axis)
  }

  /// The shape without the class axis; [] for rank 1.
  var batchShape: TensorShape { shape.removing(axis: axis) }
  var rank: Int { shape.count }
  var classes: Int { layout.classes }

  /// What a target of a shape holds: probabilities at the logits' rank, class indices at one less, nil at any other.
  func targetKind(_ shape: TensorShape) -> TargetKind? {
    switch shape.count {
    case rank: .probabilities
    case rank - 1: .indices
    default: nil
    }
  }

  enum TargetKind { case indices, probabilities }

  /// The class that a number names, or nil: the only place that says which do.
  func classIndex(_ value: Double) -> Int? {
    guard value >= 0, value < Double(classes) else { return nil }
    return Int(exactly: value)
  }

  /// The indices of a flat row-major position in a tensor of a shape.
  static func indices(of position: Int, in shape: TensorShape) -> [Int] {
    var rest = position
    var indices = Array(shape)
    for level in shape.indices.reversed() {
      indices[level] = rest % shape[level]
      rest /= shape[level]
    }
    return indices
  }
}

/// Each tensor's shape against the logits'.
extension Validator {
  mutating func noteWrongShapes() {
    for place in request.inputs.indices {
      let (input, found) = (request.inputs[place].input, request.inputs[place].tensor.shape)
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
