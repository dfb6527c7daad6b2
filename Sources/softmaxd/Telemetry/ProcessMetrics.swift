import Glibc

/// What the system knows of this process.
struct ProcessMetrics {
  var cpuMicroseconds: UInt64 = 0
  var residentBytes = 0
  var descriptorLimit: UInt64 = 0
  var openDescriptors = 0
  /// Since 1970.
  var startMilliseconds: UInt64 = 0

  static func read() -> ProcessMetrics {
    var figures = ProcessMetrics()
    var usage = rusage()
    if unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 {
      figures.cpuMicroseconds =
        UInt64(clamping: usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1_000_000
        + UInt64(clamping: usage.ru_utime.tv_usec + usage.ru_stime.tv_usec)
    }
    // proc_pid_statm(5): size, resident, … in pages.
    if let bytes = FileReader.read("/proc/self/statm", atMost: 256) {
      let parts = String(decoding: bytes, as: UTF8.self).split(separator: " ")
      if parts.count > 1 { figures.residentBytes = (Int(parts[1]) ?? 0) * Int(sysconf(CInt(_SC_PAGESIZE))) }
    }
    var limit = rlimit()
    if unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
      figures.descriptorLimit = UInt64(limit.rlim_cur)
    }
    figures.openDescriptors = openDescriptors()
    figures.startMilliseconds = start
    return figures
  }

  /// How many entries /proc/self/fd has. Linux tells it as the folder's size since 6.2; before that they are counted.
  private static func openDescriptors() -> Int {
    var status = stat()
    if unsafe stat("/proc/self/fd", &status) == 0, status.st_size > 0 { return Int(status.st_size) }
    guard let folder = unsafe opendir("/proc/self/fd") else { return 0 }
    defer { _ = unsafe closedir(folder) }
    var count = 0
    while unsafe readdir(folder) != nil { count += 1 }
    // Without ".", ".." and the folder's own.
    return max(0, count - 3)
  }

  /// Takes now for the time of the start.
  static func noteStart() { _ = start }

  private static let start: UInt64 = {
    var now = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &now)
    return UInt64(clamping: now.tv_sec) * 1000 + UInt64(clamping: now.tv_nsec / 1_000_000)
  }()
}
