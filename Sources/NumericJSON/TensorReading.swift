/// Nested arrays of numbers as read: one row-major block, its shape, and what was wrong with it.
///
/// A bare number has the shape []. The values and the shape mean something only if `faults` is empty and the tensor is
/// not too large. Infinities and NaN come from the JSON strings "Infinity", "-Infinity" and "NaN"; the caller decides
/// which of them it takes.
public struct TensorReading: Sendable, Hashable {
  /// The most faults that are reported: one more than a request's answer lists, so that it can tell that there are more.
  public static var maximumFaults: Int { 33 }

  /// The extents, outermost first; as found along the first element of each array.
  public var shape = TensorShape()
  /// Row-major; the product of `shape` values when nothing is at fault.
  public var values: [Double] = []
  /// The first faults, in the text's order.
  public var faults: [TensorFault] = []
  /// Whether there were more than `maximumCount` values; those beyond it are not kept.
  public var isTooLarge = false
}

/// A place in a tensor's text that is JSON but not part of a rectangular tensor of binary64 numbers.
public struct TensorFault: Sendable, Hashable {
  public enum Reason: Sendable, Hashable {
    case null, boolean, object
    /// Another string than "Infinity", "-Infinity" and "NaN"; cut after 64 bytes' worth of characters.
    case string(String)
    /// A number that rounds beyond binary64's range.
    case outOfRange
    /// An array whose length is not that of its first sibling.
    case ragged(expected: Int, found: Int)
    /// A number among arrays or an array among numbers.
    case mixedDepth
    /// An array without elements.
    case empty
    /// An array nested deeper than a tensor's greatest rank, 8.
    case tooDeep
  }

  /// The indices from the tensor's root to the place; empty for the root itself.
  public let path: [Int]
  public let reason: Reason

  /// A fault at a place.
  public init(path: [Int], reason: Reason) {
    self.path = path
    self.reason = reason
  }
}
