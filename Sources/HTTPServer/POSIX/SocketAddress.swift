internal import Glibc

/// An address to listen on or to call: IPv4 or IPv6 in numbers, with a port. No names are resolved.
public struct SocketAddress: Sendable, Hashable, CustomStringConvertible {
  enum Family: Sendable, Hashable { case v4, v6 }

  public var isIPv6: Bool { family == .v6 }

  let family: Family
  /// The host's text form, as inet_ntop writes it, without brackets.
  public let host: String
  public let port: UInt16

  /// Reads `host` as an IPv4 or IPv6 address, the latter with or without brackets; nil when it is neither.
  public init?(host: String, port: UInt16) {
    let text =
      host.hasPrefix("[") && host.hasSuffix("]") && host.utf8.count > 2 ? String(host.dropFirst().dropLast()) : host
    var v4 = in_addr()
    var v6 = in6_addr()
    if unsafe inet_pton(AF_INET, text, &v4) == 1 {
      family = .v4
    } else if unsafe inet_pton(AF_INET6, text, &v6) == 1 {
      family = .v6
    } else {
      return nil
    }
    self.host = text
    self.port = port
  }

  /// The addresses that an option's value means: `localhost` is both loopbacks. Nil for a name that would have to be
  /// resolved.
  public static func all(host: String, port: UInt16) -> [SocketAddress]? {
    if host == "localhost" {
      return ["127.0.0.1", "::1"].compactMap { SocketAddress(host: $0, port: port) }
    }
    return SocketAddress(host: host, port: port).map { [$0] }
  }

  /// The same host with another port.
  func with(port: UInt16) -> SocketAddress { SocketAddress(family: family, host: host, port: port) }

  private init(family: Family, host: String, port: UInt16) {
    self.family = family
    self.host = host
    self.port = port
  }

  /// `127.0.0.1:8080`, `[::1]:8080`.
  public var description: String { family == .v4 ? "\(host):\(port)" : "[\(host)]:\(port)" }

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
    switch family {
    case .v4:
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = port.bigEndian
      _ = unsafe inet_pton(AF_INET, host, &address.sin_addr)
      return try unsafe Self.pass(&address, body)
    case .v6:
      var address = sockaddr_in6()
      address.sin6_family = sa_family_t(AF_INET6)
      address.sin6_port = port.bigEndian
      _ = unsafe inet_pton(AF_INET6, host, &address.sin6_addr)
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
