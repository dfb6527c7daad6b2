internal import Glibc

/// As much of a client as a health check needs.
public enum BlockingClient {
  /// Sends `GET path` and returns the first line of the answer; each step may take so many seconds.
  public static func statusLine(of path: String, at address: Address, seconds: Int) throws(SystemError) -> String {
    let kind = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    let socket = Socket(
      owning: try retrying("socket") { Glibc.socket(address.family == .v4 ? AF_INET : AF_INET6, kind, 0) })
    let descriptor = socket.descriptor
    var limit = timeval(tv_sec: seconds, tv_usec: 0)
    for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
      try retrying("setsockopt") {
        unsafe setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
      }
    }
    _ = try unsafe address.withSocketAddress { pointer, length throws(SystemError) in
      try retrying("connect") { unsafe connect(descriptor, pointer, length) }
    }
    let request = Array("GET \(path) HTTP/1.1\r\nHost: \(address)\r\nConnection: close\r\n\r\n".utf8)
    let nothing: [UInt8] = []
    if case .failure(let error) = socket.write(request.span, nothing.span) { throw error }
    let buffer = ReadBuffer(size: 4096)
    var answer: [UInt8] = []
    while !answer.contains(0x0A), answer.count < 64 * 1024 {
      guard case .moved(let count) = try unsafe socket.read(into: buffer.bytes).get() else { break }
      buffer.withBytes(in: 0..<count) { bytes in for index in bytes.indices { answer.append(bytes[index]) } }
    }
    return String(decoding: answer.prefix { $0 != 0x0D && $0 != 0x0A }, as: UTF8.self)
  }
}
