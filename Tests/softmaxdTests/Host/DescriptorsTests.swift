import Testing

@testable import softmaxd

@Suite struct DescriptorsTests {
  @Test(arguments: [(1024, 2, 956), (1024, 64, 832), (20_000, 16, 19_904), (64, 2, 1)])
  func connectionCapLeavesRoomForTheRest(limit: Int, loops: Int, cap: Int) {
    #expect(Descriptors.connectionCap(limit: limit, loops: loops, reserve: 32) == cap)
  }
}
