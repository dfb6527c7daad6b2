public import VectorKernels

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
