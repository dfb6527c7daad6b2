import Glibc

/// A connection whose every byte the test chooses.
final class RawSocket {
  private let descriptor: Int32

  init(_ daemon: Daemon) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(daemon.port).bigEndian
    address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
    var patience = timeval(tv_sec: 10, tv_usec: 0)
    let size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let connected = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe connect(descriptor, $0, size) }
    }
    guard connected == 0 else { throw Failure(errno: errno) }
    unsafe _ = setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
  }

  deinit { close(descriptor) }

  func send(_ text: String) throws {
    var left = Array(text.utf8)[...]
    while !left.isEmpty {
      let count = unsafe left.withUnsafeBytes {
        unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { throw Failure(errno: errno) }
      left = left.dropFirst(count)
    }
  }

  /// Says that no more will be sent; the other direction stays open.
  func finishSending() { _ = shutdown(descriptor, Int32(SHUT_WR)) }

  /// Reads until the text holds `count` status lines with their bodies' ends, or the peer closes.
  func read(until isEnough: (String) -> Bool = { _ in false }) throws -> String {
    var received: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let text = String(decoding: received, as: UTF8.self)
      if isEnough(text) { return text }
      let count = unsafe buffer.withUnsafeMutableBytes { unsafe recv(descriptor, $0.baseAddress, $0.count, 0) }
      if count == 0 { return text }
      guard count > 0 else { throw Failure(errno: errno) }
      received.append(contentsOf: buffer[..<count])
    }
  }

  struct Failure: Error { var errno: Int32 }
}
