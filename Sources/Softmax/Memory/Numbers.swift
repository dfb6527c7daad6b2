internal import Allocation
internal import VectorKernels

/// A tensor's numbers, row-major, wherever they are: in an array, or as bytes of any type among others, such as those
/// of a request. Bytes are never copied as a whole; they are read as binary64 a row at a time.
///
/// `unsafe` is here for one reason: bytes that are binary64, and aligned, are looked at as such where they are.
public struct Numbers: Sendable {
  enum Storage: Sendable {
    case array([Double])
    /// Bytes in which the numbers begin at a position.
    case bytes([UInt8], start: Int, ElementType)
    /// Bytes that results overwrite meanwhile.
    case overwritten(OverwrittenBytes)
  }

  /// So many numbers of another type are read at once where nobody asks for rows.
  private static let blockLength = 1024

  private(set) var storage: Storage
  /// How many numbers there are.
  public private(set) var count: Int

  /// The numbers of an array.
  public init(_ array: [Double]) {
    storage = .array(array)
    count = array.count
  }

  /// The numbers of a type that lie in `bytes` from `start` on.
  ///
  /// - Precondition: as many bytes are there.
  public init(_ count: Int, of type: ElementType, in bytes: [UInt8], from start: Int) {
    precondition(count >= 0 && start >= 0 && start <= bytes.count && count <= (bytes.count - start) / type.size)
    storage = .bytes(bytes, start: start, type)
    self.count = count
  }

  /// Numbers whose bytes results overwrite.
  init(_ count: Int, in bytes: OverwrittenBytes) {
    storage = .overwritten(bytes)
    self.count = count
  }

  /// Some numbers of a type, as its bytes.
  init(copying row: Span<Double>, as type: ElementType) {
    var bytes = [UInt8](repeating: 0, count: row.count * type.size)
    unsafe bytes.withUnsafeMutableBytes { unsafe type.write(row, to: $0, from: 0, step: 1) }
    self.init(row.count, of: type, in: bytes, from: 0)
  }

  /// The numbers in an array, which is made if they are in none.
  public var array: [Double] {
    if case .array(let array) = storage { return array }
    var array = [Double](repeating: 0, largeCount: count)
    var row = array.mutableSpan
    read(from: 0, step: 1, into: &row)
    return array
  }

  /// Whether they are in an array.
  public var isArray: Bool {
    if case .array = storage { true } else { false }
  }

  /// The bytes that they take where they are.
  public var byteCount: Int {
    switch storage {
    case .array: count * MemoryLayout<Double>.stride
    case .bytes(_, _, let type): count * type.size
    case .overwritten(let bytes): count * bytes.type.size
    }
  }

  /// Lets `body` change the numbers, in the array that they are in if nobody else holds it.
  public mutating func withArray<Result>(_ body: (inout [Double]) -> Result) -> Result {
    var array = array
    self = []
    defer { self = Numbers(array) }
    return body(&array)
  }

  /// Copies as many numbers as `row` has places, from position `start` on, `step` apart.
  func read(from start: Int, step: Int, into row: inout MutableSpan<Double>) {
    switch storage {
    case .array(let array):
      let source = array.span
      for index in 0..<row.count { row[index] = source[start + index * step] }
    case .bytes(let bytes, let origin, let type):
      unsafe bytes.withUnsafeBytes { bytes in
        let own = unsafe UnsafeRawBufferPointer(rebasing: bytes[origin..<origin + count * type.size])
        unsafe type.read(own, from: start, step: step, into: &row)
      }
    case .overwritten(let bytes): bytes.read(from: start, step: step, into: &row)
    }
  }

  /// Calls `body` with `count` numbers from position `start` on, `step` apart: where they are, if they lie side by side
  /// as binary64, else copied into `row`.
  func withRun<Result, Failure: Error>(
    _ count: Int, from start: Int, step: Int = 1, copiedInto row: inout [Double],
    _ body: (Span<Double>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    if step == 1 {
      switch storage {
      case .array(let array): return try body(array.span.extracting(start..<start + count))
      case .bytes(let bytes, let origin, let type):
        guard type.isDouble, isAligned(bytes, origin) else { break }
        return try unsafe bytes.span.withUnsafeBytes { bytes throws(Failure) in
          // Aligned, and as many as the whole has; the span checks the run.
          let own = unsafe UnsafeRawBufferPointer(rebasing: bytes[origin..<origin + self.count * type.size])
          return try unsafe own.withMemoryRebound(to: Double.self) { numbers throws(Failure) in
            try unsafe body(Span(_unsafeElements: numbers).extracting(start..<start + count))
          }
        }
      // Copied always: what `body` makes of them may go where they are.
      case .overwritten: break
      }
    }
    row.resize(to: count)
    var copy = row.mutableSpan
    read(from: start, step: step, into: &copy)
    return try body(row.span)
  }

  /// The same, where the numbers are as bytes, if they lie side by side as binary64 or binary32, aligned or not.
  func withBytes<Result>(
    _ count: Int, from start: Int, step: Int, copiedInto row: inout [Double],
    _ body: (RawSpan, NativeFloat) -> Result
  ) -> Result {
    if step == 1 {
      switch storage {
      case .array: break
      case .bytes(let bytes, let origin, let type):
        guard let element = type.nativeFloat else { break }
        let first = origin + start * type.size
        // The bytes of bytes; the span checks the run.
        return body(unsafe bytes.span.bytes.extracting(first..<first + count * type.size), element)
      case .overwritten(let bytes):
        guard let element = bytes.type.nativeFloat else { break }
        return bytes.withBytes(count, from: start) { body($0, element) }
      }
    }
    return withRun(count, from: start, step: step, copiedInto: &row) { run in
      body(unsafe run.bytes, .binary64)
    }
  }

  private func isAligned(_ bytes: [UInt8], _ origin: Int) -> Bool {
    unsafe bytes.withUnsafeBytes { bytes in
      (Int(bitPattern: bytes.baseAddress) + origin) % MemoryLayout<Double>.alignment == 0
    }
  }

  /// Calls `body` with one run after the other, all numbers in order, until it returns a position in its run.
  /// - Returns: that position among all.
  @inline(__always)
  func firstPosition(inRuns body: (Span<Double>) -> Int?) -> Int? {
    let length =
      switch storage {
      case .array: count
      case .bytes, .overwritten: Self.blockLength
      }
    var row: [Double] = []
    var start = 0
    while start < count {
      let length = Swift.min(length, count - start)
      if let found = withRun(length, from: start, copiedInto: &row, body) { return start + found }
      start += length
    }
    return nil
  }
}

extension Numbers {
  /// Whether all are finite.
  public var areFinite: Bool {
    guard case .bytes(let bytes, let origin, .binary32) = storage else {
      return firstPosition { run in Self.areFinite(run) ? nil : 0 } == nil
    }
    return unsafe bytes.span.withUnsafeBytes { bytes in
      // The initialiser has checked that they are there.
      let own = unsafe UnsafeRawBufferPointer(rebasing: bytes[origin..<origin + count * 4])
      return unsafe Self.areFinite(binary32: own)
    }
  }

  /// Asked without a branch, since nearly all always are: of the patterns of magnitudes, a unit more in the exponent
  /// carries into the sign's place of infinity's and NaN's alone.
  private static func areFinite(_ run: Span<Double>) -> Bool {
    var carries: UInt64 = 0
    for position in run.indices {
      carries |= run[position].magnitude.bitPattern &+ Double.leastNormalMagnitude.bitPattern
    }
    return carries >> 63 == 0
  }

  /// Whether all are finite and not negative.
  var areWeights: Bool { firstPosition { run in Self.areWeights(run) ? nil : 0 } == nil }

  /// Asked without a branch too: adding zero makes -0.0 positive, and leaves the sign of all others.
  private static func areWeights(_ run: Span<Double>) -> Bool {
    var signs: UInt64 = 0
    for position in run.indices {
      let pattern = (run[position] + 0).bitPattern
      signs |= pattern | (pattern &+ Double.leastNormalMagnitude.bitPattern)
    }
    return signs >> 63 == 0
  }

  /// The same of little-endian bytes, in which this is looked for at the speed of memory.
  private static func areFinite(binary32 bytes: UnsafeRawBufferPointer) -> Bool {
    guard let base = bytes.baseAddress else { return true }
    var carries: UInt32 = 0
    for index in 0..<bytes.count / 4 {
      let pattern = unsafe base.loadUnaligned(fromByteOffset: index &* 4, as: UInt32.self)
      carries |= (UInt32(littleEndian: pattern) & 0x7FFF_FFFF) &+ 0x0080_0000
    }
    return carries >> 31 == 0
  }
}

extension [Double] {
  /// Makes the array one of `count` numbers, of no value; in the memory that it has, if that is enough.
  mutating func resize(to count: Int) {
    guard count != self.count else { return }
    if count < self.count {
      removeLast(self.count - count)
    } else if count <= capacity {
      append(contentsOf: repeatElement(0, count: count - self.count))
    } else {
      self = [Double](repeating: 0, largeCount: count)
    }
  }
}

extension Numbers: RandomAccessCollection {
  public var startIndex: Int { 0 }
  public var endIndex: Int { count }

  public subscript(position: Int) -> Double {
    if case .array(let array) = storage { return array[position] }
    var one: InlineArray<1, Double> = [0]
    var row = one.mutableSpan
    read(from: position, step: 1, into: &row)
    return one[0]
  }

  /// The position of the first number for which the predicate holds; it is asked about numbers from the first on.
  public func firstIndex(where predicate: (Double) -> Bool) -> Int? {
    firstPosition { run in
      for index in run.indices where predicate(run[index]) { return index }
      return nil
    }
  }

  /// Which of the numbers are not zero.
  public var areNonzero: [Bool] {
    var flags: [Bool] = []
    flags.reserveCapacity(count)
    _ = firstPosition { run in
      for index in run.indices { flags.append(run[index] != 0) }
      return nil
    }
    return flags
  }

  /// Whether the predicate holds for all numbers.
  public func allSatisfy(_ predicate: (Double) -> Bool) -> Bool { firstIndex { !predicate($0) } == nil }
}

extension Numbers: Hashable {
  public static func == (left: Numbers, right: Numbers) -> Bool { left.elementsEqual(right) }
  public func hash(into hasher: inout Hasher) { for number in self { hasher.combine(number) } }
}

extension Numbers: ExpressibleByArrayLiteral {
  public init(arrayLiteral numbers: Double...) { self.init(numbers) }
}
