import Testing

@testable import NumericJSON

@Suite("Storage of a tensor that is being read")
struct TensorBuilderTests {
  /// Numbers as dense as can be, of ordinary length, and with much space between them.
  @Test(arguments: [1, 2, 8, 9, 63, 64, 65, 100, 1000, 100_000], [2, 3, 19, 40])
  func growsSeldom(count: Int, width: Int) {
    var builder = TensorBuilder(
      limits: TensorLimits(values: .max, faults: 32), start: 0, end: count * width + 1)
    builder.open()
    var capacities: Set<Int> = []
    for index in 0..<count {
      builder.append(1, at: 1 + index * width)
      capacities.insert(builder.values.capacity)
    }
    #expect(builder.values.count == count)
    #expect(capacities.count <= 4, "\(capacities.sorted())")
    #expect(builder.values.capacity <= max(count + count / 4, count * width / 16) + 1024)
  }
}
