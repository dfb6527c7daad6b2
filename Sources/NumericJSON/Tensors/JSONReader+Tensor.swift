public import VectorKernels

extension JSONReader {
  /// Reads a number, one of the strings "Infinity", "-Infinity" ("-inf") and "NaN", or nested arrays of these.
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
    limits: TensorLimits, parallel: Parallel? = nil
  ) throws(JSONSyntaxError) -> ParsedTensor {
    skipWhitespace()
    var builder = TensorBuilder(limits: limits, start: position, end: text.count)
    while true {
      if try !readTensorNumbers(&builder, parallel) { try readTensorItem(&builder, parallel) }
      repeat {
        if builder.depth == 0 { return builder.finished() }
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
    guard builder.depth > 0, builder.depth == builder.rank else { return false }
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
        let before = values.count
        stop = readNumbers(text, &cursor, limit: Int.max, rows: rows, level: level, into: &values)
        guard stop == .beforeValue else { return }
        var rows = rows
        _ = rows.advance(by: values.count - before, isAtEnd: false)
        stop = readLastNumbers(text, &cursor, rows: rows, level: level, into: &values)
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
      case .number:
        let number = try readNumber()
        if number.isOutOfRange { builder.note(.outOfRange(isNegative: number.value < 0)) }
        builder.append(number.value, at: position)
      case .string: try readTensorString(&builder)
      case .boolean:
        let value = try readBoolean()
        if builder.limits.takesBooleans {
          builder.append(boolean: value, at: position)
        } else {
          builder.appendFault(.boolean, at: position)
        }
      case .null:
        try readNull()
        builder.appendFault(.null, at: position)
      case .object:
        try skipValue()
        builder.appendFault(.object, at: position)
      case .array:
        if builder.depth == builder.rank {
          builder.note(.mixedDepth)
          try skipValue()
        } else if builder.depth == builder.limits.rank {
          builder.note(.tooDeep)
          builder.rank = builder.depth
          try skipValue()
        } else {
          try beginArray()
          builder.open()
          if try nextElement() {
            // The depth of the first number is the rank. From then on, each array's first number starts the fast path.
            if builder.rank == nil, let byte = currentByte, isDigit(byte) || byte == UInt8(ascii: "-") {
              builder.rank = builder.depth
            }
            if try readTensorNumbers(&builder, parallel) { return }
            continue
          }
          builder.note(.empty, dropping: 1)
          builder.close(isEmpty: true)
        }
      }
      return
    }
  }

  @_lifetime(self: copy self)
  private mutating func readTensorString(_ builder: inout TensorBuilder) throws(JSONSyntaxError) {
    if text.matches("\"-Infinity\"", at: position) {
      position += 11
      builder.append(-.infinity, at: position)
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
  private mutating func closesArray(_ builder: inout TensorBuilder) throws(JSONSyntaxError) -> Bool {
    if try nextElement() { return false }
    builder.close(isEmpty: false)
    return true
  }
}

/// Nested arrays of booleans as read; the parts are those of ``ParsedTensor``.
public struct ParsedBooleans: Sendable, Hashable {
  public var extents: [Int] = []
  public var values: [Bool] = []
  public var faults: [TensorFault] = []
  public var isTooLarge = false
}

extension JSONReader {
  /// Reads `true`, `false`, or nested arrays of these; what does not fit is a fault, as in `readTensor`.
  @_lifetime(self: copy self)
  public mutating func readBooleans(limits: TensorLimits) throws(JSONSyntaxError) -> ParsedBooleans {
    skipWhitespace()
    var builder = TensorBuilder(limits: limits, start: position, end: text.count)
    var values: [Bool] = []
    var isTooLarge = false
    reading: while true {
      let kind = try peekKind()
      if kind == .array, builder.depth != builder.rank, builder.depth < limits.rank {
        try beginArray()
        builder.open()
        if try nextElement() { continue }
        builder.note(.empty, dropping: 1)
        builder.close(isEmpty: true)
      } else if kind == .boolean {
        builder.noteScalar()
        let value = try readBoolean()
        if values.count < limits.values {
          values.append(value)
          readBooleanRun(&builder, &values)
        } else {
          isTooLarge = true
        }
      } else {
        let isTooDeep = kind == .array && builder.depth != builder.rank
        builder.note(try skipFault(kind, isTooDeep: isTooDeep))
        if isTooDeep { builder.rank = builder.depth }
        if kind != .array { builder.noteScalar() }
      }
      repeat {
        if builder.depth == 0 { break reading }
        builder.counts[builder.depth - 1] += 1
      } while try closesArray(&builder)
    }
    let structure = builder.finished()
    return ParsedBooleans(
      extents: structure.extents, values: values, faults: structure.faults, isTooLarge: isTooLarge)
  }

  /// Passes a value that is no boolean.
  /// - Returns: what is wrong with it.
  @_lifetime(self: copy self)
  private mutating func skipFault(_ kind: JSONKind, isTooDeep: Bool) throws(JSONSyntaxError) -> TensorFault.Reason {
    if kind == .string { return .string(try readString()) }
    try skipValue()
    return switch kind {
    case .null: .null
    case .object: .object
    case .number: .number
    case .array: isTooDeep ? .tooDeep : .mixedDepth
    case .boolean, .string: .boolean
    }
  }

  /// Reads on in an innermost array while booleans stand between commas, with no white space but one space after a
  /// comma: eight bytes hold a word and the comma after it.
  @_lifetime(self: copy self)
  private mutating func readBooleanRun(_ builder: inout TensorBuilder, _ values: inout [Bool]) {
    guard builder.depth > 0 else { return }
    let before = values.count
    while position + 9 <= text.count, values.count < builder.limits.values, text[position] == UInt8(ascii: ",") {
      let start = text[position + 1] == UInt8(ascii: " ") ? position + 2 : position + 1
      guard start + 8 <= text.count else { break }
      let word = text.word(at: start)
      let isTrue = word & 0xFF_FFFF_FFFF == 0x2C_6575_7274  // "true,"
      guard isTrue || word & 0xFFFF_FFFF_FFFF == 0x2C65_736C_6166 else { break }  // "false,"
      values.append(isTrue)
      position = start + (isTrue ? 4 : 5)
    }
    builder.counts[builder.depth - 1] += values.count - before
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
