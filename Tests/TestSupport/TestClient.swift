import Glibc

/// A blocking client whose every byte the test chooses: it sends and receives, and never waits longer than its timeout.
package final class TestClient {
  package let descriptor: CInt
  private var received: [UInt8] = []
  private var ended = false
  /// The head of the last answer.
  package private(set) var lastHead = ""

  /// Connects to `host`, an IPv4 or IPv6 address in numbers.
  package init(host: String = "127.0.0.1", port: UInt16, timeout seconds: Int = 5) throws {
    var wanted = unsafe addrinfo()
    unsafe wanted.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV
    unsafe wanted.ai_socktype = CInt(SOCK_STREAM.rawValue)
    var found: UnsafeMutablePointer<addrinfo>?
    guard unsafe getaddrinfo(host, "\(port)", &wanted, &found) == 0, let address = unsafe found else {
      throw Failure(call: "getaddrinfo", errno: EINVAL)
    }
    defer { unsafe freeaddrinfo(address) }
    descriptor = unsafe socket(address.pointee.ai_family, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var limit = timeval(tv_sec: seconds, tv_usec: 0)
    unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    while unsafe connect(descriptor, address.pointee.ai_addr, address.pointee.ai_addrlen) != 0 {
      guard errno == EINTR else { throw Failure(call: "connect", errno: errno) }
    }
  }

  /// With the timeout that a sanitizer's build needs for an answer.
  package convenience init(_ daemon: Daemon) throws { try self.init(port: daemon.port, timeout: 120) }

  deinit { _ = close(descriptor) }

  package struct Failure: Error {
    package var call: String
    package var errno: CInt
  }

  package func send(_ text: String) { send(Array(text.utf8)) }

  /// Sends it all, or as much as the peer takes.
  package func send(_ bytes: [UInt8]) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes {
        unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
      }
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }

  /// A GET of `path`, kept alive.
  package func get(_ path: String) -> String? {
    send("GET \(path) HTTP/1.1\r\nHost: x\r\n\r\n")
    return answer()
  }

  package func post(_ path: String, _ body: [UInt8]) {
    send("POST \(path) HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.count)\r\n\r\n")
    send(body)
  }

  /// A POST, and its answer.
  package func ask(_ path: String, _ body: [UInt8]) -> String? {
    post(path, body)
    return answer()
  }

  /// The next answer as `status body`, or nil when the connection ended or the time was up.
  package func answer() -> String? {
    while true {
      if let end = received.firstRange(of: Array("\r\n\r\n".utf8)) {
        let head = String(decoding: received[..<end.lowerBound], as: UTF8.self)
        lastHead = head
        let fields = head.split(separator: "\r\n")
        let length = fields.first { $0.hasPrefix("Content-Length: ") }.flatMap { Int($0.dropFirst(16)) } ?? 0
        if received.count >= end.upperBound + length {
          let body = String(decoding: received[end.upperBound..<end.upperBound + length], as: UTF8.self)
          received.removeFirst(end.upperBound + length)
          return "\(head.dropFirst(9).prefix(3)) \(body)"
        }
      }
      guard receive() else { return nil }
    }
  }

  /// All that the peer still sends until it ends the connection; nil when it does not end it.
  package func everything() -> String? {
    while receive() {}
    guard ended else { return nil }
    defer { received = [] }
    return String(decoding: received, as: UTF8.self)
  }

  /// Whether the peer has ended the connection, after what it may still have to send.
  package func hasEnded() -> Bool {
    while receive() {}
    return ended
  }

  private func receive() -> Bool {
    var part = [UInt8](repeating: 0, count: 65_536)
    let count = unsafe part.withUnsafeMutableBytes { unsafe recv(descriptor, $0.baseAddress, $0.count, 0) }
    if count == 0 || (count < 0 && errno == ECONNRESET) { ended = true }
    guard count > 0 else { return false }
    received.append(contentsOf: part.prefix(count))
    return true
  }

  /// Tells the peer that no more will be sent; the other direction stays open.
  package func finish() { _ = shutdown(descriptor, CInt(SHUT_WR)) }

  /// Has the system receive little ahead of what is read, so that the rest stays with the peer's system.
  package func receiveLittle() {
    var bytes: CInt = 4096
    unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, socklen_t(MemoryLayout<CInt>.size))
  }

  /// Ends the connection by a reset.
  package func reset() {
    var option = linger(l_onoff: 1, l_linger: 0)
    unsafe setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    var unspecified = sockaddr()
    unspecified.sa_family = sa_family_t(AF_UNSPEC)
    unsafe connect(descriptor, &unspecified, socklen_t(MemoryLayout<sockaddr>.size))
  }
}
