import CLinux
import Glibc
import HTTPServer

/// One figure for the whole process, and the bounds that follow from it.
struct MemoryPlan: Equatable {
  /// Less cannot serve: 32 MiB.
  static let least = 32 << 20
  /// What connections and requests share at least, and what the allocator loses beside it: 8 MiB and 4 MiB.
  private static let leastToShare = 12 << 20

  /// What connections and requests may hold: two thirds of what the program itself leaves. The rest is for what
  /// the allocator loses between blocks.
  let shared: Int
  /// The largest body that is taken: a quarter of that.
  let largestBody: Int
  /// Connections at once, which may take a quarter of it while they are idle.
  let connections: Int

  /// - Parameters:
  ///   - total: bytes of the whole process.
  ///   - loops: event loops; each has a buffer, a stack and what work may take without asking.
  init(total: Int, loops: Int) {
    shared = max(Self.leastToShare, total - Self.program(loops: loops)) / 3 * 2
    largestBody = shared / 4
    connections = shared / 4 / ServerConfiguration.bytesPerConnection
  }

  private static func program(loops: Int) -> Int { (16 << 20) + loops * (1 << 20) }

  /// The least with which a server of this many loops can serve.
  static func least(loops: Int) -> Int { max(least, program(loops: loops) + leastToShare) }

  /// So many of `loops` as fit into `total` bytes, at least one.
  static func loops(atMost loops: Int, total: Int) -> Int {
    max(1, min(loops, (total - program(loops: 0) - leastToShare) >> 20))
  }
}

/// How much memory this process may use.
enum MemoryLimit {
  /// The smaller of the control group's limit and what RLIMIT_AS leaves, half of the machine's memory where neither is
  /// set; and how to raise it.
  static func available(loops: Int) -> (bytes: Int, cure: String) {
    let groups = files(ofGroups: ControlGroups.own).compactMap { file in
      FileReader.text(file, atMost: 64).flatMap(bytes)
    }
    let limits = [
      groups.min().map { ($0, "raise the control group's memory limit") },
      addressSpace(loops: loops).map { ($0, "raise RLIMIT_AS (ulimit -v), of which that is left beside stacks") },
    ]
    return limits.compactMap(\.self).min { $0.0 < $1.0 } ?? (physical / 2, "take a machine with more memory")
  }

  /// The files with the limits of the control groups that `/proc/self/cgroup` names and of their ancestors: of version
  /// 2 ("0::/a/b") and version 1 ("4:memory:/a/b").
  static func files(ofGroups text: String) -> [String] {
    ControlGroups.folders(ofGroups: text).map { "\($0)/memory.max" }
      + ControlGroups.folders(ofGroups: text, controller: "memory").map { "\($0)/memory.limit_in_bytes" }
  }

  /// A limit in bytes; nil for `max`, and for the value above an exbibyte by which version 1 means no limit.
  static func bytes(_ text: String) -> Int? {
    guard let bytes = Int(text.split(separator: "\n").first ?? ""), bytes > 0, bytes < 1 << 60 else { return nil }
    return bytes
  }

  /// What RLIMIT_AS leaves for data. It also counts mappings that are not resident, and the threads' stacks.
  private static func addressSpace(loops: Int) -> Int? {
    guard let limit = addressSpaceLimit else { return nil }
    return max(0, limit - mappedButUnused - ServerConfiguration.mostThreads(loops: loops) * stackBytes)
  }

  private static var addressSpaceLimit: Int? {
    guard let limit = rlimit(of: RLIMIT_AS), limit.rlim_cur < 1 << 60 else { return nil }
    return Int(limit.rlim_cur)
  }

  /// A thread's stack where RLIMIT_AS is set: by the system's default of 8 MiB, stacks alone would take all of it.
  /// 128 KiB suffice for the hardest of the requests of `scripts/differential`, and 64 KiB do not.
  private static let stackBytes = 1 << 20

  /// Has the threads that start from here on take no more of RLIMIT_AS than ``available(loops:)`` has counted.
  static func limitStacks() {
    if addressSpaceLimit != nil { clinux_set_stack_bytes(stackBytes) }
  }

  private static var mappedButUnused: Int {
    ProcessMetrics.mappedMemory.map { $0.mapped - $0.resident } ?? 0
  }

  private static var physical: Int { sysconf(CInt(_SC_PHYS_PAGES)) * sysconf(CInt(_SC_PAGESIZE)) }
}

/// How many threads this process may have.
enum ThreadLimit {
  /// The smaller of RLIMIT_NPROC, which binds no root, and what the control groups leave beside their other threads;
  /// nil where neither is set.
  static func available() -> Int? {
    let groups = ControlGroups.own
    let folders = ControlGroups.folders(ofGroups: groups) + ControlGroups.folders(ofGroups: groups, controller: "pids")
    var limits = folders.compactMap { folder -> Int? in
      guard let most = number(in: "\(folder)/pids.max"), let now = number(in: "\(folder)/pids.current") else {
        return nil
      }
      // This process is one of them.
      return most - now + 1
    }
    if getuid() != 0, let limit = rlimit(of: __RLIMIT_NPROC), limit.rlim_cur < 1 << 32 {
      limits.append(Int(limit.rlim_cur))
    }
    return limits.min()
  }

  /// Nil also for `max`.
  private static func number(in file: String) -> Int? {
    FileReader.text(file, atMost: 64).flatMap { Int($0.split(separator: "\n").first ?? "") }
  }
}

/// The number of processors that this process may use.
enum CPUQuota {
  /// The processors in the affinity mask, or the control group's quota, rounded up, if that is less.
  static func available() -> Int {
    let online = max(1, affinity() ?? sysconf(CInt(_SC_NPROCESSORS_ONLN)))
    return max(1, min(online, quota() ?? online))
  }

  private static func affinity() -> Int? {
    // In /proc/self/status: "Cpus_allowed:\tff,ffffffff".
    let status = FileReader.text("/proc/self/status", atMost: 64 * 1024) ?? ""
    for line in status.split(separator: "\n") where line.hasPrefix("Cpus_allowed:") {
      let count = line.dropFirst("Cpus_allowed:".count).reduce(0) { $0 + ($1.hexDigitValue ?? 0).nonzeroBitCount }
      return count > 0 ? count : nil
    }
    return nil
  }

  /// The smallest quota of the control groups that this process belongs to.
  private static func quota() -> Int? {
    let quotas = ControlGroups.folders(ofGroups: ControlGroups.own).compactMap { folder in
      FileReader.text("\(folder)/cpu.max", atMost: 256).flatMap(rounded)
    }
    if let least = quotas.min() { return least }
    // Control groups, version 1.
    guard let quota = FileReader.text("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", atMost: 64),
      let period = FileReader.text("/sys/fs/cgroup/cpu/cpu.cfs_period_us", atMost: 64)
    else { return nil }
    return rounded("\(quota) \(period)")
  }

  /// The processors of a quota such as `150000 100000`, rounded up; nil for `max`, which means no quota.
  static func rounded(_ text: String) -> Int? {
    let parts = text.split { $0 == " " || $0 == "\n" }
    guard parts.count == 2, let quota = Int(parts[0]), let period = Int(parts[1]), quota > 0, period > 0 else {
      return nil
    }
    return (quota - 1) / period + 1
  }
}

/// The control groups that this process belongs to.
enum ControlGroups {
  /// `/proc/self/cgroup`: a line for each hierarchy.
  static var own: String { FileReader.text("/proc/self/cgroup", atMost: 64 * 1024) ?? "" }

  /// The folders of the control group that `/proc/self/cgroup` names and of its ancestors: of version 2 ("0::/a/b"), or
  /// a controller's of version 1 ("4:memory:/a/b"). In a container the own group usually appears as the root; for a
  /// systemd service, or with the host's namespace, it does not.
  static func folders(ofGroups text: String, controller: String = "") -> [String] {
    let line = text.split(separator: "\n").first { $0.contains(":\(controller):/") }
    var folders = [controller.isEmpty ? "/sys/fs/cgroup" : "/sys/fs/cgroup/\(controller)"]
    for name in line?.split(separator: "/").dropFirst() ?? [] {
      folders.append("\(folders[folders.count - 1])/\(name)")
    }
    return folders
  }
}

/// The process's limit of open descriptors.
enum Descriptors {
  /// The soft limit and the hard one.
  static var limit: rlimit? { rlimit(of: RLIMIT_NOFILE) }

  /// Raises the soft limit to the hard one, as far as the system lets it, and returns what holds then.
  static func raiseLimit() -> Int {
    guard var limit else { return 1024 }
    if limit.rlim_cur < limit.rlim_max {
      var raised = limit
      raised.rlim_cur = limit.rlim_max
      if unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 { limit = raised }
    }
    return Int(clamping: limit.rlim_cur)
  }

  /// How many connections a limit of descriptors leaves room for, beside the server's own and `beyondCap` connections
  /// beyond the cap, without which a probe may find no place; less than one where the limit is too low.
  static func connectionCap(limit: Int, loops: Int, addresses: Int, beyondCap: Int) -> Int {
    // Each loop's epoll set and eventfd; each listener's socket and spare; Dispatch's own, the standard streams, files
    // in /proc.
    let own = 2 * loops + 2 * addresses + 30
    return limit - own - beyondCap
  }
}

extension rlimit {
  /// The process's limits of a resource, the soft and the hard one, or nil where the system does not tell.
  ///
  /// `unsafe` for getrlimit, which fills the structure during the call only.
  fileprivate init?(of resource: __rlimit_resource) {
    self.init()
    guard unsafe getrlimit(__rlimit_resource_t(resource.rawValue), &self) == 0 else { return nil }
  }
}
