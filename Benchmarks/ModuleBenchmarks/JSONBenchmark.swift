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
    _ name: String, row: Int? = nil, separator: String = ",", _ next: (inout RandomNumbers) -> Double,
    _ write: (Double) -> String = { $0.description }
  ) {
    self.name = name
    let length = row ?? Self.count
    let rows = Self.count / length
    extents = row == nil ? [length] : [rows, length]
    var numbers = RandomNumbers()
    let values = (0..<rows * length).map { _ in next(&numbers) }
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
      { NumberInput("17 digits, 0 to 1", { $0.uniform() }) },
      { NumberInput("17 digits, with spaces", separator: ", ", { $0.uniform() }) },
      { NumberInput("normal logits", { $0.normal() * 3 }) },
      { NumberInput("all exponents", { anyBits(&$0) }) },
      { NumberInput("6 digits", { ($0.uniform() * 1e6).rounded() / 1e5 }) },
      { NumberInput("17 digits, a third 0", { $0.bits() % 3 == 0 ? 0 : $0.uniform() }) },
      { NumberInput("integers", { ($0.uniform() * 1e5).rounded() }, { String(Int($0)) }) },
      { NumberInput("%.20f", { $0.normal() * 3 }, { fixed($0, places: 20) }) },
      { NumberInput("mixed notation", { mixed(&$0) }) },
      { NumberInput("mixed, rows of 2", row: 2, { mixed(&$0) }) },
      { NumberInput("mixed, rows of 10", row: 10, { mixed(&$0) }) },
      { NumberInput("mixed, rows of 100", row: 100, { mixed(&$0) }) },
      { NumberInput("mixed, rows of 1,000", row: 1000, { mixed(&$0) }) },
    ]
  }

  /// From 1e-6 to 1e2 and of either sign: some in plain notation, some with an exponent.
  private static func mixed(_ numbers: inout RandomNumbers) -> Double {
    let magnitude = pow(10, numbers.uniform() * 8 - 6)
    return numbers.bits() & 1 == 0 ? magnitude : -magnitude
  }
  private static func anyBits(_ numbers: inout RandomNumbers) -> Double {
    let value = Double(bitPattern: numbers.bits())
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
  print(column(name, 36) + column("\(tenths(nanoseconds)) ns/number", 18) + column(speed, 12) + others)
}

private func tenths(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }
