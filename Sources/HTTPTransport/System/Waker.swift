internal import CLinux
internal import Glibc

/// An eventfd: any thread makes an epoll set ready by it.
struct Waker: ~Copyable, Sendable {
  let descriptor: CInt

  init() throws(SystemError) {
    descriptor = try retrying("eventfd") { eventfd(0, CInt(EFD_CLOEXEC) | CInt(EFD_NONBLOCK)) }
  }

  deinit { _ = Glibc.close(descriptor) }

  func wake() {
    var one: UInt64 = 1
    // It can only fail when the counter is full, and then the set is ready already.
    _ = unsafe Glibc.write(descriptor, &one, 8)
  }

  /// Makes it quiet again.
  func clear() {
    var count: UInt64 = 0
    _ = unsafe Glibc.read(descriptor, &count, 8)
  }
}
