import Glibc
import VectorKernels
import NumericJSON

/// Numbers as text, both ways: ns a number and MB/s, beside what Swift and C bring along.
///
/// The rivals get each number as a string of its own, already cut out of the text, and write into nothing but their own
/// result: it reads and writes whole arrays, brackets and commas included.
func benchmarkJSON() {
  for input in NumberInput.all { benchmarkReading(input) }
  for input in NumberInput.all { benchmarkWriting(input) }
}

/// An array of numbers of one kind, and its text.
private struct NumberInput {
  let name: String
  let values: [Double]
  let texts: [String]
  let array: [UInt8]

  init(
    _ name: String, separator: String = ",", _ next: (inout UInt64) -> Double, _ write: (Double) -> String
  ) {
    self.name = name
    var state: UInt64 = 88_172_645_463_325_252
    values = (0..<10_000).map { _ in next(&state) }
    texts = values.map(write)
    array = Array(("[" + texts.joined(separator: separator) + "]").utf8)
  }

  static var all: [NumberInput] {
    [
      NumberInput("17 digits, 0 to 1", { uniform(&$0) }, { $0.description }),
      NumberInput("17 digits, with spaces", separator: ", ", { uniform(&$0) }, { $0.description }),
      NumberInput("normal logits", { normal(&$0) * 3 }, { $0.description }),
      NumberInput("all exponents", { anyBits(&$0) }, { $0.description }),
      NumberInput("6 digits", { (uniform(&$0) * 1e6).rounded() / 1e5 }, { $0.description }),
      NumberInput("17 digits, a third 0", { random(&$0) % 3 == 0 ? 0 : uniform(&$0) }, { $0.description }),
      NumberInput("integers", { (uniform(&$0) * 1e5).rounded() }, { String(Int($0)) }),
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
  private static func anyBits(_ state: inout UInt64) -> Double {
    let value = Double(bitPattern: random(&state))
    return value.isFinite ? value : 0
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
      writer.tensor(input.values.span, extents: [input.values.count].span)
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
