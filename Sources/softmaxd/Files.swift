import Glibc

/// Small files, read whole, and the standard streams.
enum Files {
  /// Opens /dev/null in place of each standard stream that is closed. Else the next descriptor to be opened, a
  /// connection's for instance, would take its number, and log lines would go there.
  static func openStandardStreams() {
    for stream in CInt(0)...2 where fcntl(stream, F_GETFD) < 0 {
      // The lowest free number is this stream's. Without /dev/null there is nowhere to say so.
      guard unsafe open("/dev/null", O_RDWR) == stream else { _exit(1) }
    }
  }

  /// The contents, cut at `limit` bytes, or nil when the file cannot be read.
  static func read(_ path: String, atMost limit: Int) -> [UInt8]? {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { _ = close(descriptor) }
    var contents: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 4096)
    while contents.count < limit {
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
