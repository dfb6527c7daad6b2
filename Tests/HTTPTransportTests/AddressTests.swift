import Testing

@testable import HTTPTransport

@Suite struct AddressTests {
  @Test(arguments: [
    ("127.0.0.1", "127.0.0.1:80"), ("0.0.0.0", "0.0.0.0:80"), ("::1", "[::1]:80"), ("[::1]", "[::1]:80"),
    ("::", "[::]:80"), ("fe80::1", "[fe80::1]:80"),
  ])
  func numbersAreAddresses(host: String, description: String) {
    #expect(Address(host: host, port: 80)?.description == description)
  }

  @Test(arguments: ["", "localhost", "example.org", "127.0.0.256", "127.1", "1.2.3.4.5", "[127.0.0.1", "::g", "[]"])
  func namesAndSlipsAreNot(host: String) {
    #expect(Address(host: host, port: 80) == nil)
  }

  @Test func localhostIsBothLoopbacks() {
    #expect(Address.all(host: "localhost", port: 9)?.map(\.description) == ["127.0.0.1:9", "[::1]:9"])
    #expect(Address.all(host: "example.org", port: 9) == nil)
  }

  @Test(arguments: [(1024, 2, 956), (1024, 64, 832), (20_000, 16, 19_904), (64, 2, 1)])
  func connectionCapLeavesRoomForTheRest(limit: Int, loops: Int, cap: Int) {
    #expect(Descriptors.connectionCap(limit: limit, loops: loops, reserve: 32) == cap)
  }
}
