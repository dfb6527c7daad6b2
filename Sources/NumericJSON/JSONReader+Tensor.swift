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
    skipWhitespace()
    var state = TensorState(maximumCount: maximumCount, start: position, end: text.count)
    while true {
      if try !readTensorRuns(&state, parallel) { try readTensorItem(&state, parallel) }
      repeat {
        if state.depth == 0 { return state.finished() }
        state.counts[state.depth - 1] += 1
      } while try closesTensorArray(&state)
    }
  }

  /// Reads what the hot loop takes of an innermost array's elements. Returns whether the last of them is yet to be
  /// counted, and what follows it to be read; else an element must begin at the position.
  @_lifetime(self: copy self)
  private mutating func readTensorRuns(
    _ state: inout TensorState, _ parallel: Parallel?
  ) throws(JSONSyntaxError) -> Bool {
    guard state.depth > 0, state.depth == state.rank else { return false }
    let initialCount = state.values.count
    let (text, level) = (self.text, level)
    var count = 0
    var stop = RunStop.beforeValue
    if let parallel, !state.wasParallel, text.count - position >= JSONReader.leastParallelText {
      state.wasParallel = true
      stop = readTensorPieces(&state, parallel)
    }
    var cursor = position
    while stop == .beforeValue, state.makeRoom(at: cursor) {
      let before = state.values.count
      let room = min(state.values.capacity, state.maximumCount) - before
      state.values.append(addingCapacity: room) { values in
        stop = readRun(text, &cursor, limit: Int.max, level, into: &values)
        if stop == .beforeValue { stop = readLastRun(text, &cursor, level, into: &values) }
      }
      let taken = state.values.count - before
      count += taken
      if taken < room { break }
    }
    position = cursor
    state.counts[state.depth - 1] += count
    if stop == .behindValue {
      state.counts[state.depth - 1] -= 1
      return true
    }
    if state.values.count > initialCount {
      skipWhitespace()
      if currentByte == UInt8(ascii: "]") { throw failure(.trailingComma) }
    }
    return false
  }

  /// Reads a scalar, a whole array that does not fit, or any number of opening brackets and then either or a run. Leaves the
  /// last element to be counted.
  @_lifetime(self: copy self)
  private mutating func readTensorItem(_ state: inout TensorState, _ parallel: Parallel?) throws(JSONSyntaxError) {
    while true {
      switch try peekKind() {
      case .number:
        let number = try readNumber()
        if number.isOutOfRange { state.note(.outOfRange) }
        state.append(number.value, at: position)
      case .string: try readTensorString(&state)
      case .boolean:
        _ = try readBoolean()
        state.appendFault(.boolean, at: position)
      case .null:
        try readNull()
        state.appendFault(.null, at: position)
      case .object:
        try skipValue()
        state.appendFault(.object, at: position)
      case .array:
        if state.depth == state.rank {
          state.note(.mixedDepth)
          try skipValue()
        } else if state.depth == TensorShape.maximumRank {
          state.note(.tooDeep)
          state.rank = state.depth
          try skipValue()
        } else {
          try beginArray()
          state.open()
          if try nextElement() {
            // The first number tells the rank, and each array's first begins a run.
            if state.rank == nil, let byte = currentByte, isDigit(byte) || byte == UInt8(ascii: "-") {
              state.rank = state.depth
            }
            if try readTensorRuns(&state, parallel) { return }
            continue
          }
          state.note(.empty, dropping: 1)
          state.close(isEmpty: true)
        }
      }
      return
    }
  }

  @_lifetime(self: copy self)
  private mutating func readTensorString(_ state: inout TensorState) throws(JSONSyntaxError) {
    if matches("\"-Infinity\"", at: position) {
      position += 11
      state.append(-.infinity, at: position)
      return
    }
    let string = try readString()
    switch string {
    case "-Infinity": state.append(-.infinity, at: position)
    case "Infinity": state.append(.infinity, at: position)
    case "NaN": state.append(.nan, at: position)
    default: state.appendFault(.string(string.prefixOfUTF8(64)), at: position)
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

extension String {
  /// The first characters, as many as take up to `length` bytes of UTF-8.
  func prefixOfUTF8(_ length: Int) -> String {
    if utf8.count <= length { return self }
    var end = utf8.index(startIndex, offsetBy: length)
    while end > startIndex, end.samePosition(in: unicodeScalars) == nil { end = utf8.index(before: end) }
    return String(self[..<end])
  }
}
