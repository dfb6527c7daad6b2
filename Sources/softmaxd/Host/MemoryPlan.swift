import Glibc
import HTTPServer

/// One figure for the whole process, and the bounds that follow from it.
struct MemoryPlan: Equatable {
  /// Less cannot serve: 32 MiB.
  static let least = 32 << 20

  /// What connections and requests may hold: two thirds of what the program itself leaves. The rest is for what
  /// the allocator loses between blocks.
  let shared: Int
  /// The largest body that is taken: a quarter of that.
  let largestBody: Int
  /// Connections at once, which may take a quarter of it while they are idle.
  let connections: Int

  /// - Parameters:
  ///   - total: bytes of the whole process.
  ///   - loops: event loops; each has a buffer and, like each worker, a stack.
  init(total: Int, loops: Int) {
    let program = (16 << 20) + loops * (1 << 20)
    shared = max(8 << 20, (max(total, Self.least) - program) / 3 * 2)
    largestBody = shared / 4
    connections = shared / 4 / ServerConfiguration.bytesPerConnection
  }
}

/// How much memory this process may use.
///
/// `unsafe` for getrlimit, which fills a structure during the call only.
enum MemoryLimit {
  /// The smaller of the control group's limit and RLIMIT_AS; half of the machine's memory where neither is set.
  static func available(loops: Int) -> Int {
    let limits = files(ofGroups: ControlGroups.own).compactMap { file in
      FileReader.text(file, atMost: 64).flatMap(bytes)
    }
    return (limits + [addressSpace(loops: loops)].compactMap { $0 }).min() ?? physical / 2
  }

  /// The files with the limits of the control groups that `/proc/self/cgroup` names and of their ancestors: of version
  /// 2 ("0::/a/b") and version 1 ("4:memory:/a/b").
  static func files(ofGroups text: String) -> [String] {
    var files = ControlGroups.folders(ofGroups: text).map { "\($0)/memory.max" }
    var folder = "/sys/fs/cgroup/memory"
    files.append("\(folder)/memory.limit_in_bytes")
    let line = text.split(separator: "\n").first { $0.contains(":memory:/") }
    for name in line?.split(separator: "/").dropFirst() ?? [] {
      folder += "/\(name)"
      files.append("\(folder)/memory.limit_in_bytes")
    }
    return files
  }

  /// A limit in bytes; nil for `max`, and for the value above an exbibyte by which version 1 means no limit.
  static func bytes(_ text: String) -> Int? {
    guard let bytes = Int(text.split(separator: "\n").first ?? ""), bytes > 0, bytes < 1 << 60 else { return nil }
    return bytes
  }

  /// What RLIMIT_AS leaves for data. It also counts mappings that are not resident, and the threads' stacks.
  private static func addressSpace(loops: Int) -> Int? {
    var limit = rlimit()
    guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0, limit.rlim_cur < 1 << 60 else {
      return nil
    }
    var stack = rlimit()
    let hasStack = unsafe getrlimit(__rlimit_resource_t(RLIMIT_STACK.rawValue), &stack) == 0
    let stackBytes = hasStack && stack.rlim_cur < 1 << 40 ? Int(stack.rlim_cur) : 8 << 20
    // The loops, as many workers, and Dispatch's own threads.
    let threads = 2 * loops + 4
    return max(0, Int(limit.rlim_cur) - mappedButUnused - threads * stackBytes)
  }

  private static var mappedButUnused: Int {
    ProcessMetrics.mappedMemory.map { $0.mapped - $0.resident } ?? 0
  }

  private static var physical: Int { sysconf(CInt(_SC_PHYS_PAGES)) * sysconf(CInt(_SC_PAGESIZE)) }
}
