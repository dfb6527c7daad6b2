/// A tensor's extents, outermost first; a bare number has the shape [].
public struct TensorShape: Sendable, Hashable {
  /// The most dimensions that a tensor may have.
  public static var maximumRank: Int { 8 }

  public private(set) var extents: [Int]

  public init(_ extents: some Sequence<Int>) { self.extents = Array(extents) }

  /// The shape without one of its axes.
  public func removing(axis: Int) -> TensorShape {
    TensorShape(extents[..<axis] + extents[(axis + 1)...])
  }

  /// Adds an innermost extent.
  public mutating func append(_ extent: Int) { extents.append(extent) }

  /// How many values a tensor of the shape holds.
  public var volume: Int { extents.reduce(1, *) }
}

extension TensorShape: RandomAccessCollection {
  public var startIndex: Int { 0 }
  public var endIndex: Int { extents.count }
  public subscript(axis: Int) -> Int { extents[axis] }
}

extension TensorShape: ExpressibleByArrayLiteral {
  public init(arrayLiteral extents: Int...) { self.init(extents) }
}

extension TensorShape: CustomStringConvertible {
  /// As an array's: `[2, 3]`.
  public var description: String { extents.description }
}
