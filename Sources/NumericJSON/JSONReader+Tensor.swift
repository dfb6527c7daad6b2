extension JSONReader {
  /// Reads a number, one of the strings "Infinity", "-Infinity" and "NaN", or nested arrays of these.
  ///
  /// The shape is that of the first element's path; all else is held against it. What does not fit is a fault, not an
  /// error, and the reading goes on behind it: the whole value is checked as JSON in any case.
  /// - Parameters:
  ///   - maximumCount: the most values to keep; memory is taken as values come, never from a claim.
  ///   - parallel: calls its second argument with 0 up to its first, on as many threads as it likes, and returns when
  ///     all have; a large text is then read in pieces, with the same result.
  @_lifetime(self: copy self)
  public mutating func readTensor(
    maximumCount: Int, parallel: Parallel? = nil
  ) throws(JSONSyntaxError) -> TensorReading {
    var state = TensorState(maximumCount: maximumCount)
    while true {
      try readTensorItem(&state)
      repeat {
        if state.depth == 0 { return state.finished() }
        state.counts[state.depth - 1] += 1
      } while try closesTensorArray(&state)
    }
  }

  /// Reads a scalar, a whole array that does not fit, or any number of opening brackets and then either.
  @_lifetime(self: copy self)
  private mutating func readTensorItem(_ state: inout TensorState) throws(JSONSyntaxError) {
    while true {
      switch try peekKind() {
      case .number:
        let number = try readNumber()
        if number.isOutOfRange { state.note(.outOfRange) }
        state.append(number.value)
      case .string:
        let string = try readString()
        switch string {
        case "-Infinity": state.append(-.infinity)
        case "Infinity": state.append(.infinity)
        case "NaN": state.append(.nan)
        default: state.appendFault(.string(string.prefixOfUTF8(64)))
        }
      case .boolean:
        _ = try readBoolean()
        state.appendFault(.boolean)
      case .null:
        try readNull()
        state.appendFault(.null)
      case .object:
        try skipValue()
        state.appendFault(.object)
      case .array:
        if state.depth == state.rank {
          state.note(.mixedDepth)
          try skipValue()
        } else if state.depth == TensorReading.maximumRank {
          state.note(.tooDeep)
          state.rank = state.depth
          try skipValue()
        } else {
          try beginArray()
          state.open()
          if try nextElement() { continue }
          state.note(.empty, dropping: 1)
          state.close(isEmpty: true)
        }
      }
      return
    }
  }

  /// After an element: passes the comma and returns false, or the closing bracket and returns true.
  @_lifetime(self: copy self)
  private mutating func closesTensorArray(_ state: inout TensorState) throws(JSONSyntaxError) -> Bool {
    if try nextElement() { return false }
    state.close(isEmpty: false)
    return true
  }
}

/// How far a tensor has been read.
struct TensorState {
  var reading = TensorReading()
  let maximumCount: Int
  /// How many arrays are open.
  var depth = 0
  /// The number of elements passed in each open array.
  var counts = [Int](repeating: 0, count: TensorReading.maximumRank)
  /// The length of the first array closed at each depth.
  var extents = [Int?](repeating: nil, count: TensorReading.maximumRank)
  /// The depth of the first scalar or empty array; nil before it.
  var rank: Int?

  init(maximumCount: Int) {
    self.maximumCount = maximumCount
  }

  mutating func open() {
    counts[depth] = 0
    depth += 1
  }

  mutating func close(isEmpty: Bool) {
    depth -= 1
    if isEmpty, rank == nil { rank = depth + 1 }
    let found = counts[depth]
    if let expected = extents[depth] {
      if expected != found, !isEmpty { note(.ragged(expected: expected, found: found)) }
    } else {
      extents[depth] = found
    }
  }

  mutating func append(_ value: Double) {
    if rank == nil { rank = depth }
    if depth != rank { note(.mixedDepth) }
    if reading.values.count < maximumCount {
      reading.values.append(value)
    } else {
      reading.isTooLarge = true
    }
  }

  /// Notes a scalar that is no number; a zero stands for it, so that what follows keeps its place.
  mutating func appendFault(_ reason: TensorFault.Reason) {
    note(reason)
    append(0)
  }

  /// Notes a fault at the element that is read now, or `dropping` levels above.
  mutating func note(_ reason: TensorFault.Reason, dropping levels: Int = 0) {
    guard reading.faults.count < TensorReading.maximumFaults else { return }
    reading.faults.append(TensorFault(path: Array(counts[..<max(0, depth - levels)]), reason: reason))
  }

  consuming func finished() -> TensorReading {
    reading.shape = extents[..<(rank ?? 0)].map { $0 ?? 0 }
    return reading
  }
}

extension String {
  /// The first characters, up to `length` bytes of UTF-8.
  func prefixOfUTF8(_ length: Int) -> String {
    utf8.count <= length ? self : String(decoding: utf8.prefix(length), as: UTF8.self)
  }
}
