import Softmax
import Testing

struct TensorShapeTests {
  @Test("A shape is its extents, and loses one with an axis", arguments: [[], [3], [2, 3], [1, 2, 3, 4, 5, 6, 7, 8]])
  func shapesAreTheirExtents(_ extents: [Int]) throws {
    let shape = try #require(TensorShape(extents))
    #expect(shape.extents == extents && Array(shape) == extents && shape.description == extents.description)
    #expect(shape.volume == extents.reduce(1, *) && shape.isEmpty == extents.isEmpty)
    #expect(shape.span.count == extents.count && TensorShape(extents + [Int](repeating: 1, count: 9)) == nil)
    for axis in extents.indices {
      var rest = extents
      rest.remove(at: axis)
      #expect(shape[axis] == extents[axis])
      #expect(shape.removing(axis: axis) == TensorShape(rest))
    }
  }
}
