/// The bytes of a tensor that results of the same type overwrite, row by row: each row is read before it is written.
///
/// Unsafe, since no array can be read and written at once. Threads read and write rows of their own, and what is lent
/// of the bytes is let go before anything is written. A value must not leave the `body` that gets it.
@safe struct OverwrittenBytes: @unchecked Sendable {
  private let bytes: UnsafeRawBufferPointer
  let type: ElementType

  fileprivate init(_ bytes: UnsafeRawBufferPointer, _ type: ElementType) {
    unsafe self.bytes = bytes
    self.type = type
  }

  /// Copies as many numbers as `row` has places, from position `start` on, `step` apart.
  func read(from start: Int, step: Int, into row: inout MutableSpan<Double>) {
    unsafe type.read(bytes, from: start, step: step, into: &row)
  }

  /// Calls `body` with the bytes of `count` numbers from position `start` on.
  func withBytes<Result>(_ count: Int, from start: Int, _ body: (RawSpan) -> Result) -> Result {
    // The slice is checked.
    body(unsafe RawSpan(_unsafeBytes: bytes[start * type.size..<(start + count) * type.size]))
  }
}

extension Numbers {
  /// Their type, if results overwrite them meanwhile.
  var overwrittenType: ElementType? {
    if case .overwritten(let bytes) = storage { bytes.type } else { nil }
  }

  /// Whether they lie as bytes of a type, so that results of that type fit into their places.
  func areBytes(of type: ElementType) -> Bool {
    if case .bytes(_, _, type) = storage { true } else { false }
  }

  /// Calls `body` with the numbers and with a buffer that is in their place, for as many results of the same type.
  ///
  /// The bytes are copied first if anybody else holds them: they are to be held here alone.
  /// - Returns: the array that the numbers were in, and where in it the results' bytes are; nil if they are no bytes.
  consuming func overwritten<Failure: Error>(
    by body: (Numbers, ResultBuffer) throws(Failure) -> Void
  ) throws(Failure) -> (array: [UInt8], places: Range<Int>)? {
    guard case .bytes(var bytes, let start, let type) = storage else { return nil }
    let count = count
    self = []
    let places = start..<start + count * type.size
    var whole = bytes.mutableSpan
    try unsafe whole.withUnsafeMutableBytes { memory throws(Failure) in
      // Both are checked against the slice from here on.
      let own = unsafe UnsafeMutableRawBufferPointer(rebasing: memory[places])
      try body(
        Numbers(count, in: unsafe OverwrittenBytes(UnsafeRawBufferPointer(own), type)),
        unsafe ResultBuffer(overLogits: own, type, count: count))
    }
    return (bytes, places)
  }
}
