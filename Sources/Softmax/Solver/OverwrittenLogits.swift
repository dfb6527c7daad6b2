/// Results in the place of the logits: large ones then take no memory of their own.
///
/// One output of the logits' shape and type may go there, because each of its rows depends on its own logits alone.
/// Every stage reads a row before it writes it. What plain binary64 writes before it finds a result that it cannot
/// prove is put back (``RowWriter``), and rows that the vector stage leaves open keep their logits (``UnresolvedRow``).
extension SoftmaxProblem {
  /// Whether one output of the logits' shape may go where the logits are.
  public var mayBeOverwritten: Bool {
    logits.areBytes(of: ElementType(format)) && layout.inner == 1 && VectorRow.serves(self) && !GroupedRows.serves(self)
  }

  /// Calls `body` with a problem and with a buffer that is in its logits' place. The problem is to be held here alone:
  /// else the logits are copied first.
  /// - Returns: the array with the results' bytes, and their places; nil if ``mayBeOverwritten`` is false.
  public static func overwrite<Failure: Error>(
    _ problem: consuming SoftmaxProblem, by body: (SoftmaxProblem, ResultBuffer) throws(Failure) -> Void
  ) throws(Failure) -> (array: [UInt8], places: Range<Int>)? {
    guard problem.mayBeOverwritten else { return nil }
    let logits = problem.logits
    let rest = (consume problem).with([])
    return try (consume logits).overwritten { logits, buffer throws(Failure) in
      try body(rest.with(logits), buffer)
    }
  }
}

extension LossProblem {
  /// Whether the gradient may go where the logits are. What else lies in the same bytes would keep them from being held
  /// alone.
  public var mayBeOverwritten: Bool {
    guard case .indices = target else { return false }
    return labelSmoothing == 0 && !takesProbabilities && softmax.mayBeOverwritten
  }

  /// How many rows of the gradient are to have memory of their own, so that the others may go where their logits are.
  ///
  /// A reduced loss may need all logits again, so that it is decided before any are overwritten. The exponentials of
  /// rows that are overwritten are then computed twice, so that only a quarter of the rows are.
  /// - Returns: nil where all are to have memory of their own.
  public func rowsNotOverwritten(besideLoss hasLoss: Bool) -> Int? {
    guard mayBeOverwritten else { return nil }
    guard hasLoss, reduction != .none else { return 0 }
    let (rows, share) = (softmax.layout.batch, 4)
    return rows >= share ? rows - rows / share : nil
  }

  /// ``SoftmaxProblem/overwrite(_:by:)`` for the gradient.
  public static func overwrite<Failure: Error>(
    _ problem: consuming LossProblem, by body: (LossProblem, ResultBuffer) throws(Failure) -> Void
  ) throws(Failure) -> (array: [UInt8], places: Range<Int>)? {
    guard problem.mayBeOverwritten else { return nil }
    let logits = problem.softmax.logits
    let rest = problem.with([])
    _ = consume problem
    return try (consume logits).overwritten { logits, buffer throws(Failure) in
      try body(rest.with(logits), buffer)
    }
  }
}

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
