import Glibc
import HTTPCore

@testable import HTTPTransport

/// A blocking client for tests: says bytes, hears bytes, never waits for more than five seconds.
final class TestClient {
  let descriptor: CInt
  private var heard: [UInt8] = []
  /// The head of the last answer.
  private(set) var lastHead = ""

  init(_ address: Address) throws {
    let kind = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    descriptor = socket(address.family == .v4 ? AF_INET : AF_INET6, kind, 0)
    var limit = timeval(tv_sec: 5, tv_usec: 0)
    unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    let descriptor = descriptor
    _ = try unsafe address.withSocketAddress { pointer, length throws(SystemError) in
      try retrying("connect") { unsafe connect(descriptor, pointer, length) }
    }
  }

  deinit { _ = close(descriptor) }

  func say(_ text: String) { say(Array(text.utf8)) }

  func say(_ bytes: [UInt8]) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes {
        unsafe send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
      }
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }

  /// A GET of `path`, kept alive.
  func get(_ path: String) -> String? {
    say("GET \(path) HTTP/1.1\r\nHost: x\r\n\r\n")
    return answer()
  }

  func post(_ path: String, _ body: [UInt8]) {
    say("POST \(path) HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.count)\r\n\r\n")
    say(body)
  }

  /// A POST, and its answer.
  func ask(_ path: String, _ body: [UInt8]) -> String? {
    post(path, body)
    return answer()
  }

  /// The next answer as `status body`, or nil when the connection ended or five seconds have passed.
  func answer() -> String? {
    while true {
      if let end = heard.firstRange(of: Array("\r\n\r\n".utf8)) {
        let head = String(decoding: heard[..<end.lowerBound], as: UTF8.self)
        lastHead = head
        let fields = head.split(separator: "\r\n")
        let length = fields.first { $0.hasPrefix("Content-Length: ") }.flatMap { Int($0.dropFirst(16)) } ?? 0
        if heard.count >= end.upperBound + length {
          let body = String(decoding: heard[end.upperBound..<end.upperBound + length], as: UTF8.self)
          heard.removeFirst(end.upperBound + length)
          return "\(head.dropFirst(9).prefix(3)) \(body)"
        }
      }
      guard hear() else { return nil }
    }
  }

  /// Whether the peer has ended the connection, after what it may still have to say.
  func hasEnded() -> Bool {
    while hear() {}
    return ended
  }

  private var ended = false

  private func hear() -> Bool {
    var part = [UInt8](repeating: 0, count: 65_536)
    let count = unsafe part.withUnsafeMutableBytes { unsafe recv(descriptor, $0.baseAddress, $0.count, 0) }
    if count == 0 || (count < 0 && errno == ECONNRESET) { ended = true }
    guard count > 0 else { return false }
    heard.append(contentsOf: part.prefix(count))
    return true
  }

  func finish() { _ = shutdown(descriptor, CInt(SHUT_WR)) }

  /// Ends the connection by a reset.
  func reset() {
    var option = linger(l_onoff: 1, l_linger: 0)
    unsafe setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    var unspecified = sockaddr()
    unspecified.sa_family = sa_family_t(AF_UNSPEC)
    unsafe connect(descriptor, &unspecified, socklen_t(MemoryLayout<sockaddr>.size))
  }
}
