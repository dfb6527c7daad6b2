import Glibc
import HTTP
import HTTPServer

/// As much of a client as a health check needs: it may block, and has a time limit.
enum HealthCheck {
  /// The most bytes of an answer's first line that are looked at.
  static let longestLine = 80

  /// Sends `GET path` and returns the first line of the answer, cut at ``longestLine``: the answer may be a stranger's,
  /// so what is no visible ASCII or space, such as an escape sequence of a terminal's, is a question mark.
  ///
  /// - Parameters:
  ///   - path: what is asked for.
  ///   - address: of whom.
  ///   - seconds: the time limit of it all.
  static func statusLine(of path: String, at address: SocketAddress, seconds: Int) throws(SystemError) -> String {
    let kind = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    let descriptor = try retrying("socket") { socket(address.isIPv6 ? AF_INET6 : AF_INET, kind, 0) }
    defer { _ = close(descriptor) }
    let deadline = ContinuousClock.now.advanced(by: .seconds(seconds))
    // Safe, here and below: no pointer is kept beyond the call that it is made for.
    // Lets the next call, which may block, take what is left of the time.
    func limitTime() throws(SystemError) {
      let left = ContinuousClock.now.duration(to: deadline).nanoseconds / 1000
      guard left > 0 else { throw SystemError(call: "recv", code: ETIMEDOUT) }
      var limit = timeval(tv_sec: Int(left / 1_000_000), tv_usec: Int(left % 1_000_000))
      for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
        try retrying("setsockopt") {
          unsafe setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
      }
    }
    try limitTime()
    try address.connect(descriptor)
    let request = Array("GET \(path) HTTP/1.1\r\nHost: \(address)\r\nConnection: close\r\n\r\n".utf8)
    // A fresh connection's buffer takes it whole.
    _ = try retrying("send") {
      unsafe request.withUnsafeBytes { unsafe send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
    }
    var answer: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 4096)
    while !answer.contains(0x0A), answer.count < longestLine {
      try limitTime()
      let count = try retrying("recv") {
        unsafe part.withUnsafeMutableBytes { unsafe recv(descriptor, $0.baseAddress, $0.count, 0) }
      }
      if count == 0 { break }
      answer.append(contentsOf: part.prefix(count))
    }
    let line = answer.prefix(longestLine).prefix { $0 != 0x0D && $0 != 0x0A }
    return String(decoding: line.map { $0 == 0x20 || ASCII.isVisible($0) ? $0 : 0x3F }, as: UTF8.self)
  }
}

/// `--probe`: a health check for containers without a shell and curl.
enum Probe {
  /// Asks `/livez` of the server at `host` and `port`; exits 0 if it answers 200 within two seconds, else 1.
  static func run(host: String, port: Int) -> Never {
    // A server that listens on all addresses is asked on the loopback address.
    let target = ["0.0.0.0": "127.0.0.1", "::": "::1", "[::]": "::1", "localhost": "127.0.0.1"][host] ?? host
    guard let address = SocketAddress(host: target, port: UInt16(clamping: port)) else {
      Program.fail(1, "cannot probe \(host)")
    }
    do throws(SystemError) {
      let line = try HealthCheck.statusLine(of: "/livez", at: address, seconds: 2)
      if line.hasPrefix("HTTP/1.1 200 ") { exit(0) }
      Program.fail(1, "\(address) answered \"\(line)\"")
    } catch {
      // What the calls say when the time limit of a socket has passed.
      let isLate = [EAGAIN, EINPROGRESS, ETIMEDOUT].contains(error.code)
      Program.fail(1, "\(address) does not answer\(isLate ? " within 2 seconds" : ": \(error.reason)")")
    }
  }
}
