import Testing

import Softmax

@Suite struct ShortListTests {
  @Test(arguments: 0...9)
  func holdsItsElementsInOrder(count: Int) {
    let made = ShortList(count: count) { $0 * $0 }
    var appended = ShortList<Int>()
    for position in 0..<count { appended.append(position * position) }
    #expect(Array(made) == (0..<count).map { $0 * $0 })
    #expect(Array(appended) == Array(made))
  }

  @Test func changesOneElementAlone() {
    var list: ShortList = [[1], [2], [3]]
    list[1].append(4)
    list[0].append(0)
    #expect(Array(list) == [[1, 0], [2, 4], [3]])
  }

  @Test(arguments: 1...4)
  func removesEachElement(count: Int) {
    for position in 0..<count {
      var list = ShortList(count: count) { [$0] }
      var array = Array(list)
      #expect(list.remove(at: position) == array.remove(at: position))
      #expect(Array(list) == array)
      list.append([9])
      #expect(Array(list) == array + [[9]])
    }
  }
}
