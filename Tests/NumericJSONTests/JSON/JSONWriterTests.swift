import Testing
import VectorKernels

@testable import NumericJSON

struct JSONWriterTests {
  @Test(arguments: [0, 1, -1, 9, 10, -10, 99, 100, 101, 1_000_000_007, .max, .min])
  func integersHaveAllTheirDigits(_ value: Int) {
    var writer = JSONWriter(capacity: 0)
    writer.beginArray()
    writer.integer(value)
    writer.integer(value)
    writer.endArray()
    #expect(String(decoding: writer.finish(), as: UTF8.self) == "[\(value),\(value)]")
  }

  /// Texts of numbers are made some at a time: each stands where it was written, whatever is between them.
  @Test(arguments: 0...20)
  func numbersStandWhereTheyWereWritten(count: Int) {
    let kinds: [Double] = [0.1, -1e300, .nan, 3, .infinity, .leastNonzeroMagnitude, 1 / 3]
    let numbers = (0..<count).map { kinds[$0 % kinds.count] }
    var writer = JSONWriter(capacity: 0)
    var texts: [String] = []
    writer.beginArray()
    for (place, number) in numbers.enumerated() {
      let format = place % 5 == 3 ? NumberFormat.binary32 : .binary64
      writer.number(number, format: format)
      var alone = JSONWriter(capacity: 0)
      alone.tensor([number].span, extents: [Int]().span, format: format)
      texts.append(String(decoding: alone.finish(), as: UTF8.self))
      if place % 3 == 0 {
        writer.string(String(repeating: ",", count: place))
        texts.append("\"\(String(repeating: ",", count: place))\"")
      }
      if place % 4 == 1 {
        writer.tensor([Double(place), 0.5].span, extents: [2].span)
        texts.append("[\(Double(place)),0.5]")
      }
    }
    writer.endArray()
    let text = String(decoding: writer.finish(), as: UTF8.self)
    #expect(text == "[\(texts.joined(separator: ","))]")
  }
}
