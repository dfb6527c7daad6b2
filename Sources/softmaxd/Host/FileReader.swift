import Glibc

/// Reads small files.
enum FileReader {
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
