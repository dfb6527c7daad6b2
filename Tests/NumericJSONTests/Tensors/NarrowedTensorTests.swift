import NumericJSON
import TestSupport
import Testing
import VectorKernels

/// Numbers of a narrower format are rounded once from their text.
@Suite struct NarrowedTensorTests {
  private func narrowed(_ text: String, _ format: BinaryFormat) throws -> (values: [Double], beyond: [Int]) {
    let bytes = Array(text.utf8)
    var reader = JSONReader(bytes.span)
    var tensor = try reader.readTensor(limits: TensorLimits(values: 1 << 20, faults: 1))
    let beyond = ParsedTensor.narrow(&tensor.values, to: format, text: bytes.span, start: 0)
    return (tensor.values, beyond)
  }

  /// As binary64 each is half-way between two numbers of the format, or was read as such; the text is not.
  private static let halves: [(BinaryFormat, [(String, Double)])] = [
    (
      .binary16,
      [
        ("1.00048828125", 1), ("1.00048828125000000000001", 1 + 0x1p-10), ("1.000488281249999999999999999", 1),
        ("1.00146484375", 1 + 0x1p-9), ("1.00146484375000000000001", 1 + 0x1p-9),
        ("1.001464843749999999999999999", 1 + 0x1p-10), ("-1.00048828125000000000001", -1 - 0x1p-10),
        ("2049", 2048), ("2049.0000000000000000001", 2050), ("2051", 2052), ("2050.9999999999999999999", 2050),
        ("65519.99999999999999999999999", 65_504), ("2.98023223876953125e-8", 0),
        ("2.980232238769531250001e-8", 0x1p-24),
        ("8.94069671630859375e-8", 0x1p-23), ("8.9406967163085937499999e-8", 0x1p-24), ("1e-400", 0),
        ("0.1", 0.0999755859375), ("100048828125000000000001e-23", 1 + 0x1p-10),
      ]
    ),
    (
      .bfloat16,
      [
        ("1.00390625000000000000001", 1 + 0x1p-7), ("1.00390625", 1), ("1.01171875", 1 + 0x1p-6),
        ("3.3961775292304600e38", 0x1.FEp127), ("257", 256), ("257.00000000000000000000001", 258), ("259", 260),
      ]
    ),
    (
      .binary32,
      [
        ("1.000000059604644775390625", 1), ("1.00000005960464477539062500000000001", 1 + 0x1p-23),
        ("16777217", 16_777_216), ("16777217.00000000000000000001", 16_777_218), ("7.1e-46", 0x1p-149), ("7e-46", 0),
      ]
    ),
  ]

  @Test(arguments: halves) func halvesAreRoundedByTheirText(format: BinaryFormat, halves: [(String, Double)]) throws {
    for (text, value) in halves {
      let found = try narrowed(text, format)
      #expect(found.values == [value] && found.beyond.isEmpty, "\(text)")
    }
  }

  /// Halves in different places of a tensor, beside what is no number.
  @Test func theHalvesAreFoundInTheText() throws {
    let text = #"[[1, "-Infinity" , 2049.00000000000000000001],[ 2049,-2049.0000000000000000001, 1.5e2]]"#
    let found = try narrowed(text, .binary16)
    #expect(found.values == [1, -.infinity, 2050, 2048, -2050, 150])
    #expect(found.beyond.isEmpty)
  }

  @Test func whatIsBeyondTheRangeIsNamed() throws {
    let found = try narrowed("[1, 65520, 3, -1e5, 65519, -65520.00000000000000000001]", .binary16)
    #expect(found.beyond == [1, 3, 5])
    #expect(found.values == [1, .infinity, 3, -.infinity, 65_504, -.infinity])
  }

  /// Against exact integers: numbers of twenty digits around halves, in every format.
  @Test(arguments: [BinaryFormat.binary32, .binary16, .bfloat16])
  func aroundHalves(_ format: BinaryFormat) throws {
    var random = SplitMix64(81)
    var texts: [String] = []
    var expected: [Double] = []
    for _ in repetitions(2000) {
      // An odd half of the format's unit, at a size where numbers are whole; a tail behind the point.
      let shift = Int.random(in: 0..<(format.greatestExponent < 20 ? 4 : 20), using: &random)
      let significand = Int.random(in: 1 << (format.precision - 1)..<1 << format.precision, using: &random)
      let half = significand << (shift + 1) | 1 << shift
      let (lower, upper) = (Double(significand << (shift + 1)), Double((significand + 1) << (shift + 1)))
      guard upper <= format.greatestFinite else { continue }
      let even = significand & 1 == 0 ? lower : upper
      for (text, value) in [
        ("\(half)", even), ("\(half).000000000000000000000001", upper), ("\(half - 1).99999999999999999999999", lower),
      ] {
        texts.append(text)
        expected.append(value)
      }
    }
    #expect(try narrowed("[\(texts.joined(separator: ","))]", format).values == expected)
  }
}
