import Glibc

/// How much memory this process may use.
///
/// `unsafe` for getrlimit, which fills a structure during the call only.
enum MemoryLimit {
  /// The smaller of the control group's limit and RLIMIT_AS; half of the machine's memory where neither is set.
  static func available(loops: Int) -> Int {
    let groups = FileReader.read("/proc/self/cgroup", atMost: 64 * 1024) ?? []
    let limits = files(ofGroups: String(decoding: groups, as: UTF8.self)).compactMap { file in
      FileReader.read(file, atMost: 64).flatMap { bytes(String(decoding: $0, as: UTF8.self)) }
    }
    return (limits + [addressSpace(loops: loops)].compactMap { $0 }).min() ?? physical / 2
  }

  /// The files with the limits of the control groups that `/proc/self/cgroup` names and of their ancestors: of version
  /// 2 ("0::/a/b") and version 1 ("4:memory:/a/b").
  static func files(ofGroups text: String) -> [String] {
    var files = CPUQuota.folders(ofGroups: text).map { "\($0)/memory.max" }
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
    // proc_pid_statm(5): size, resident, … in pages.
    guard let bytes = FileReader.read("/proc/self/statm", atMost: 256) else { return 0 }
    let pages = String(decoding: bytes, as: UTF8.self).split(separator: " ").prefix(2).compactMap { Int($0) }
    return pages.count == 2 ? (pages[0] - pages[1]) * Int(sysconf(CInt(_SC_PAGESIZE))) : 0
  }

  private static var physical: Int { sysconf(CInt(_SC_PHYS_PAGES)) * sysconf(CInt(_SC_PAGESIZE)) }
}
