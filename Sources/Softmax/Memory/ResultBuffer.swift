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
  let firstOverLogits: Int?
  /// Where the numbers before that one go.
  private let front: UnsafeMutableRawBufferPointer

  private init(_ memory: UnsafeMutableRawBufferPointer, _ type: ElementType, count: Int) {
    unsafe self.memory = memory
    self.type = type
    self.count = count
    unsafe front = memory
    firstOverLogits = nil
  }

  init(overLogits memory: UnsafeMutableRawBufferPointer, _ type: ElementType, count: Int) {
    unsafe self.memory = memory
    self.type = type
    self.count = count
    unsafe front = memory
    firstOverLogits = 0
  }

  private init(_ front: ResultBuffer, then rest: ResultBuffer) {
    unsafe memory = rest.memory
    type = rest.type
    count = rest.count
    unsafe self.front = front.memory
    firstOverLogits = front.count
  }

  /// The same buffer over logits with some other memory for its first numbers, whole rows of the same type.
  public func beginning(in front: ResultBuffer) -> ResultBuffer { ResultBuffer(front, then: self) }

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
