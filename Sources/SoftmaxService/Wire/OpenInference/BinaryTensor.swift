import NumericJSON
import Softmax

/// Tensors as the protocol's bytes: little-endian, row-major, without padding.
///
/// `unsafe` is here for one reason: bytes are read as numbers of another type and numbers written as bytes, at once by
/// several threads, which neither Span nor OutputSpan can do. Each use says why it stays within its memory.
enum BinaryTensor {
  /// Numbers in a chunk that is worth a thread.
  private static let chunk = 128 * 1024

  /// The numbers of a tensor, each as it is: every datatype's numbers are binary64's too, but for whole numbers beyond
  /// 2^53, which become NaN.
  ///
  /// - Parameter bytes: as many as whole elements take. They need no alignment.
  static func values(_ datatype: TensorDatatype, _ bytes: Span<UInt8>, _ parallel: Parallel) -> [Double] {
    switch datatype {
    case .fp64: values(bytes, parallel) { (bits: UInt64) in Double(bitPattern: UInt64(littleEndian: bits)) }
    case .fp32: values(bytes, parallel) { (bits: UInt32) in Double(Float(bitPattern: UInt32(littleEndian: bits))) }
    case .fp16: values(bytes, parallel) { (bits: UInt16) in Double(Float(binary16: UInt16(littleEndian: bits))) }
    case .bf16: values(bytes, parallel) { (bits: UInt16) in Double(Float(bfloat16: UInt16(littleEndian: bits))) }
    case .int8: values(bytes, parallel) { (number: Int8) in Double(number) }
    case .int16: values(bytes, parallel) { (number: Int16) in Double(Int16(littleEndian: number)) }
    case .int32: values(bytes, parallel) { (number: Int32) in Double(Int32(littleEndian: number)) }
    case .int64: values(bytes, parallel) { (number: Int64) in exact(Int64(littleEndian: number)) }
    case .uint8, .bool, .bytes: values(bytes, parallel) { (number: UInt8) in Double(number) }
    case .uint16: values(bytes, parallel) { (number: UInt16) in Double(UInt16(littleEndian: number)) }
    case .uint32: values(bytes, parallel) { (number: UInt32) in Double(UInt32(littleEndian: number)) }
    case .uint64: values(bytes, parallel) { (number: UInt64) in exact(UInt64(littleEndian: number)) }
    }
  }

  @inline(__always)
  private static func exact(_ number: some FixedWidthInteger) -> Double {
    number.magnitude <= 1 << 53 ? Double(number) : .nan
  }

  @inline(__always)
  private static func values<Element: FixedWidthInteger & BitwiseCopyable>(
    _ bytes: Span<UInt8>, _ parallel: Parallel, _ number: @escaping (Element) -> Double
  ) -> [Double] {
    let size = MemoryLayout<Element>.size
    let count = bytes.count / size
    return unsafe [Double](unsafeUninitializedCapacity: count) { storage, filled in
      let storage = unsafe storage
      unsafe bytes.withUnsafeBytes { bytes in
        let chunks = max(1, count / chunk)
        parallel(chunks) { part in
          // Within both: the parts cut 0..<count, and there are count elements of either size.
          for index in count * part / chunks..<count * (part + 1) / chunks {
            let element = unsafe bytes.loadUnaligned(fromByteOffset: index * size, as: Element.self)
            unsafe storage.initializeElement(at: index, to: number(element))
          }
        }
      }
      filled = count
    }
  }

  /// Appends numbers as a tensor's bytes. Each must be a number of the datatype, FP64 or one of the narrower formats.
  static func append(
    _ values: Span<Double>, as datatype: TensorDatatype, to bytes: inout [UInt8], _ parallel: Parallel
  ) {
    switch datatype {
    case .fp32: append(values, to: &bytes, parallel) { Float($0).bitPattern.littleEndian }
    case .fp16: append(values, to: &bytes, parallel) { Float($0).binary16Pattern.littleEndian }
    case .bf16: append(values, to: &bytes, parallel) { Float($0).bfloat16Pattern.littleEndian }
    case .fp64, .bool, .uint8, .uint16, .uint32, .uint64, .int8, .int16, .int32, .int64, .bytes:
      append(values, to: &bytes, parallel) { $0.bitPattern.littleEndian }
    }
  }

  /// Appends whole numbers as INT64.
  static func append(_ values: Span<Int>, to bytes: inout [UInt8], _ parallel: Parallel) {
    append(values, to: &bytes, parallel) { Int64($0).littleEndian }
  }

  @inline(__always)
  private static func append<Value, Element: BitwiseCopyable>(
    _ values: Span<Value>, to bytes: inout [UInt8], _ parallel: Parallel, _ element: @escaping (Value) -> Element
  ) {
    let size = MemoryLayout<Element>.size
    let count = values.count
    bytes.append(addingCapacity: count * size) { output in
      unsafe output.withUnsafeMutableBufferPointer { storage, filled in
        let start = unsafe UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(storage)[filled...])
        let chunks = max(1, count / chunk)
        parallel(chunks) { part in
          // Within both: there is room for count elements after what is filled.
          for index in count * part / chunks..<count * (part + 1) / chunks {
            unsafe start.storeBytes(of: element(values[unchecked: index]), toByteOffset: index * size, as: Element.self)
          }
        }
        filled += count * size
      }
    }
  }
}

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

extension ElementRule {
  /// The type that a model's metadata names, where one must be named: its natural one. Any type of numbers is read.
  var datatype: TensorDatatype {
    switch self {
    case .logits, .weights, .probabilities, .finite: .fp64
    case .classesOrProbabilities: .int64
    case .booleans: .bool
    }
  }
}

extension TensorShape {
  /// How many values a tensor of the shape holds; nil where that is beyond `Int`.
  var checkedVolume: Int? {
    var volume = 1
    for extent in extents {
      let (product, overflow) = volume.multipliedReportingOverflow(by: extent)
      if overflow { return nil }
      volume = product
    }
    return volume
  }
}
