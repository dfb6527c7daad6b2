import VectorKernels
import TestSupport
import Testing

@testable import NumericJSON

/// Numbers of a matrix are read over the ends of its rows. Where that stops, and what has been read, must be the same
/// at every level as one by one, and the tensor the same as row by row.
@Suite("Rows of numbers")
struct RowSequenceTests {
  /// A number of one of the kinds that batches read, or now and then of another.
  private func number(isShort: Bool, _ random: inout SplitMix64) -> String {
    let others = ["0", "1e5", "\"-Infinity\"", "123456789012345", "null", "-0.0"]
    if random.next() % 60 == 0 { return others[random.int(in: 0...5)] }
    let value = random.double(in: -10...10)
    guard isShort else { return "\(value)" }
    let texts = ["\((value * 1000).rounded() / 1000)", "\((value * 10).rounded() / 10)", "\(Int(value * 100))"]
    return texts[random.int(in: 0...2)]
  }

  /// What stands between two rows: the two usual forms, and what must stop or slow the reading.
  private static let breaks = ["],[", "], ["]
  private static let others = [
    "] ,[", "],\n [", "],[]", "]],[[", "],[ ", "],,[", "],", "]", "],{", "],[\"", "],[-", "]x[", ",", "],]",
  ]

  @Test(arguments: [1, 2, 3, 7, 8, 9, 10, 33], [false, true])
  func sameStopAtEveryLevel(length: Int, isShort: Bool) {
    var random = SplitMix64(UInt64(length) * 2 + (isShort ? 1 : 0))
    for _ in repetitions(60) {
      let rowBreak = Self.breaks[random.int(in: 0...1)]
      let separator = rowBreak == "],[" ? "," : ", "
      var text = ""
      let column = random.int(in: 0...(length - 1))
      for k in 0..<(90 + random.int(in: 0...20)) {
        if k > 0 {
          let isEnd = (column + k) % length == 0
          let isOdd = random.next() % 50 == 0
          text += isOdd ? Self.others[random.int(in: 0...(Self.others.count - 1))] : isEnd ? rowBreak : separator
        }
        text += number(isShort: isShort, &random)
      }
      text += String(repeating: " ", count: random.int(in: 0...300))
      let bytes = Array(text.utf8)
      let rows = RowPattern(length: length, column: column)
      for limit in [Int.max, random.int(in: 0...bytes.count)] {
        for capacity in [200, random.int(in: 0...100)] {
          let expected = SequenceOutcome(bytes, limit: limit, rows: rows, capacity: capacity, .baseline)
          for level in levelsHere {
            let found = SequenceOutcome(bytes, limit: limit, rows: rows, capacity: capacity, level)
            #expect(found == expected, "\(text)")
          }
        }
      }
    }
  }

  /// Each byte in each place of a row's end: read, refused and told where as the baseline does.
  @Test(arguments: ["],[", "], ["], [1, 2, 5])
  func everyByteAtARowsEnd(_ rowBreak: String, length: Int) {
    var random = SplitMix64(43)
    for isShort in [false, true] {
      let rows = (0..<60).map { _ in
        (0..<length).map { _ in number(isShort: isShort, &random) }.joined(separator: rowBreak == "],[" ? "," : ", ")
      }
      let before = "[[" + rows[..<45].joined(separator: rowBreak)
      let text = Array((before + rowBreak + rows[45...].joined(separator: rowBreak) + "]]").utf8)
      for place in before.utf8.count - 2..<before.utf8.count + rowBreak.utf8.count + 2 {
        for byte in UInt8.min...UInt8.max {
          var changed = text
          changed[place] = byte
          // What differs between the levels is recorded by `readTensor`.
          _ = try? readTensor(changed)
        }
      }
    }
  }

  /// Regular tensors have the values and the shape that were written; a fault has the place it has row by row.
  @Test(arguments: [1, 2, 3, 10, 17])
  func tensors(length: Int) throws {
    var random = SplitMix64(UInt64(length))
    for _ in repetitions(40) {
      let count = random.int(in: 1...60)
      var rows = (0..<count).map { _ in
        (0..<length).map { _ in "\(random.double(in: -10...10) * (random.next() % 3 == 0 ? 1e-7 : 1))" }
      }
      let separator = [",", ", ", ",\n  "][random.int(in: 0...2)]
      func text() -> String {
        "[" + rows.map { "[" + $0.joined(separator: separator) + "]" }.joined(separator: separator) + "]"
      }
      func read(_ level: KernelLevel) throws -> ParsedTensor {
        let bytes = Array(text().utf8)
        var reader = JSONReader(bytes.span, level: level)
        return try reader.readTensor(limits: TensorLimits(values: 1 << 20, faults: 10))
      }
      for level in levelsHere {
        let tensor = try read(level)
        #expect(tensor.extents == [count, length] && tensor.faults.isEmpty)
        #expect(tensor.values.map(\.bitPattern) == rows.joined().map { (Double($0) ?? .nan).bitPattern })
      }
      let ragged = random.int(in: 0...(count - 1))
      if random.next() % 2 == 0 { rows[ragged].removeLast() }
      rows[ragged] += ["true"]
      let expected = try read(.baseline)
      #expect(count == 1 || !expected.faults.isEmpty)
      for level in levelsHere { #expect(try read(level) == expected, "\(text())") }
    }
  }

  /// The text of any shape is the same as each number by itself with the brackets around.
  @Test(arguments: [[7], [1, 1], [5, 1], [1, 5], [64, 10], [17, 2], [3, 4, 5], [40, 1, 2], [2, 1, 3, 1, 4]])
  func writtenTensors(extents: [Int]) {
    var random = SplitMix64(5)
    let values = (0..<extents.reduce(1, *)).map { _ in
      random.double(in: -1...1) * (random.next() % 2 == 0 ? 1e-9 : 1e3)
    }
    func text(_ extents: ArraySlice<Int>, _ values: ArraySlice<Double>) -> String {
      guard let first = extents.first else { return "\(values[values.startIndex])" }
      let size = values.count / first
      return "["
        + (0..<first).map { k in
          text(extents.dropFirst(), values[(values.startIndex + k * size)..<(values.startIndex + (k + 1) * size)])
        }.joined(separator: ",") + "]"
    }
    for level in levelsHere {
      var writer = JSONWriter(capacity: 0, level: level)
      writer.tensor(values.span, extents: extents.span)
      #expect(String(decoding: writer.finish(), as: UTF8.self) == text(extents[...], values[...]))
    }
  }
}
