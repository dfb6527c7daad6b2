import Glibc
import VectorKernels
import NumericJSON

/// Numbers as text, both ways: ns a number and MB/s, beside what Swift and C bring along.
///
/// The rivals get each number as a string of its own, already cut out of the text, and write into nothing but their own
/// result: it reads and writes whole arrays, brackets and commas included.
func benchmarkJSON() {
  for makeInput in NumberInput.all {
    let input = makeInput()
    benchmarkReading(input)
    benchmarkWriting(input)
  }
}

/// Numbers of one kind in rows of one length, and their text. They are all different, and so many that the processor's
/// branch predictor cannot learn them.
private struct NumberInput {
  let name: String
  let extents: [Int]
  let values: [Double]
  let texts: [String]
  let array: [UInt8]

  static let count = 131_072

  /// - Parameter row: the numbers in a row; nil for one array of all.
  init(
    _ name: String, row: Int? = nil, separator: String = ",", _ next: (inout UInt64) -> Double,
    _ write: (Double) -> String = { $0.description }
  ) {
    self.name = name
    let length = row ?? Self.count
    let rows = Self.count / length
    extents = row == nil ? [length] : [rows, length]
    var state: UInt64 = 88_172_645_463_325_252
    let values = (0..<rows * length).map { _ in next(&state) }
    let texts = values.map(write)
    let arrays = (0..<rows).map { row in
      "[" + texts[row * length..<(row + 1) * length].joined(separator: separator) + "]"
    }
    array = Array((row == nil ? arrays[0] : "[" + arrays.joined(separator: separator) + "]").utf8)
    (self.values, self.texts) = (values, texts)
  }

  /// One at a time, since their texts take much memory.
  static var all: [() -> NumberInput] {
    [
      { NumberInput("17 digits, 0 to 1", { uniform(&$0) }) },
      { NumberInput("17 digits, with spaces", separator: ", ", { uniform(&$0) }) },
      { NumberInput("normal logits", { normal(&$0) * 3 }) },
      { NumberInput("all exponents", { anyBits(&$0) }) },
      { NumberInput("6 digits", { (uniform(&$0) * 1e6).rounded() / 1e5 }) },
      { NumberInput("17 digits, a third 0", { random(&$0) % 3 == 0 ? 0 : uniform(&$0) }) },
      { NumberInput("integers", { (uniform(&$0) * 1e5).rounded() }, { String(Int($0)) }) },
      { NumberInput("%.20f", { normal(&$0) * 3 }, { fixed($0, places: 20) }) },
      { NumberInput("mixed notation", { mixed(&$0) }) },
      { NumberInput("mixed, rows of 2", row: 2, { mixed(&$0) }) },
      { NumberInput("mixed, rows of 10", row: 10, { mixed(&$0) }) },
      { NumberInput("mixed, rows of 100", row: 100, { mixed(&$0) }) },
      { NumberInput("mixed, rows of 1,000", row: 1000, { mixed(&$0) }) },
    ]
  }

  private static func random(_ state: inout UInt64) -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }
  private static func uniform(_ state: inout UInt64) -> Double { Double(random(&state) >> 11) * 0x1p-53 }
  private static func normal(_ state: inout UInt64) -> Double {
    (-2 * log(uniform(&state))).squareRoot() * cos(2 * .pi * uniform(&state))
  }
  /// From 1e-6 to 1e2 and of either sign: some in plain notation, some with an exponent.
  private static func mixed(_ state: inout UInt64) -> Double {
    let magnitude = pow(10, uniform(&state) * 8 - 6)
    return random(&state) & 1 == 0 ? magnitude : -magnitude
  }
  private static func anyBits(_ state: inout UInt64) -> Double {
    let value = Double(bitPattern: random(&state))
    return value.isFinite ? value : 0
  }

  /// The text that Python's and C's "%.*f" make.
  private static func fixed(_ value: Double, places: Int) -> String {
    unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 400) { buffer in
      let count = unsafe withVaList([places, value]) {
        unsafe vsnprintf(buffer.baseAddress, buffer.count, "%.*f", $0)
      }
      return unsafe String(decoding: buffer.prefix(Int(count)).map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
  }
}

private func benchmarkReading(_ input: NumberInput) {
  let count = Double(input.values.count)
  let swift = nanoseconds { for text in input.texts { keep(Int(truncatingIfNeeded: (Double(text) ?? 0).bitPattern)) } }
  let c = nanoseconds {
    for text in input.texts { keep(Int(truncatingIfNeeded: (unsafe strtod(text, nil)).bitPattern)) }
  }
  for level in levelsHere {
    let elapsed = nanoseconds {
      var reader = JSONReader(input.array.span, level: level)
      keep((try? reader.readTensor(limits: TensorLimits(values: 1 << 23, faults: 1)))?.values.count ?? 0)
    }
    row(
      "read  \(input.name), \(level)", elapsed / count, "\(Int(Double(input.array.count) * 1000 / elapsed)) MB/s",
      [("Double(String)", swift / count), ("strtod", c / count)])
  }
}

private func benchmarkWriting(_ input: NumberInput) {
  let count = Double(input.values.count)
  var bytes = 0
  let swift = nanoseconds { for value in input.values { keep(value.description.utf8.count) } }
  for level in levelsHere {
    let elapsed = nanoseconds {
      var writer = JSONWriter(capacity: input.values.count * 25, level: level)
      writer.tensor(input.values.span, extents: input.extents.span)
      bytes = writer.finish().count
      keep(bytes)
    }
    row(
      "write \(input.name), \(level)", elapsed / count, "\(Int(Double(bytes) * 1000 / elapsed)) MB/s",
      [("description", swift / count)])
  }
}

private func row(_ name: String, _ nanoseconds: Double, _ speed: String, _ rivals: [(String, Double)]) {
  let others = rivals.map { "\($0.0) \(tenths($0.1))" }.joined(separator: "  ")
  print(padded(name, 36) + padded("\(tenths(nanoseconds)) ns/number", 18) + padded(speed, 12) + others)
}

private func padded(_ text: String, _ width: Int) -> String {
  text + String(repeating: " ", count: max(1, width - text.count))
}

private func tenths(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }
