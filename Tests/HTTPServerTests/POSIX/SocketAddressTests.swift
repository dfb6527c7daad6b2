import Testing

@testable import HTTPServer

@Suite struct SocketAddressTests {
  @Test(arguments: [
    ("127.0.0.1", "127.0.0.1:80"), ("0.0.0.0", "0.0.0.0:80"), ("::1", "[::1]:80"), ("[::1]", "[::1]:80"),
    ("::", "[::]:80"), ("fe80::1", "[fe80::1]:80"),
  ])
  func numbersAreAddresses(host: String, description: String) {
    #expect(SocketAddress(host: host, port: 80)?.description == description)
  }

  @Test(arguments: ["", "localhost", "example.org", "127.0.0.256", "127.1", "1.2.3.4.5", "[127.0.0.1", "::g", "[]"])
  func namesAndSlipsAreNot(host: String) {
    #expect(SocketAddress(host: host, port: 80) == nil)
  }

  @Test func localhostIsBothLoopbacks() {
    #expect(SocketAddress.all(host: "localhost", port: 9)?.map(\.description) == ["127.0.0.1:9", "[::1]:9"])
    #expect(SocketAddress.all(host: "example.org", port: 9) == nil)
  }
}
