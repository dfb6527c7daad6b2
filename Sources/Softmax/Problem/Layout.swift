/// Where the class axis lies in a row-major tensor, as three numbers: `[outer, classes, inner]`.
///
/// Element `(o, c, i)` is at `(o * classes + c) * inner + i`. Row `n = o * inner + i` of the batch holds `classes`
/// logits, `inner` apart.
public struct Layout: Sendable, Hashable {
  /// The product of the sizes before the class axis.
  public let outer: Int
  /// The size of the class axis.
  public let classes: Int
  /// The product of the sizes after the class axis.
  public let inner: Int

  /// - Parameters:
  ///   - shape: the tensor's sizes, each at least 1; their product fits an `Int` since the tensor is in memory.
  ///   - axis: the class axis, in `0..<shape.count`.
  @inlinable
  public init<Shape: RandomAccessCollection<Int>>(shape: Shape, axis: Int) where Shape.Index == Int {
    outer = shape[..<axis].reduce(1, *)
    classes = shape[axis]
    inner = shape[(axis + 1)...].reduce(1, *)
  }

  /// How many rows of logits there are.
  public var batch: Int { outer * inner }

  /// How many numbers a tensor of the logits' shape holds.
  public var count: Int { outer * classes * inner }

  /// The position of row `n`'s first class; its others follow `inner` apart.
  public func start(of n: Int) -> Int {
    (n / inner) * classes * inner + n % inner
  }

  /// Row `n` of a tensor of the logits' shape, [classes].
  func row(_ n: Int, of tensor: [Double]) -> [Double] {
    let start = start(of: n)
    guard inner != 1 else { return Array(tensor[start..<(start + classes)]) }
    var row: [Double] = []
    row.reserveCapacity(classes)
    for c in 0..<classes { row.append(tensor[start + c * inner]) }
    return row
  }
}
