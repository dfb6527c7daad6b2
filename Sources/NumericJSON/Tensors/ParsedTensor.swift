/// What a reader accepts of a tensor. Both counts bound the memory that a text can make it take.
public struct TensorLimits: Sendable {
  /// The most values that are kept.
  public var values: Int
  /// The most dimensions; at most ``greatestRank``.
  public var rank: Int
  /// The most faults that are reported.
  public var faults: Int
  /// Whether `true` and `false` are taken as 1 and 0.
  public var takesBooleans: Bool

  /// The most dimensions that any reader takes.
  public static var greatestRank: Int { 8 }

  public init(values: Int, rank: Int = TensorLimits.greatestRank, faults: Int, takesBooleans: Bool = false) {
    self.values = values
    self.takesBooleans = takesBooleans
    self.rank = min(rank, TensorLimits.greatestRank)
    self.faults = faults
  }
}

/// Nested arrays of numbers as read: their values as one row-major block, their extents, and what was wrong with them.
///
/// The values and the extents mean something only if there are no faults and the tensor is not too large. Infinities
/// and NaN come from the JSON strings "Infinity", "-Infinity" and "NaN"; the caller decides which of them it accepts.
public struct ParsedTensor: Sendable, Hashable {
  /// The length of each dimension, outermost first, as found along the first element of each array; empty for a bare
  /// number.
  public var extents: [Int] = []
  /// Row-major; as many as the product of `extents`.
  public var values: [Double] = []
  /// The first faults, in the order of the text.
  public var faults: [TensorFault] = []
  /// The first booleans that were taken as numbers, as faults for whoever does not want them.
  public var booleans: [TensorFault] = []
  /// Whether there were more values than the limit. The others were checked and not kept.
  public var isTooLarge = false
}

/// A place in a tensor's text that is JSON but not part of a rectangular tensor of binary64 numbers.
public struct TensorFault: Sendable, Hashable {
  public enum Reason: Sendable, Hashable {
    case null, boolean, object
    /// A number where a boolean must stand.
    case number
    /// A string that names no number.
    case string(String)
    /// A number that rounds beyond binary64's range.
    case outOfRange(isNegative: Bool)
    /// An array whose length differs from that of its first sibling.
    case ragged(expected: Int, found: Int)
    /// A number among arrays, or an array among numbers.
    case mixedDepth
    /// An array without elements.
    case empty
    /// An array nested deeper than the limit on dimensions.
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
