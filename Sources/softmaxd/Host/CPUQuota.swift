import Glibc

/// The number of processors that this process may use.
enum CPUQuota {
  /// The processors in the affinity mask, or the control group's quota, rounded up, if that is less.
  static func available() -> Int {
    let online = max(1, affinity() ?? sysconf(CInt(_SC_NPROCESSORS_ONLN)))
    return max(1, min(online, quota() ?? online))
  }

  private static func affinity() -> Int? {
    // In /proc/self/status: "Cpus_allowed:\tff,ffffffff".
    guard let bytes = FileReader.read("/proc/self/status", atMost: 64 * 1024) else { return nil }
    for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") where line.hasPrefix("Cpus_allowed:") {
      let count = line.dropFirst("Cpus_allowed:".count).reduce(0) { $0 + ($1.hexDigitValue ?? 0).nonzeroBitCount }
      return count > 0 ? count : nil
    }
    return nil
  }

  /// The smallest quota of the control groups that this process belongs to.
  private static func quota() -> Int? {
    let groups = FileReader.read("/proc/self/cgroup", atMost: 64 * 1024) ?? []
    let quotas = folders(ofGroups: String(decoding: groups, as: UTF8.self)).compactMap { folder in
      FileReader.read("\(folder)/cpu.max", atMost: 256).flatMap { rounded(String(decoding: $0, as: UTF8.self)) }
    }
    if let least = quotas.min() { return least }
    // Control groups, version 1.
    guard let quota = FileReader.read("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", atMost: 64),
      let period = FileReader.read("/sys/fs/cgroup/cpu/cpu.cfs_period_us", atMost: 64)
    else { return nil }
    return rounded(String(decoding: quota + [0x20] + period, as: UTF8.self))
  }

  /// The folders of the control group that `/proc/self/cgroup` names ("0::/a/b") and of its ancestors. In a container
  /// the own group usually appears as the root; for a systemd service, or with the host's namespace, it does not.
  static func folders(ofGroups text: String) -> [String] {
    let line = text.split(separator: "\n").first { $0.hasPrefix("0::/") }
    var folders = ["/sys/fs/cgroup"]
    for name in (line?.dropFirst("0::/".count) ?? "").split(separator: "/") {
      folders.append("\(folders[folders.count - 1])/\(name)")
    }
    return folders
  }

  /// The processors of a quota such as `150000 100000`, rounded up; nil for `max 100000`, which is none.
  static func rounded(_ text: String) -> Int? {
    let parts = text.split { $0 == " " || $0 == "\n" }
    guard parts.count == 2, let quota = Int(parts[0]), let period = Int(parts[1]), quota > 0, period > 0 else {
      return nil
    }
    return (quota - 1) / period + 1
  }
}
