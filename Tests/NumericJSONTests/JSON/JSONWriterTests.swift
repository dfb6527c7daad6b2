import Testing

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
}
