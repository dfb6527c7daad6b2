internal import Allocation
public import VectorKernels

/// What a reader accepts of a tensor. Both counts bound the memory that a text can make it take.
public struct TensorLimits: Sendable {
  /// What a tensor may hold. `true` and `false` are read as 1 and 0.
  public enum Elements: Sendable { case numbers, booleans, both }

  /// The most values that are kept.
  public var values: Int
  /// The most dimensions; at most ``maximumRank``.
  public var rank: Int
  /// The most faults that are reported.
  public var faults: Int
  /// What an element may be.
  public var elements: Elements

  /// The most dimensions that any reader takes.
  public static var maximumRank: Int { 8 }

  /// Limits of their parts; a rank beyond ``maximumRank`` is that.
  public init(values: Int, rank: Int = TensorLimits.maximumRank, faults: Int, elements: Elements = .numbers) {
    self.values = values
    self.elements = elements
    self.rank = min(rank, TensorLimits.maximumRank)
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
  /// The first booleans where both are taken, as faults for whoever does not want them.
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
  /// What stands there, or what is wrong with it.
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
  /// What is wrong there.
  public let reason: Reason

  /// A fault at a place.
  public init(path: [Int], reason: Reason) {
    self.path = path
    self.reason = reason
  }
}

/// A tensor that is being read: its open arrays, its extents as far as they are known, its values and its faults.
struct TensorBuilder: ~Copyable {
  private(set) var values: [Double] = []
  private var faults: [TensorFault] = []
  private var booleans: [TensorFault] = []
  private var isTooLarge = false
  let limits: TensorLimits
  /// Where in the text the tensor begins, and where the text ends.
  private let start: Int
  private let end: Int
  /// How many arrays are open.
  private(set) var depth = 0
  /// The number of elements read in each open array.
  var counts = InlineArray<8, Int>(repeating: 0)
  /// The length of the first array closed at each depth; -1 before there is one.
  var extents = InlineArray<8, Int>(repeating: -1)
  /// The depth of the first scalar or empty array; nil before there is one.
  var rank: Int?
  /// Whether reading in parallel was tried.
  var triedParallel = false

  init(limits: TensorLimits, start: Int, end: Int) {
    self.limits = limits
    self.start = start
    self.end = end
  }

  /// What was read. It is taken out, and the builder of no use any more.
  mutating func takeTensor() -> ParsedTensor {
    var tensor = ParsedTensor(isTooLarge: isTooLarge)
    tensor.set(extents: extents, rank: rank ?? 0)
    swap(&tensor.values, &values)
    swap(&tensor.faults, &faults)
    swap(&tensor.booleans, &booleans)
    return tensor
  }
}

// MARK: - Arrays, scalars and faults

extension TensorBuilder {
  mutating func open() {
    counts[depth] = 0
    depth += 1
  }

  mutating func close(isEmpty: Bool) {
    depth -= 1
    if isEmpty, rank == nil { rank = depth + 1 }
    let found = counts[depth]
    if extents[depth] < 0 {
      extents[depth] = found
    } else if extents[depth] != found, !isEmpty {
      note(.ragged(expected: extents[depth], found: found))
    }
  }

  /// Where the innermost arrays end, if one has been closed.
  var rows: RowPattern {
    let (length, column) = (extents[depth - 1], counts[depth - 1])
    return RowPattern(length: depth > 1 && column < length ? length : .max, column: column)
  }

  /// Counts numbers that were appended over the ends of innermost arrays.
  mutating func count(_ numbers: Int, in rows: RowPattern, isAtEnd: Bool) {
    var rows = rows
    let passed = rows.advance(by: numbers, isAtEnd: isAtEnd)
    counts[depth - 1] = rows.column
    if passed > 0 { counts[depth - 2] += passed }
  }

  /// Says where a scalar stands. The first one's depth is the tensor's rank.
  mutating func noteScalar() {
    if rank == nil { rank = depth }
    if depth != rank { note(.mixedDepth) }
  }

  /// Takes a scalar.
  mutating func append(_ value: Double, at position: Int) {
    noteScalar()
    if makeRoom(at: position) { values.append(value) }
  }

  /// Notes a scalar that is no number. A zero takes its place, so that the values after it keep theirs.
  mutating func appendFault(_ reason: TensorFault.Reason, at position: Int) {
    note(reason)
    append(0, at: position)
  }

  /// Takes a boolean as a number, and notes where it stands among numbers.
  mutating func append(boolean value: Bool, at position: Int) {
    if limits.elements == .both, booleans.count < limits.faults {
      booleans.append(TensorFault(path: (0..<depth).map { counts[$0] }, reason: .boolean))
    }
    append(value ? 1 : 0, at: position)
  }

  /// Notes a fault at the element that is being read, or `levels` above it.
  mutating func note(_ reason: TensorFault.Reason, dropping levels: Int = 0) {
    guard faults.count < limits.faults else { return }
    let path = (0..<max(0, depth - levels)).map { counts[$0] }
    faults.append(TensorFault(path: path, reason: reason))
  }
}

// MARK: - Storage

extension TensorBuilder {
  /// Makes room for one more value. Returns false, for good, when there are too many.
  ///
  /// Storage grows to what the rest of the text would hold at the density so far, so that it is copied seldom and ends
  /// near its final size. It begins at one value in 16 bytes of text, and never exceeds one in two.
  @inline(__always)
  mutating func makeRoom(at position: Int) -> Bool {
    if values.count < values.capacity, values.count < limits.values { return true }
    return grow(at: position)
  }

  @inline(never)
  private mutating func grow(at position: Int) -> Bool {
    let count = values.count
    guard count < limits.values else {
      isTooLarge = true
      return false
    }
    reserve(atLeast: count + 1, at: position)
    return true
  }

  /// Makes room for `count` more values; false where they might be too many.
  mutating func makeRoom(for count: Int, at position: Int) -> Bool {
    let needed = values.count + count
    if needed > limits.values { return false }
    if needed > values.capacity { reserve(atLeast: needed, at: position) }
    return true
  }

  /// Takes storage for `least` values and for those expected after them.
  @inline(never)
  private mutating func reserve(atLeast least: Int, at position: Int) {
    let count = values.count
    let left = end - position
    let density = count < 8 ? 1.0 / 16 : Double(count) / Double(max(1, position - start)) * 1.05
    let expected = max(count / 2, Int(Double(left) * density)) + 8
    values.reserveLargeCapacity(max(least, count + min(limits.values - count, left / 2 + 1, expected)))
  }

  /// Lets `body` append values to the storage that there is; returns how many, and how many there was room for.
  mutating func appendInPlace(_ body: (inout OutputSpan<Double>) -> Void) -> (count: Int, room: Int) {
    let before = values.count
    let room = min(values.capacity, limits.values) - before
    values.append(addingCapacity: room) { body(&$0) }
    return (values.count - before, room)
  }

  /// Lets `body` fill storage after the values, of which there is room for `count`. It returns how many it filled, from
  /// the first on.
  mutating func withRoom(
    _ count: Int, _ body: (UnsafeMutableBufferPointer<Double>, inout TensorBuilder) -> Int
  ) {
    var values: [Double] = []
    swap(&values, &self.values)
    values.append(addingCapacity: count) { output in
      unsafe output.withUnsafeMutableBufferPointer { storage, filled in
        filled = unsafe body(storage, &self)
      }
    }
    swap(&values, &self.values)
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
    _ values: inout [Double], to format: BinaryFormat, text: Span<UInt8>, start: Int
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
  /// Passes `count` of a tensor's values, and compares the magnitude of the next, a number, with the binary64 that it
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
