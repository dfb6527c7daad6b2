/// A tensor's extents, outermost first; the shape of a bare number is [].
///
/// The innermost, which is most often the only one, takes no storage of its own.
public struct TensorShape: Sendable, Hashable {
  /// The most dimensions that a tensor may have.
  public static var maximumRank: Int { 8 }

  /// All but the innermost extent.
  private var outer: [Int] = []
  /// The innermost extent, a row's length; nil for a bare number.
  private var row: Int?

  public init() {}

  public init(_ extents: some Sequence<Int>) {
    for extent in extents { append(extent) }
  }

  /// Adds an innermost extent.
  public mutating func append(_ extent: Int) {
    if let row { outer.append(row) }
    row = extent
  }

  /// The shape without one of its axes.
  public func removing(axis: Int) -> TensorShape {
    var shape = TensorShape()
    for index in indices where index != axis { shape.append(self[index]) }
    return shape
  }

  /// How many values a tensor of the shape holds.
  public var volume: Int { outer.reduce(row ?? 1, *) }
}

extension TensorShape: RandomAccessCollection {
  public var startIndex: Int { 0 }
  public var endIndex: Int { row == nil ? 0 : outer.count + 1 }

  public subscript(axis: Int) -> Int {
    guard let row, axis == outer.count else { return outer[axis] }
    return row
  }
}

extension TensorShape: ExpressibleByArrayLiteral {
  public init(arrayLiteral extents: Int...) { self.init(extents) }
}

extension TensorShape: CustomStringConvertible {
  /// As an array's: `[2, 3]`.
  public var description: String { Array(self).description }
}
