import Glibc

@testable import HTTPServer

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
