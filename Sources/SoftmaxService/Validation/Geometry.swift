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

  /// The slices along an axis, or for nil all of the tensor as one slice.
  func layout(along axis: Int8?) -> Layout {
    guard let axis else { return Layout(shape: [layout.batch * layout.classes], axis: 0) }
    return Layout(shape: shape, axis: Int(axis))
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

  /// The class that a number names, or nil.
  func classIndex(_ value: Double) -> Int? { Self.classIndex(value, of: Double(classes)) }

  /// The same among this many classes: the only place that decides it.
  @inline(__always)
  static func classIndex(_ value: Double, of classes: Double) -> Int? {
    guard value >= 0, value < classes else { return nil }
    let index = Int(value)
    return Double(index) == value ? index : nil
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
