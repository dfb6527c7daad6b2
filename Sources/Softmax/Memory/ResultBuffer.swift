internal import Allocation

/// Where the numbers of one output go: an array under construction, or bytes of a type in an answer, whose positions
/// several threads fill, no two the same one.
///
/// Unsafe, since an array cannot be written from several threads at once, not even at positions of their own. Each
/// position is written by one thread at a time, and all have returned before anybody sees the array. A buffer must not
/// leave the `body` that gets it, which writes every position: what it does not write is undefined.
@safe public struct ResultBuffer: @unchecked Sendable {
  private let memory: UnsafeMutableRawBufferPointer
  private let type: ElementType
  /// How many numbers there are.
  public let count: Int
  /// The first number that goes where the logits are: a row's logits are to be read before its results are written.
  private(set) var firstOverLogits: Int?
  /// Where the numbers before that one go.
  private var front: UnsafeMutableRawBufferPointer

  fileprivate init(
    _ memory: UnsafeMutableRawBufferPointer, _ type: ElementType, count: Int, isOverLogits: Bool = false
  ) {
    unsafe self.memory = memory
    self.type = type
    self.count = count
    unsafe front = memory
    firstOverLogits = isOverLogits ? 0 : nil
  }

  /// The same buffer over logits with some other memory for its first numbers, whole rows of the same type.
  public func beginning(in front: ResultBuffer) -> ResultBuffer {
    var buffer = self
    unsafe buffer.front = front.memory
    buffer.firstOverLogits = front.count
    return buffer
  }

  /// The memory of numbers from a position on, up to the end of a row.
  private func memory(from start: Int) -> UnsafeMutableRawBufferPointer {
    unsafe start < firstOverLogits ?? count ? front : memory
  }

  /// Whether a position is one of the logits' own.
  func isOverLogits(_ position: Int) -> Bool { position >= firstOverLogits ?? .max }

  subscript(position: Int) -> Double {
    get {
      var one: InlineArray<1, Double> = [0]
      var row = one.mutableSpan
      unsafe type.read(UnsafeRawBufferPointer(memory(from: position)), from: position, step: 1, into: &row)
      return one[0]
    }
    nonmutating set {
      let one: InlineArray<1, Double> = [newValue]
      unsafe type.write(one.span, to: memory(from: position), from: position, step: 1)
    }
  }

  /// Makes numbers zero, from position `start` on, `step` apart.
  func clear(_ count: Int, from start: Int, step: Int = 1) {
    guard step == 1 else {
      for index in 0..<count { self[start + index * step] = 0 }
      return
    }
    // The slice is checked; zeros mean 0 in every type.
    unsafe bytes(of: count, from: start).initializeMemory(as: UInt8.self, repeating: 0)
  }

  /// Keeps the bytes of `count` numbers from position `start` on in the memory of as many of `row`, from `place` on.
  func keep(_ count: Int, from start: Int, in row: inout [Double], at place: Int) {
    unsafe row.withUnsafeMutableBytes { row in
      // Checked against both; no type's numbers are larger than a `Double`.
      let kept = unsafe UnsafeMutableRawBufferPointer(rebasing: row[8 * place..<8 * (place + count)])
      unsafe kept.copyMemory(from: UnsafeRawBufferPointer(bytes(of: count, from: start)))
    }
  }

  /// Puts back the bytes that were kept of `count` numbers, in parts of `length`.
  func restore(_ count: Int, from start: Int, parts length: Int, keptIn row: [Double]) {
    unsafe row.withUnsafeBytes { row in
      for place in stride(from: 0, to: count, by: length) {
        let own = unsafe bytes(of: min(length, count - place), from: start + place)
        unsafe own.copyMemory(from: UnsafeRawBufferPointer(rebasing: row[8 * place..<8 * place + own.count]))
      }
    }
  }

  private func bytes(of count: Int, from start: Int) -> UnsafeMutableRawBufferPointer {
    unsafe UnsafeMutableRawBufferPointer(
      rebasing: memory(from: start)[start * type.size..<(start + count) * type.size])
  }

  /// Writes numbers from position `start` on, `step` apart.
  public func write(_ numbers: Span<Double>, from start: Int, step: Int = 1) {
    unsafe type.write(numbers, to: memory(from: start), from: start, step: step)
  }

  /// Has `body` write `count` numbers from position `start` on, `step` apart: where they belong, if they lie side by
  /// side as binary64, else in `row`, from which they are copied. They are to be written as a whole, by one thread.
  func write<Result>(
    _ count: Int, from start: Int, step: Int, by row: inout [Double], _ body: (inout MutableSpan<Double>) -> Result
  ) -> Result {
    let memory = unsafe memory(from: start)
    if step == 1, type.isDouble, Int(bitPattern: memory.baseAddress) % MemoryLayout<Double>.alignment == 0 {
      precondition(start >= 0 && count >= 0 && start + count <= self.count)
      return unsafe memory.withMemoryRebound(to: Double.self) { numbers in
        let run = unsafe UnsafeMutableBufferPointer(rebasing: numbers[start..<start + count])
        var span = unsafe MutableSpan(_unsafeElements: run)
        return body(&span)
      }
    }
    row.resize(to: count)
    var span = row.mutableSpan
    let result = body(&span)
    write(row.span, from: start, step: step)
    return result
  }
}

extension ResultBuffer {
  /// The arrays of as many numbers as `counts` says that `body` fills.
  public static func arrays(
    _ counts: ShortList<Int>, _ body: (ShortList<ResultBuffer>) throws(ComputationError) -> Void
  ) throws(ComputationError) -> ShortList<[Double]> {
    var arrays = ShortList(count: counts.count) { _ in [Double]() }
    var buffers = ShortList<ResultBuffer>()
    try fill(&arrays, counts, after: &buffers, body)
    return arrays
  }

  /// Makes the arrays that have no buffer yet, each while those before it are being filled.
  private static func fill(
    _ arrays: inout ShortList<[Double]>, _ counts: ShortList<Int>, after buffers: inout ShortList<ResultBuffer>,
    _ body: (ShortList<ResultBuffer>) throws(ComputationError) -> Void
  ) throws(ComputationError) {
    let place = buffers.count
    guard place < counts.count else { return try body(buffers) }
    let count = counts[place]
    var array: [Double] = []
    array.reserveLargeCapacity(count)
    try array.append(addingCapacity: count) { output throws(ComputationError) in
      try unsafe output.withUnsafeMutableBufferPointer { numbers, filled throws(ComputationError) in
        buffers.append(unsafe ResultBuffer(UnsafeMutableRawBufferPointer(numbers), .binary64, count: count))
        try fill(&arrays, counts, after: &buffers, body)
        filled = count
      }
    }
    arrays[place] = array
  }

  /// Appends to `bytes` the tensors that `body` makes, each of its type and count, one after the other.
  public static func append<Failure: Error>(
    _ tensors: ShortList<(type: ElementType, count: Int)>, to bytes: inout [UInt8],
    _ body: (ShortList<ResultBuffer>) throws(Failure) -> Void
  ) throws(Failure) {
    let size = tensors.reduce(0) { $0 + $1.type.size * $1.count }
    try bytes.append(addingCapacity: size) { output throws(Failure) in
      try unsafe output.withUnsafeMutableBufferPointer { storage, filled throws(Failure) in
        var end = filled
        let buffers = ShortList(count: tensors.count) { place in
          let (type, count) = tensors[place]
          let start = end
          end += type.size * count
          let memory = unsafe UnsafeMutableRawBufferPointer(
            rebasing: UnsafeMutableRawBufferPointer(storage)[start..<end])
          return unsafe ResultBuffer(memory, type, count: count)
        }
        try body(buffers)
        filled = end
      }
    }
  }
}

/// A list that mostly has one element.
///
/// The first one is held in place: a block of memory for it would cost a small request as much as a tenth of its
/// mathematics.
@frozen public struct ShortList<Element> {
  @usableFromInline internal var first: Element?
  @usableFromInline internal var others: [Element] = []

  /// No elements yet.
  @inlinable public init() {}

  /// Elements made from their positions.
  @inlinable public init(count: Int, _ element: (_ position: Int) -> Element) {
    for position in 0..<count { append(element(position)) }
  }

  /// Adds an element at the end.
  @inlinable public mutating func append(_ element: Element) {
    if first == nil { first = element } else { others.append(element) }
  }
}

extension ShortList: Sendable where Element: Sendable {}

extension ShortList: RandomAccessCollection, MutableCollection {
  @inlinable public var startIndex: Int { 0 }
  @inlinable public var endIndex: Int { first == nil ? 0 : 1 + others.count }
  @inlinable public subscript(position: Int) -> Element {
    get {
      guard position == 0 else { return others[position - 1] }
      guard let first else { preconditionFailure("the list is empty") }
      return first
    }
    set {
      precondition(first != nil)
      if position == 0 { first = newValue } else { others[position - 1] = newValue }
    }
  }

  /// Takes an element out.
  @inlinable public mutating func remove(at position: Int) -> Element {
    let element = self[position]
    if position > 0 {
      others.remove(at: position - 1)
    } else {
      first = others.isEmpty ? nil : others.removeFirst()
    }
    return element
  }
}

extension ShortList: ExpressibleByArrayLiteral {
  @inlinable public init(arrayLiteral elements: Element...) {
    self.init(count: elements.count) { elements[$0] }
  }
}

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
        unsafe ResultBuffer(own, type, count: count, isOverLogits: true))
    }
    return (bytes, places)
  }
}
