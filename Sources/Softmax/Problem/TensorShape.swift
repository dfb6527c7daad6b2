/// A tensor's extents, outermost first; a bare number has the shape [].
///
/// Held in place: a request's shapes are handed on at every step, and then cost no block of memory and no reference.
public struct TensorShape: Sendable {
  /// The most dimensions that a tensor may have.
  public static var maximumRank: Int { 8 }

  /// One more than a request's tensors may have: a Jacobian has its logits' class axis twice.
  private let extents: InlineArray<9, Int>
  private let rank: Int

  /// Nil for more than ``maximumRank`` extents.
  public init?(_ extents: Span<Int>) {
    let count = extents.count
    guard count <= Self.maximumRank else { return nil }
    var own = InlineArray<9, Int>(repeating: 1)
    for axis in 0..<count { own[axis] = extents[axis] }
    self.extents = own
    rank = count
  }

  /// Nil for more than ``maximumRank`` extents.
  public init?(_ extents: [Int]) { self.init(extents.span) }

  /// The shape without one of its axes.
  public func removing(axis: Int) -> TensorShape {
    TensorShape(InlineArray { $0 < axis || $0 == 8 ? extents[$0] : extents[$0 + 1] }, rank: rank - 1)
  }

  /// The shape with another extent of one of its axes.
  public func replacing(axis: Int, with extent: Int) -> TensorShape {
    TensorShape(InlineArray { $0 == axis ? extent : extents[$0] }, rank: rank)
  }

  /// The shape with one of its axes twice, side by side.
  public func doubling(axis: Int) -> TensorShape {
    TensorShape(InlineArray { $0 <= axis ? extents[$0] : extents[$0 - 1] }, rank: rank + 1)
  }

  private init(_ extents: InlineArray<9, Int>, rank: Int) {
    self.extents = extents
    self.rank = rank
  }

  /// The extents as an array.
  public var array: [Int] { Array(self) }

  /// The extents.
  public var span: Span<Int> {
    @_lifetime(borrow self)
    borrowing get { extents.span.extracting(first: rank) }
  }

  /// How many values a tensor of the shape holds.
  public var volume: Int {
    var volume = 1
    for axis in 0..<rank { volume *= extents[axis] }
    return volume
  }
}

extension TensorShape: RandomAccessCollection {
  public var startIndex: Int { 0 }
  public var endIndex: Int { rank }
  public subscript(axis: Int) -> Int { extents[axis] }
}

extension TensorShape: Hashable {
  public static func == (left: TensorShape, right: TensorShape) -> Bool { left.elementsEqual(right) }
  public func hash(into hasher: inout Hasher) { for extent in self { hasher.combine(extent) } }
}

extension TensorShape: ExpressibleByArrayLiteral {
  /// - Precondition: at most ``maximumRank`` extents.
  public init(arrayLiteral extents: Int...) {
    self.init(InlineArray { $0 < extents.count ? extents[$0] : 1 }, rank: extents.count)
  }
}

extension TensorShape: CustomStringConvertible {
  /// As an array's: `[2, 3]`.
  public var description: String { array.description }
}

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
    var (outer, inner) = (1, 1)
    for place in 0..<axis { outer *= shape[place] }
    for place in (axis + 1)..<shape.count { inner *= shape[place] }
    self.outer = outer
    classes = shape[axis]
    self.inner = inner
  }

  /// How many rows of logits there are.
  public var batch: Int { outer * inner }

  /// How many numbers a tensor of the logits' shape holds.
  public var count: Int { outer * classes * inner }

  /// The position of row `n`'s first class; its others follow `inner` apart.
  public func start(of n: Int) -> Int {
    (n / inner) * classes * inner + n % inner
  }

  /// The position of a class of row `n`.
  public func position(row n: Int, class index: Int) -> Int { start(of: n) + index * inner }

  /// Row `n` of a tensor of the logits' shape, [classes].
  func row(_ n: Int, of tensor: Numbers) -> [Double] {
    if batch == 1 { return tensor.array }
    var row = [Double](repeating: 0, count: classes)
    var span = row.mutableSpan
    tensor.read(from: start(of: n), step: inner, into: &span)
    return row
  }
}
