public import VectorKernels

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
public struct ParsedTensor: Sendable {
  /// Of which `rank` mean something. In place: most tensors are of rank 1 or 2, and read for a small request.
  private var lengths = InlineArray<8, Int>(repeating: 0)
  private var rank = 0
  /// Row-major; as many as the product of `extents`.
  public var values: [Double] = []
  /// The first faults, in the order of the text.
  public var faults: [TensorFault] = []
  /// The first booleans that were taken as numbers, as faults for whoever does not want them.
  public var booleans: [TensorFault] = []
  /// Whether there were more values than the limit. The others were checked and not kept.
  public var isTooLarge = false

  init(isTooLarge: Bool) { self.isTooLarge = isTooLarge }

  /// The length of each dimension, outermost first, as found along the first element of each array; empty for a bare
  /// number.
  public var extentSpan: Span<Int> {
    @_lifetime(borrow self)
    borrowing get { lengths.span.extracting(first: rank) }
  }

  /// The same as an array.
  public var extents: [Int] { (0..<rank).map { lengths[$0] } }

  mutating func set(extents: InlineArray<8, Int>, rank: Int) {
    lengths = InlineArray { max(0, extents[$0]) }
    self.rank = rank
  }
}

extension ParsedTensor: Equatable {
  public static func == (left: ParsedTensor, right: ParsedTensor) -> Bool {
    left.extents == right.extents && left.values == right.values && left.faults == right.faults
      && left.booleans == right.booleans && left.isTooLarge == right.isTooLarge
  }
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

extension ParsedTensor {
  /// Rounds numbers to a narrower format, each once from its decimal text.
  ///
  /// Rounding the binary64 that was read gives the same, but where that lies exactly half-way between two numbers of
  /// the format: then the text may be less or more. Only for such numbers the text is looked at again.
  ///
  /// - Parameters:
  ///   - values: a tensor's, as they were read, without faults.
  ///   - format: what they are rounded to.
  ///   - text: the text that they were read from.
  ///   - start: where in it the tensor begins (``JSONReader/offset``).
  /// - Returns: the positions of finite numbers that round beyond the format's range; each is infinite now.
  public static func narrow(
    _ values: inout [Double], to format: NumberFormat, text: Span<UInt8>, start: Int
  ) -> [Int] {
    var halfway: [Int] = []
    var beyond: [Int] = []
    for position in values.indices {
      let value = values[position]
      guard value.isFinite else { continue }
      if format.isHalfway(value) {
        halfway.append(position)
      } else {
        values[position] = format.nearest(to: value)
        if values[position].isInfinite { beyond.append(position) }
      }
    }
    guard !halfway.isEmpty else { return beyond }
    var reader = JSONReader(text, takesNonFiniteWords: true)
    reader.position = start
    var next = 0
    for position in halfway {
      let value = values[position]
      switch reader.compareNumber(after: position - next, to: value.magnitude) {
      case .below: values[position] = format.nearest(to: value.towardZero)
      case .equal: values[position] = format.nearest(to: value)
      case .above: values[position] = format.nearest(to: value.awayFromZero)
      }
      if values[position].isInfinite { beyond.append(position) }
      next = position + 1
    }
    return beyond.sorted()
  }
}

extension Double {
  /// The neighbour of a number that is not zero with the lesser magnitude, and the one with the greater.
  fileprivate var towardZero: Double { self < 0 ? nextUp : nextDown }
  fileprivate var awayFromZero: Double { self < 0 ? nextDown : nextUp }
}

extension JSONReader {
  /// Passes so many of a tensor's values, and compares the magnitude of the next, a number, with the binary64 that it
  /// was read as.
  @_lifetime(self: copy self)
  fileprivate mutating func compareNumber(after count: Int, to value: Double) -> Comparison {
    do throws(JSONSyntaxError) {
      for _ in 0..<count {
        skipToScalar()
        if currentByte == UInt8(ascii: "\"") {
          _ = try readString()
        } else if readNonFiniteWord() == nil {
          try scanNumber()
        }
      }
      skipToScalar()
      let decimal = try scanNumber()
      let (significand, exponent) = Binary64.parts(of: value.bitPattern)
      return compare(decimal, in: text, to: significand, exponent)
    } catch {
      // The text was read before.
      return .equal
    }
  }

  @_lifetime(self: copy self)
  private mutating func skipToScalar() {
    while let byte = currentByte, isWhitespace(byte) || byte == UInt8(ascii: ",") || byte | 0x06 == 0x5F {
      position += 1
    }
  }
}
