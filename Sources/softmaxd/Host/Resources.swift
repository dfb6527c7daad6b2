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
}

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

/// The process's limit of open descriptors.
enum Descriptors {
  /// The soft limit and the hard one.
  static var limit: rlimit? {
    var limit = rlimit()
    return unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 ? limit : nil
  }

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

  /// How many connections a limit of descriptors leaves room for, beside the server's own and `reserve` connections
  /// beyond the cap.
  static func connectionCap(limit: Int, loops: Int, reserve: Int) -> Int {
    // Each loop's epoll set and eventfd; Dispatch's own, the standard streams, listeners, files in /proc.
    let own = 2 * loops + 32
    return max(1, limit - own - reserve)
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

  /// Writes the whole text. Gives up, without an error, when nobody reads it any more.
  static func write(_ text: String, to descriptor: CInt) {
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
        return
      }
    }
  }
}
