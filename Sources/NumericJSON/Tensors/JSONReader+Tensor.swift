internal import Allocation
internal import VectorKernels

extension JSONReader {
  /// Reads a number, one of the strings "Infinity", "-Infinity" ("-inf") and "NaN", or nested arrays of these; of
  /// booleans where the limits say so.
  ///
  /// The first element's path decides the shape, and everything else is compared with it. What does not fit is a fault
  /// and not an error: reading goes on after it, so that the whole value is checked as JSON in any case.
  ///
  /// - Parameters:
  ///   - limits: what is kept. Memory is taken as values come, never from a claim.
  ///   - parallel: calls its second argument with 0 up to its first, on as many threads as it likes, and returns when
  ///     all are done. A large text is then read in chunks, with the same result.
  @_lifetime(self: copy self)
  public mutating func readTensor(
    limits: TensorLimits, parallel: @autoclosure () -> Parallel? = nil
  ) throws(JSONSyntaxError) -> ParsedTensor {
    skipWhitespace()
    var builder = TensorBuilder(limits: limits, start: position, end: text.count)
    let parallel = text.count - position >= JSONReader.leastParallelText ? parallel() : nil
    while true {
      if try !readTensorNumbers(&builder, parallel) { try readTensorItem(&builder, parallel) }
      repeat {
        if builder.depth == 0 { return builder.takeTensor() }
        builder.counts[builder.depth - 1] += 1
      } while try closesArray(&builder)
    }
  }

  /// Reads the elements of an innermost array that the fast path can read, and those of the next ones while they are as
  /// long as the first.
  ///
  /// - Returns: true if it stopped after an element: this one is still to be counted, and what follows it to be read.
  ///   False if an element must begin at the position.
  @_lifetime(self: copy self)
  private mutating func readTensorNumbers(
    _ builder: inout TensorBuilder, _ parallel: Parallel?
  ) throws(JSONSyntaxError) -> Bool {
    guard builder.depth > 0, builder.depth == builder.rank, builder.limits.elements != .booleans else { return false }
    let initialCount = builder.values.count
    let (text, level) = (self.text, level)
    var stop = SequenceStop.beforeValue
    if let parallel, !builder.triedParallel, text.count - position >= JSONReader.leastParallelText {
      builder.triedParallel = true
      stop = readTensorChunks(&builder, parallel)
    }
    var cursor = position
    while stop == .beforeValue, builder.makeRoom(at: cursor) {
      let rows = builder.rows
      let appended = builder.appendInPlace { values in
        var rows = rows
        repeat {
          var before = values.count
          stop = readNumbers(text, &cursor, limit: Int.max, rows: rows, level: level, into: &values)
          guard stop == .beforeValue else { return }
          _ = rows.advance(by: values.count - before, isAtEnd: false)
          before = values.count
          stop = readLastNumbers(text, &cursor, rows: rows, level: level, into: &values)
          guard stop == .beforeValue else { return }
          _ = rows.advance(by: values.count - before, isAtEnd: false)
          guard let next = readMinusInfinity(text, &cursor, rows: &rows, into: &values) else { return }
          stop = next
        } while stop == .beforeValue
      }
      builder.count(appended.count, in: rows, isAtEnd: stop == .afterValue)
      if appended.count < appended.room { break }
    }
    position = cursor
    if stop == .afterValue {
      builder.counts[builder.depth - 1] -= 1
      return true
    }
    if builder.values.count > initialCount {
      skipWhitespace()
      if currentByte == UInt8(ascii: "]") { throw failure(.trailingComma) }
    }
    return false
  }

  /// Reads a scalar, a whole array that does not fit, or opening brackets and then a scalar or several numbers. The
  /// last element is still to be counted.
  @_lifetime(self: copy self)
  private mutating func readTensorItem(
    _ builder: inout TensorBuilder, _ parallel: Parallel?
  ) throws(JSONSyntaxError) {
    while true {
      switch try peekKind() {
      case .number where builder.limits.elements == .booleans:
        try skipValue()
        builder.appendFault(.number, at: position)
      case .number:
        let number = try readNumber()
        if number.isOutOfRange { builder.note(.outOfRange(isNegative: number.value < 0)) }
        builder.append(number.value, at: position)
      case .string: try readTensorString(&builder)
      case .boolean:
        let value = try readBoolean()
        if builder.limits.elements == .numbers {
          builder.appendFault(.boolean, at: position)
        } else {
          builder.append(boolean: value, at: position)
          if builder.limits.elements == .booleans { readBooleanRun(&builder) }
        }
      case .null:
        try readNull()
        builder.appendFault(.null, at: position)
      case .object:
        try skipValue()
        builder.appendFault(.object, at: position)
      case .array:
        if try opensTensorArray(&builder), try !readTensorNumbers(&builder, parallel) { continue }
      }
      return
    }
  }

  /// Reads the opening bracket of an array that has an element; one that does not fit, or is empty, is read whole.
  @inline(__always)
  @_lifetime(self: copy self)
  private mutating func opensTensorArray(_ builder: inout TensorBuilder) throws(JSONSyntaxError) -> Bool {
    if builder.depth == builder.rank {
      builder.note(.mixedDepth)
      try skipValue()
      return false
    }
    if builder.depth == builder.limits.rank {
      builder.note(.tooDeep)
      builder.rank = builder.depth
      try skipValue()
      return false
    }
    try beginArray()
    builder.open()
    guard try nextElement() else {
      builder.note(.empty, dropping: 1)
      builder.close(isEmpty: true)
      return false
    }
    // The depth of the first number is the rank. From then on, each array's first number starts the fast path.
    if builder.rank == nil, let byte = currentByte, isDigit(byte) || byte == UInt8(ascii: "-") {
      builder.rank = builder.depth
    }
    return true
  }

  /// Reads on in an innermost array while booleans stand between commas and there is room. The last one is still to be
  /// counted.
  @_lifetime(self: copy self)
  private mutating func readBooleanRun(_ builder: inout TensorBuilder) {
    guard builder.depth > 0, builder.depth == builder.rank else { return }
    let text = text
    var cursor = position
    let appended = builder.appendInPlace { values in
      while !values.isFull, let isTrue = text.boolean(betweenCommas: &cursor) { values.append(isTrue ? 1 : 0) }
    }
    builder.counts[builder.depth - 1] += appended.count
    position = cursor
  }

  @_lifetime(self: copy self)
  private mutating func readTensorString(_ builder: inout TensorBuilder) throws(JSONSyntaxError) {
    guard builder.limits.elements != .booleans else {
      builder.appendFault(.string(try readString()), at: position)
      return
    }
    let string = try readString()
    switch string {
    // "-inf" is what Python, C and C++ print for it.
    case "-Infinity", "-inf", "-Inf", "-INF": builder.append(-.infinity, at: position)
    case "Infinity": builder.append(.infinity, at: position)
    case "NaN": builder.append(.nan, at: position)
    default: builder.appendFault(.string(string), at: position)
    }
  }

  /// After an element: passes the comma and returns false, or passes the closing bracket and returns true.
  @_lifetime(self: copy self)
  mutating func closesArray(_ builder: inout TensorBuilder) throws(JSONSyntaxError) -> Bool {
    if try nextElement() { return false }
    builder.close(isEmpty: false)
    return true
  }
}

extension Span<UInt8> {
  /// Passes a comma, one space if there is one, and a boolean before another comma; nil where something else stands.
  @inline(__always)
  fileprivate func boolean(betweenCommas position: inout Int) -> Bool? {
    guard position + 9 <= count, self[position] == UInt8(ascii: ",") else { return nil }
    let start = self[position + 1] == UInt8(ascii: " ") ? position + 2 : position + 1
    guard start + 8 <= count else { return nil }
    // Eight bytes hold the word and the comma after it.
    let word = word(at: start)
    let isTrue = word & 0xFF_FFFF_FFFF == 0x2C_6575_7274  // "true,"
    guard isTrue || word & 0xFFFF_FFFF_FFFF == 0x2C65_736C_6166 else { return nil }  // "false,"
    position = start + (isTrue ? 4 : 5)
    return isTrue
  }
}
