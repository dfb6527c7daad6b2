import Dispatch
import Glibc
import HTTPServer

/// Reads small files.
enum FileReader {
  /// The contents as text, cut at `limit` bytes, or nil when the file cannot be read.
  static func text(_ path: String, atMost limit: Int) -> String? {
    read(path, atMost: limit).map { String(decoding: $0, as: UTF8.self) }
  }

  /// The contents, cut at `limit` bytes, or nil when the file cannot be read.
  static func read(_ path: String, atMost limit: Int) -> [UInt8]? {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { _ = close(descriptor) }
    var contents: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 4096)
    while contents.count < limit {
      // The kernel writes at most the buffer's length, during the call only.
      let count = unsafe part.withUnsafeMutableBytes { unsafe Glibc.read(descriptor, $0.baseAddress, $0.count) }
      if count == 0 { break }
      if count < 0 {
        if errno == EINTR { continue }
        return nil
      }
      contents.append(contentsOf: part.prefix(min(count, limit - contents.count)))
    }
    return contents
  }
}

/// Standard input, output and error.
///
/// `unsafe` for the system calls: each gets a buffer's address and length, or a string, for the time of the call only.
enum StandardStreams {
  static let output: CInt = 1
  static let error: CInt = 2

  /// Opens /dev/null in place of each standard stream that is closed. Otherwise the next descriptor to be opened, such
  /// as a connection's, would get its number, and log lines would be written there.
  static func open() {
    for stream in CInt(0)...2 where fcntl(stream, F_GETFD) < 0 {
      // open returns the lowest free number, which is this one. Without /dev/null there is no way to report an error.
      guard unsafe Glibc.open("/dev/null", O_RDWR) == stream else { _exit(1) }
    }
  }

  /// Writes lines to standard output, after those before. Returns when they are written, or after a tenth of a second,
  /// and they may still be written then: who is to hear signals cannot wait for a reader that has stopped.
  static func announce(_ lines: String) {
    announcements.run(within: .milliseconds(100)) { write(lines, to: output) }
  }

  private static let announcements = DispatchQueue(label: "softmaxd.output")

  /// Writes the whole text, or returns what keeps the rest from being written.
  @discardableResult static func write(_ text: String, to descriptor: CInt) -> SystemError? {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if errno == EAGAIN {
        // Another process that shares the stream may have made it non-blocking: wait until it is writable.
        var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = unsafe poll(&ready, 1, -1)
      } else if errno != EINTR {
        return SystemError(call: "write", code: errno)
      }
    }
    return nil
  }
}

extension DispatchQueue {
  /// Runs `work` after what waits before it, and returns when it is done, or after `limit`: a reader that has stopped
  /// may keep a write waiting for ever.
  func run(within limit: DispatchTimeInterval, _ work: @escaping @Sendable () -> Void) {
    let isDone = DispatchSemaphore(value: 0)
    async {
      work()
      isDone.signal()
    }
    _ = isDone.wait(timeout: .now() + limit)
  }
}
