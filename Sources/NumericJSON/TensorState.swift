/// How far a tensor has been read: the arrays open, the shape as far as it is known, the values and the faults.
struct TensorState: ~Copyable {
  var values: [Double] = []
  private var faults: [TensorFault] = []
  private var isTooLarge = false
  let maximumCount: Int
  /// Where in the text the tensor begins, and where the text ends.
  let start: Int
  let end: Int
  /// How many arrays are open.
  var depth = 0
  /// The number of elements passed in each open array.
  var counts = InlineArray<8, Int>(repeating: 0)
  /// The length of the first array closed at each depth; -1 before.
  var extents = InlineArray<8, Int>(repeating: -1)
  /// The depth of the first scalar or empty array; nil before it.
  var rank: Int?
  /// Whether reading in pieces was tried.
  var wasParallel = false

  init(maximumCount: Int, start: Int, end: Int) {
    self.maximumCount = maximumCount
    self.start = start
    self.end = end
  }

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

  /// Takes a scalar: the first tells the rank.
  mutating func append(_ value: Double, at position: Int) {
    if rank == nil { rank = depth }
    if depth != rank { note(.mixedDepth) }
    if makeRoom(at: position) { values.append(value) }
  }

  /// Notes a scalar that is no number; a zero stands for it, so that what follows keeps its place.
  mutating func appendFault(_ reason: TensorFault.Reason, at position: Int) {
    note(reason)
    append(0, at: position)
  }

  /// Notes a fault at the element that is read now, or `dropping` levels above.
  mutating func note(_ reason: TensorFault.Reason, dropping levels: Int = 0) {
    guard faults.count < TensorReading.maximumFaults else { return }
    let path = (0..<max(0, depth - levels)).map { counts[$0] }
    faults.append(TensorFault(path: path, reason: reason))
  }

  /// Sees that there is room for a value; false, once and for all, when there are too many.
  ///
  /// Room is for as many values as the bytes left would hold at the density so far, so that the storage is copied
  /// seldom and ends near its size; at first it is for one value in 16 bytes, and at most for one in two.
  @inline(__always)
  mutating func makeRoom(at position: Int) -> Bool {
    if values.count < values.capacity, values.count < maximumCount { return true }
    return grow(at: position)
  }

  @inline(never)
  private mutating func grow(at position: Int) -> Bool {
    let count = values.count
    guard count < maximumCount else {
      isTooLarge = true
      return false
    }
    reserve(atLeast: count + 1, at: position)
    return true
  }

  /// Takes storage for `least` values and those expected behind them.
  @inline(never)
  mutating func reserve(atLeast least: Int, at position: Int) {
    let count = values.count
    let left = end - position
    let expected: Int
    if count < 64 {
      expected = left / 16
    } else {
      let density = Double(count) / Double(max(1, position - start))
      expected = max(count + count / 2, count + Int(Double(left) * density * 1.05))
    }
    values.reserveCapacity(max(least, min(maximumCount, count + left / 2 + 1, expected + 8)))
  }

  consuming func finished() -> TensorReading {
    var shape = TensorShape()
    for level in 0..<(rank ?? 0) { shape.append(max(0, extents[level])) }
    var reading = TensorReading(shape: shape, isTooLarge: isTooLarge)
    swap(&reading.values, &values)
    swap(&reading.faults, &faults)
    return reading
  }
}
