import VectorKernels
import KernelDispatch
import NumericJSON

/// Any bit patterns, written and read back: the same number, in as few digits as Swift's own description has; and all
/// at once, by the loops of each level (here compiled for every processor), the same texts.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let bytes = unsafe Array(UnsafeBufferPointer(start: start, count: count))
  var patterns: [UInt64] = []
  for (index, byte) in bytes.enumerated() {
    if index % 8 == 0 { patterns.append(0) }
    patterns[index / 8] = patterns[index / 8] << 8 | UInt64(byte)
  }
  let values = patterns.map { Double(bitPattern: $0) }
  for value in values {
    check(value, .binary64, description: value.description)
    let narrow = Float(bitPattern: UInt32(truncatingIfNeeded: value.bitPattern))
    check(Double(narrow), .binary32, description: narrow.description)
  }
  for format in [BinaryFormat.binary64, .binary32] where !values.isEmpty {
    let expected = Array(values.map { text($0, format) }.joined(separator: [UInt8(ascii: ",")]))
    for level in KernelLevel.allCases {
      var writer = JSONWriter(capacity: 0, level: level)
      writer.tensor(values.span, extents: [values.count].span, format: format)
      let written = writer.finish()
      precondition(Array(written.dropFirst().dropLast()) == expected)
    }
  }
  return 0
}

func text(_ value: Double, _ format: BinaryFormat) -> [UInt8] {
  var writer = JSONWriter(capacity: 0)
  writer.number(value, format: format)
  return writer.finish()
}

func check(_ value: Double, _ format: BinaryFormat, description: String) {
  guard value.isFinite else { return }
  let written = text(value, format)
  precondition(written.count <= 24 && digits(written) == digits(Array(description.utf8)))
  var reader = JSONReader(written.span)
  guard let number = try? reader.readNumber() else { preconditionFailure("what was written is not JSON") }
  precondition(
    format == .binary64
      ? number.value == value : Double(Float(String(decoding: written, as: UTF8.self)) ?? .nan) == value)
}

/// The significant digits, whatever the notation.
func digits(_ text: [UInt8]) -> [UInt8] {
  let significand = text.prefix { $0 != UInt8(ascii: "e") }.filter { $0 >= UInt8(ascii: "0") }
  let digits = significand.drop { $0 == UInt8(ascii: "0") }
  return digits.reversed().drop { $0 == UInt8(ascii: "0") }.reversed()
}
