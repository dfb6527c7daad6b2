public import VectorKernels

/// The type of the numbers in a tensor's bytes, which are little-endian: formats of IEEE 754 and bfloat16, and whole
/// numbers, signed ones in two's complement.
///
/// `unsafe` is here for one reason: bytes are read as numbers of another type, and numbers written as bytes, which Span
/// cannot do where they are not aligned. Each run is checked once, before its first number.
public enum ElementType: Sendable, Hashable, CaseIterable {
  case binary64, binary32, binary16, bfloat16
  case int8, int16, int32, int64
  case uint8, uint16, uint32, uint64

  /// The type of results that are rounded to a format; binary64, which holds them all, for a format without a name.
  public init(_ format: BinaryFormat) {
    switch format {
    case .binary32: self = .binary32
    case .binary16: self = .binary16
    case .bfloat16: self = .bfloat16
    default: self = .binary64
    }
  }

  /// Bytes of a number.
  public var size: Int {
    switch self {
    case .int8, .uint8: 1
    case .binary16, .bfloat16, .int16, .uint16: 2
    case .binary32, .int32, .uint32: 4
    case .binary64, .int64, .uint64: 8
    }
  }

  /// Whether the bytes are a `Double`'s own on this machine.
  var isDouble: Bool { self == .binary64 && 1.littleEndian == 1 }

  /// The type as the loops know it, which read and write it as it is on this machine.
  var nativeFloat: NativeFloat? {
    guard 1.littleEndian == 1 else { return nil }
    return self == .binary64 ? .binary64 : self == .binary32 ? .binary32 : nil
  }
}

// MARK: - From bytes

extension ElementType {
  /// Reads numbers, each as it is, from position `start` on, `step` apart. Whole numbers from 2^53 on, which
  /// binary64 does not all tell apart, become NaN.
  func read(_ bytes: UnsafeRawBufferPointer, from start: Int, step: Int, into row: inout MutableSpan<Double>) {
    switch self {
    case .binary64: unsafe decode(bytes, from: start, step: step, into: &row) { Double(bitPattern: $0) }
    case .binary32: unsafe decode(bytes, from: start, step: step, into: &row) { Double(Float(bitPattern: $0)) }
    case .binary16: unsafe decode(bytes, from: start, step: step, into: &row) { Double(Float(binary16: $0)) }
    case .bfloat16: unsafe decode(bytes, from: start, step: step, into: &row) { Double(Float(bfloat16: $0)) }
    case .int8: unsafe decode(bytes, from: start, step: step, into: &row) { Double($0 as Int8) }
    case .int16: unsafe decode(bytes, from: start, step: step, into: &row) { Double($0 as Int16) }
    case .int32: unsafe decode(bytes, from: start, step: step, into: &row) { Double($0 as Int32) }
    case .int64: unsafe decode(bytes, from: start, step: step, into: &row) { Self.exact($0 as Int64) }
    case .uint8: unsafe decode(bytes, from: start, step: step, into: &row) { Double($0 as UInt8) }
    case .uint16: unsafe decode(bytes, from: start, step: step, into: &row) { Double($0 as UInt16) }
    case .uint32: unsafe decode(bytes, from: start, step: step, into: &row) { Double($0 as UInt32) }
    case .uint64: unsafe decode(bytes, from: start, step: step, into: &row) { Self.exact($0 as UInt64) }
    }
  }

  @inline(__always)
  private static func exact(_ number: some FixedWidthInteger) -> Double {
    number.magnitude < 1 << 53 ? Double(number) : .nan
  }

  @inline(__always)
  private func decode<Bits: FixedWidthInteger & BitwiseCopyable>(
    _ bytes: UnsafeRawBufferPointer, from start: Int, step: Int, into row: inout MutableSpan<Double>,
    _ number: (Bits) -> Double
  ) {
    let size = MemoryLayout<Bits>.size
    guard let base = bytes.baseAddress, row.count > 0 else { return }
    precondition(start >= 0 && step > 0 && (start + (row.count - 1) * step + 1) * size <= bytes.count)
    // Within both: the last position has been checked against the bytes.
    guard step == 1 else {
      for index in 0..<row.count {
        let bits = unsafe base.loadUnaligned(fromByteOffset: (start &+ index &* step) &* size, as: Bits.self)
        unsafe row[unchecked: index] = number(Bits(littleEndian: bits))
      }
      return
    }
    let first = unsafe base + start * size
    for index in 0..<row.count {
      let bits = unsafe first.loadUnaligned(fromByteOffset: index &* size, as: Bits.self)
      unsafe row[unchecked: index] = number(Bits(littleEndian: bits))
    }
  }
}

// MARK: - To bytes

extension ElementType {
  /// Writes numbers from position `start` on, `step` apart. Each must be a number of the type; NaN, which marks what is
  /// not known yet, is kept by all but whole numbers.
  func write(_ row: Span<Double>, to bytes: UnsafeMutableRawBufferPointer, from start: Int, step: Int) {
    switch self {
    case .binary64: unsafe encode(row, to: bytes, from: start, step: step) { $0.bitPattern }
    case .binary32: unsafe encode(row, to: bytes, from: start, step: step) { Float($0).bitPattern }
    case .binary16: unsafe encode(row, to: bytes, from: start, step: step) { Float($0).binary16Pattern }
    case .bfloat16: unsafe encode(row, to: bytes, from: start, step: step) { Float($0).bfloat16Pattern }
    case .int8, .uint8:
      unsafe encode(row, to: bytes, from: start, step: step) { UInt8(truncatingIfNeeded: Self.whole($0)) }
    case .int16, .uint16:
      unsafe encode(row, to: bytes, from: start, step: step) { UInt16(truncatingIfNeeded: Self.whole($0)) }
    case .int32, .uint32:
      unsafe encode(row, to: bytes, from: start, step: step) { UInt32(truncatingIfNeeded: Self.whole($0)) }
    case .int64, .uint64: unsafe encode(row, to: bytes, from: start, step: step) { Self.whole($0) }
    }
  }

  private static func whole(_ number: Double) -> Int64 { Int64(exactly: number) ?? 0 }

  @inline(__always)
  private func encode<Bits: FixedWidthInteger & BitwiseCopyable>(
    _ row: Span<Double>, to bytes: UnsafeMutableRawBufferPointer, from start: Int, step: Int, _ bits: (Double) -> Bits
  ) {
    let size = MemoryLayout<Bits>.size
    guard let base = bytes.baseAddress, row.count > 0 else { return }
    precondition(start >= 0 && step > 0 && (start + (row.count - 1) * step + 1) * size <= bytes.count)
    // Within both: the last position has been checked against the bytes.
    guard step == 1 else {
      for index in 0..<row.count {
        let number = unsafe bits(row[unchecked: index]).littleEndian
        unsafe base.storeBytes(of: number, toByteOffset: (start &+ index &* step) &* size, as: Bits.self)
      }
      return
    }
    let first = unsafe base + start * size
    for index in 0..<row.count {
      let number = unsafe bits(row[unchecked: index]).littleEndian
      unsafe first.storeBytes(of: number, toByteOffset: index &* size, as: Bits.self)
    }
  }
}

// MARK: - Formats of 16 bits

extension Float {
  /// The number that 16 bits of IEEE 754 binary16 mean. The bits, moved into a binary32's place, mean it divided by
  /// 2^112, subnormal ones too, and the product is exact.
  @inline(__always)
  init(binary16 bits: UInt16) {
    let magnitude = UInt32(bits & 0x7FFF) << 13
    let isFinite = bits & 0x7C00 != 0x7C00
    let value = isFinite ? Float(bitPattern: magnitude) * 0x1p112 : Float(bitPattern: magnitude | 0x7F80_0000)
    self = Float(bitPattern: value.bitPattern | UInt32(bits & 0x8000) << 16)
  }

  /// The number that 16 bits of bfloat16 mean: the upper half of a binary32.
  @inline(__always)
  init(bfloat16 bits: UInt16) { self.init(bitPattern: UInt32(bits) << 16) }

  /// The bits of a number of binary16: ``init(binary16:)`` backwards.
  @inline(__always)
  var binary16Pattern: UInt16 {
    let sign = UInt16(truncatingIfNeeded: bitPattern >> 16) & 0x8000
    let magnitude = (self.magnitude * 0x1p-112).bitPattern >> 13
    return sign | (isFinite ? UInt16(truncatingIfNeeded: magnitude) : isNaN ? 0x7E00 : 0x7C00)
  }

  /// The bits of a number of bfloat16.
  @inline(__always)
  var bfloat16Pattern: UInt16 { UInt16(truncatingIfNeeded: bitPattern >> 16) }
}
