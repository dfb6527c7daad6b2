import Glibc
import Testing

@testable import HTTPServer

@Suite struct SocketTests {
  private func read(_ socket: borrowing Socket, _ buffer: borrowing ReadBuffer) -> Result<Socket.Transfer, SystemError>
  {
    unsafe socket.read(into: buffer.bytes)
  }

  @Test func twoPiecesArriveInOrder() throws {
    try Socket.pair { here, there in
      let buffer = ReadBuffer(size: 64)
      #expect(here.write(Array("head ".utf8).span, Array("body".utf8).span) == .success(.moved(9)))
      #expect(read(there, buffer) == .success(.moved(9)))
      buffer.withBytes(9) { bytes in
        #expect(bytes.indices.map { bytes[$0] } == Array("head body".utf8))
      }
    }
  }

  @Test("TCP_QUICKACK: out of the state in which the kernel keeps an acknowledgement back") func acknowledges() throws {
    let socket = try Socket.stream(family: AF_INET)
    func isQuick() -> CInt {
      var value: CInt = -1
      var size = socklen_t(MemoryLayout<CInt>.size)
      let code = unsafe getsockopt(socket.descriptor, CInt(IPPROTO_TCP), TCP_QUICKACK, &value, &size)
      return code == 0 ? value : -1
    }
    try socket.setOption(CInt(IPPROTO_TCP), TCP_QUICKACK, 0)
    #expect(isQuick() == 0)
    socket.acknowledge()
    #expect(isQuick() == 1)
  }

  @Test func nothingThereIsNoError() throws {
    try Socket.pair { here, there in
      #expect(read(here, ReadBuffer(size: 8)) == .success(.wouldBlock))
      _ = there
    }
  }

  @Test func shutdownIsSeenAsTheEnd() throws {
    try Socket.pair { here, there in
      here.shutdownWrite()
      #expect(read(there, ReadBuffer(size: 8)) == .success(.finished))
      // The other direction still works: a half-close.
      #expect(there.write(Array("x".utf8).span, [UInt8]().span) == .success(.moved(1)))
    }
  }

  @Test("Rule 30: writing to nobody is an error and no SIGPIPE") func writingToNobodyIsAnErrorAndNoSignal() throws {
    try Socket.pair { here, there in
      _ = consume there
      let result = here.write(Array("x".utf8).span, [UInt8]().span)
      #expect(result == .failure(SystemError(call: "send", code: EPIPE)))
    }
  }

  @Test func aFullBufferBlocksOnlyTheWrite() throws {
    try Socket.pair { here, there in
      let piece = [UInt8](repeating: 1, count: 1 << 16)
      var moved = 0
      for _ in 0..<1000 {
        guard case .success(.moved(let count)) = here.write(piece.span, piece.span) else { break }
        moved += count
      }
      #expect(here.write(piece.span, piece.span) == .success(.wouldBlock))
      #expect(moved > 0)
      _ = there
    }
  }

  @Test func readsIntoFreeRoomOfAnOutputSpan() throws {
    try Socket.pair { here, there in
      _ = here.write(Array("tail".utf8).span, [UInt8]().span)
      var outcome = Result<Socket.Transfer, SystemError>.success(.wouldBlock)
      let bytes = [UInt8](capacity: 16) { output in
        output.append(0x41)
        outcome = there.read(into: &output)
      }
      #expect(outcome == .success(.moved(4)))
      #expect(bytes == Array("Atail".utf8))
    }
  }

  @Test func endOfLifeClosesTheDescriptor() throws {
    let descriptor = try Socket.pair { here, there in
      _ = consume there
      return here.descriptor
    }
    #expect(fcntl(descriptor, F_GETFD) == -1)
  }

  @Test func interruptedCallsAreMadeAgain() throws {
    var calls = 0
    let result: CInt = try retrying("test") {
      calls += 1
      errno = EINTR
      return calls < 3 ? -1 : 7
    }
    #expect(result == 7)
    #expect(calls == 3)
  }

  @Test func otherErrorsAreThrownWithTheirName() {
    #expect(throws: SystemError(call: "test", code: EACCES)) {
      _ = try retrying("test") { () -> CInt in
        errno = EACCES
        return -1
      }
    }
    #expect(SystemError(call: "bind", code: EADDRINUSE).description == "bind: Address already in use")
  }
}

@Suite struct SocketAddressTests {
  @Test(arguments: [
    ("127.0.0.1", "127.0.0.1:80"), ("0.0.0.0", "0.0.0.0:80"), ("::1", "[::1]:80"), ("[::1]", "[::1]:80"),
    ("::", "[::]:80"), ("fe80::1", "[fe80::1]:80"), ("0:0::1", "[::1]:80"), ("FE80:0:0::01", "[fe80::1]:80"),
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

  @Test("An address of IPv4 in IPv6's form is the former, since no socket of IPv6 takes it")
  func mappedAddresses() {
    for host in ["::ffff:127.0.0.1", "::FFFF:7f00:1", "[::ffff:127.0.0.1]"] {
      #expect(SocketAddress.all(host: host, port: 9)?.map(\.description) == ["127.0.0.1:9"])
    }
  }

  @Test(
    "A family's every address takes each of its addresses",
    arguments: [
      ("0.0.0.0 ::", nil), ("127.0.0.1 127.0.0.2 ::1", nil), ("0.0.0.0 ::1", nil),
      ("::1 127.0.0.1 0.0.0.0", "0.0.0.0 127.0.0.1"),
      ("0::0 ::1", ":: ::1"), ("127.0.0.1 :: ::1", ":: ::1"),
    ] as [(String, String?)])
  func overlappingAddresses(hosts: String, overlap: String?) {
    let addresses = hosts.split(separator: " ").compactMap { SocketAddress(host: String($0), port: 0) }
    #expect(SocketAddress.overlap(in: addresses).map { "\($0.all.host) \($0.one.host)" } == overlap)
  }
}

extension Socket {
  /// Two sockets connected to each other: a connection without a network.
  static func pair<R>(_ body: (consuming Socket, consuming Socket) throws -> R) throws -> R {
    var ends: InlineArray<2, CInt> = [-1, -1]
    var span = ends.mutableSpan
    try unsafe span.withUnsafeMutableBufferPointer { ends throws(SystemError) in
      _ = try retrying("socketpair") {
        unsafe socketpair(AF_UNIX, kind, 0, ends.baseAddress)
      }
    }
    return try body(Socket(owning: ends[0]), Socket(owning: ends[1]))
  }
}
