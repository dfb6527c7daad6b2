internal import CLinux
internal import Glibc

/// Owns a socket's descriptor, non-blocking and closed on exec; the end of its life closes it.
struct Socket: ~Copyable, Sendable {
  let descriptor: CInt

  /// Takes over an open descriptor.
  init(owning descriptor: CInt) {
    self.descriptor = descriptor
  }

  deinit {
    // Never retried: Linux has released the descriptor even when it says EINTR.
    _ = Glibc.close(descriptor)
  }

  /// Gives the descriptor away: the receiver closes it.
  consuming func release() -> CInt {
    let descriptor = descriptor
    discard self
    return descriptor
  }

  /// What one attempt to move bytes brought.
  enum Transfer: Equatable {
    case moved(Int)
    /// `read` alone: the peer will send no more.
    case finished
    /// Nothing now: epoll tells when to try again.
    case wouldBlock
  }

  /// One `recv` of at most `buffer`'s size: as `read`, without the detour through the file system's layer.
  func read(into buffer: UnsafeMutableRawBufferPointer) -> Result<Transfer, SystemError> {
    while true {
      let count = unsafe recv(descriptor, buffer.baseAddress, buffer.count, 0)
      if count > 0 { return .success(.moved(count)) }
      if count == 0 { return .success(.finished) }
      switch errno {
      case EINTR: continue
      case EAGAIN: return .success(.wouldBlock)
      case let code: return .failure(SystemError(call: "recv", code: code))
      }
    }
  }

  /// One `read` into the free room of `output`.
  func read(into output: inout OutputSpan<UInt8>) -> Result<Transfer, SystemError> {
    // The uninitialised part is handed to the kernel, and counted only as far as the kernel has written it.
    unsafe output.withUnsafeMutableBufferPointer { buffer, initialized in
      let free = unsafe UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[initialized...])
      let result = unsafe read(into: free)
      if case .success(.moved(let count)) = result { initialized += count }
      return result
    }
  }

  /// One write of two pieces, in order, without SIGPIPE.
  func write(_ first: Span<UInt8>, _ second: Span<UInt8>) -> Result<Transfer, SystemError> {
    // The pointers live as long as the call.
    unsafe first.withUnsafeBytes { first in
      unsafe second.withUnsafeBytes { second in
        unsafe write(first, second)
      }
    }
  }

  private func write(
    _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer
  ) -> Result<Transfer, SystemError> {
    while true {
      let count: Int
      if unsafe second.isEmpty {
        count = unsafe send(descriptor, first.baseAddress, first.count, CInt(MSG_NOSIGNAL))
      } else {
        var pieces: InlineArray<2, iovec> = unsafe [
          iovec(iov_base: UnsafeMutableRawPointer(mutating: first.baseAddress), iov_len: first.count),
          iovec(iov_base: UnsafeMutableRawPointer(mutating: second.baseAddress), iov_len: second.count),
        ]
        var mutablePieces = unsafe pieces.mutableSpan
        count = unsafe mutablePieces.withUnsafeMutableBufferPointer { pieces in
          var message = unsafe msghdr()
          unsafe message.msg_iov = pieces.baseAddress
          unsafe message.msg_iovlen = pieces.count
          return unsafe sendmsg(descriptor, &message, CInt(MSG_NOSIGNAL))
        }
      }
      if count >= 0 { return .success(.moved(count)) }
      switch errno {
      case EINTR: continue
      case EAGAIN: return .success(.wouldBlock)
      case let code: return .failure(SystemError(call: "send", code: code))
      }
    }
  }

  /// Tells the peer that nothing more will come.
  func shutdownWrite() {
    // A peer that has gone already needs no telling.
    _ = shutdown(descriptor, CInt(SHUT_WR))
  }

  /// Sends small segments at once (TCP_NODELAY): an answer is written whole, so Nagle's wait has nothing to gather.
  func sendWithoutDelay() {
    try? setOption(CInt(IPPROTO_TCP), TCP_NODELAY, 1)
  }

  /// Acknowledges what has come without waiting for something to send with it (TCP_QUICKACK): by itself the kernel
  /// waits 40 ms on a connection that has answered before. The kernel soon forgets it, so it is asked for each time.
  func acknowledge() {
    try? setOption(CInt(IPPROTO_TCP), TCP_QUICKACK, 1)
  }

  /// The kernel's memory for what has been received and not read, and for what has been written and not acknowledged by
  /// the peer, in bytes, with what the kernel adds to each packet (SO_MEMINFO, Linux 4.12); 0 where it does not tell.
  var kernelMemory: Int {
    var values = InlineArray<9, UInt32>(repeating: 0)
    var size = socklen_t(MemoryLayout<InlineArray<9, UInt32>>.size)
    guard unsafe getsockopt(descriptor, SOL_SOCKET, SO_MEMINFO, &values, &size) == 0 else { return 0 }
    return Int(values[Int(SK_MEMINFO_RMEM_ALLOC)]) + Int(values[Int(SK_MEMINFO_WMEM_QUEUED)])
  }

  /// How many bytes have been written that the peer's system has not acknowledged (tcp(7), SIOCOUTQ), the end of the
  /// stream among them; 0 where the kernel does not tell.
  var unacknowledgedBytes: Int { max(0, Int(clinux_unacknowledged_bytes(descriptor))) }

  /// Has the end of the socket's life reset the connection, so that the kernel keeps nothing for a peer that takes
  /// nothing.
  func resetAtEnd() {
    var option = linger(l_onoff: 1, l_linger: 0)
    _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
  }

  /// On a listening socket: drops each packet that asks for a new connection, as if it had been lost. Packets of
  /// connections that have been asked for are let through.
  func dropSYN() {
    // The TCP header begins the packet; byte 13 holds its flags, SYN 0x02 and ACK 0x10 (RFC 9293 §3.1).
    var steps: InlineArray<5, sock_filter> = [
      sock_filter(code: UInt16(BPF_LD | BPF_B | BPF_ABS), jt: 0, jf: 0, k: 13),
      sock_filter(code: UInt16(BPF_ALU | BPF_AND | BPF_K), jt: 0, jf: 0, k: 0x12),
      sock_filter(code: UInt16(BPF_JMP | BPF_JEQ | BPF_K), jt: 0, jf: 1, k: 0x02),
      sock_filter(code: UInt16(BPF_RET | BPF_K), jt: 0, jf: 0, k: 0),
      sock_filter(code: UInt16(BPF_RET | BPF_K), jt: 0, jf: 0, k: .max),
    ]
    var span = steps.mutableSpan
    // Where a sandbox forbids it, the port closes all the same.
    unsafe span.withUnsafeMutableBufferPointer { steps in
      var program = unsafe sock_fprog(len: UInt16(steps.count), filter: steps.baseAddress)
      _ = unsafe setsockopt(
        descriptor, SOL_SOCKET, SO_ATTACH_FILTER, &program, socklen_t(MemoryLayout<sock_fprog>.size))
    }
  }

  func setOption(_ level: CInt, _ name: CInt, _ value: CInt) throws(SystemError) {
    var value = value
    try retrying("setsockopt") {
      unsafe setsockopt(descriptor, level, name, &value, socklen_t(MemoryLayout<CInt>.size))
    }
  }
}

extension Socket {
  /// A stream socket that never blocks and is not inherited.
  static func stream(family: CInt) throws(SystemError) -> Socket {
    Socket(owning: try retrying("socket") { socket(family, kind, 0) })
  }

  static var kind: CInt {
    CInt(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
  }
}

/// The buffer into which an event loop reads heads and small bodies: one for all its connections, so that an idle one
/// needs none.
@safe struct ReadBuffer: ~Copyable {
  let bytes: UnsafeMutableRawBufferPointer

  init(size: Int) {
    unsafe bytes = .allocate(byteCount: size, alignment: 64)
    // Zero-filled, so that every byte is initialised whatever the kernel wrote.
    unsafe bytes.initializeMemory(as: UInt8.self, repeating: 0)
  }

  deinit { unsafe bytes.deallocate() }

  var size: Int { unsafe bytes.count }

  /// Hands out the first `count` bytes.
  func withBytes(_ count: Int, _ body: (Span<UInt8>) -> Void) {
    // The memory lives as long as this value, which the call borrows.
    body(unsafe Span<UInt8>(_unsafeBytes: UnsafeRawBufferPointer(bytes)).extracting(first: count))
  }
}

/// An address to listen on or to call: IPv4 or IPv6 in numbers, with a port. No names are resolved.
public struct SocketAddress: Sendable, Hashable, CustomStringConvertible {
  /// Whether it is an address of IPv6, not IPv4.
  public let isIPv6: Bool
  /// The host's text form, as inet_ntop writes it, without brackets.
  public let host: String
  /// The TCP port; 0 lets the system choose one.
  public let port: UInt16

  /// Reads `host` as an IPv4 or IPv6 address, the latter with or without brackets; nil when it is neither.
  public init?(host: String, port: UInt16) {
    let text =
      host.hasPrefix("[") && host.hasSuffix("]") && host.utf8.count > 2 ? String(host.dropFirst().dropLast()) : host
    var v4 = in_addr()
    var v6 = in6_addr()
    if unsafe inet_pton(AF_INET, text, &v4) == 1 {
      isIPv6 = false
      self.host = text
    } else if unsafe inet_pton(AF_INET6, text, &v6) == 1 {
      isIPv6 = true
      // One form for each address: `::1` for `0:0::1`.
      var bytes = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
      _ = unsafe inet_ntop(AF_INET6, &v6, &bytes, socklen_t(bytes.count))
      self.host = String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(truncatingIfNeeded: $0) }, as: UTF8.self)
    } else {
      return nil
    }
    self.port = port
  }

  /// The addresses that an option's value means: `localhost` is both loopbacks, and `::ffff:127.0.0.1` an address of
  /// IPv4. Nil for a name that would have to be resolved.
  public static func all(host: String, port: UInt16) -> [SocketAddress]? {
    if host == "localhost" {
      return ["127.0.0.1", "::1"].compactMap { SocketAddress(host: $0, port: port) }
    }
    return SocketAddress(host: host, port: port).map { address in
      let mapped = "::ffff:"
      guard address.host.hasPrefix(mapped) else { return [address] }
      return [SocketAddress(host: String(address.host.dropFirst(mapped.count)), port: port) ?? address]
    }
  }

  /// Two of the addresses on which no two sockets can listen: every address of a family, and one of them.
  public static func overlap(in addresses: [SocketAddress]) -> (all: SocketAddress, one: SocketAddress)? {
    for all in addresses where all.host == "0.0.0.0" || all.host == "::" {
      for one in addresses where one.isIPv6 == all.isIPv6 && one.host != all.host { return (all, one) }
    }
    return nil
  }

  /// The same host with another port.
  func with(port: UInt16) -> SocketAddress { SocketAddress(isIPv6: isIPv6, host: host, port: port) }

  private init(isIPv6: Bool, host: String, port: UInt16) {
    self.isIPv6 = isIPv6
    self.host = host
    self.port = port
  }

  /// `127.0.0.1:8080`, `[::1]:8080`.
  public var description: String { isIPv6 ? "[\(host)]:\(port)" : "\(host):\(port)" }

  /// Connects a socket to this address.
  package func connect(_ descriptor: CInt) throws(SystemError) {
    _ = try unsafe withSocketAddress { pointer, length throws(SystemError) in
      try retrying("connect") { unsafe Glibc.connect(descriptor, pointer, length) }
    }
  }

  /// Calls `body` with the form that bind and connect take.
  func withSocketAddress<R>(
    _ body: (UnsafePointer<sockaddr>, socklen_t) throws(SystemError) -> R
  ) throws(SystemError) -> R {
    if isIPv6 {
      var address = sockaddr_in6()
      address.sin6_family = sa_family_t(AF_INET6)
      address.sin6_port = port.bigEndian
      _ = unsafe inet_pton(AF_INET6, host, &address.sin6_addr)
      return try unsafe Self.pass(&address, body)
    } else {
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = port.bigEndian
      _ = unsafe inet_pton(AF_INET, host, &address.sin_addr)
      return try unsafe Self.pass(&address, body)
    }
  }

  /// The sockets interface's own pun: each family's address begins as sockaddr does.
  private static func pass<A, R>(
    _ address: inout A, _ body: (UnsafePointer<sockaddr>, socklen_t) throws(SystemError) -> R
  ) throws(SystemError) -> R {
    try unsafe withUnsafePointer(to: &address) { pointer throws(SystemError) in
      try unsafe UnsafeRawPointer(pointer).withMemoryRebound(to: sockaddr.self, capacity: 1) {
        rebound throws(SystemError) in
        try unsafe body(rebound, socklen_t(MemoryLayout<A>.size))
      }
    }
  }
}
