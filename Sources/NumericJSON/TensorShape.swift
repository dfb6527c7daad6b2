/// A tensor's extents, outermost first; the shape of a bare number is [].
///
/// They stand in the value itself, so that a shape is made, compared and handed on without storage of its own.
public struct TensorShape: Sendable {
  /// The most dimensions that a tensor may have.
  public static var maximumRank: Int { 8 }

  private var extents = InlineArray<8, Int>(repeating: 0)
  private var rank = 0

  public init() {}

  /// - Precondition: there are at most ``maximumRank`` extents.
  public init(_ extents: some Sequence<Int>) {
    for extent in extents { append(extent) }
  }

  /// Adds an innermost extent.
  ///
  /// - Precondition: there are fewer than ``maximumRank``.
  public mutating func append(_ extent: Int) {
    extents[rank] = extent
    rank += 1
  }

  /// The shape without one of its axes.
  public func removing(axis: Int) -> TensorShape {
    var shape = TensorShape()
    for index in indices where index != axis { shape.append(self[index]) }
    return shape
  }

  /// How many values a tensor of the shape holds.
  public var volume: Int { reduce(1, *) }
}

extension TensorShape: RandomAccessCollection {
  public var startIndex: Int { 0 }
  public var endIndex: Int { rank }

  public subscript(axis: Int) -> Int {
    precondition(axis >= 0 && axis < rank)
    return extents[axis]
  }
}

extension TensorShape: Hashable {
  public static func == (a: TensorShape, b: TensorShape) -> Bool { a.elementsEqual(b) }

  public func hash(into hasher: inout Hasher) {
    for extent in self { hasher.combine(extent) }
  }
}

extension TensorShape: ExpressibleByArrayLiteral {
  public init(arrayLiteral extents: Int...) { self.init(extents) }
}

extension TensorShape: CustomStringConvertible {
  /// As an array's: `[2, 3]`.
  public var description: String { Array(self).description }
}
