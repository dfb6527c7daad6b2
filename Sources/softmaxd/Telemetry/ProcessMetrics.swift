import Glibc
import HTTPServer

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
    figures.residentBytes = mappedMemory?.resident ?? 0
    figures.descriptorLimit = UInt64(Descriptors.limit?.rlim_cur ?? 0)
    figures.openDescriptors = openDescriptors()
    figures.startMilliseconds = start
    return figures
  }

  /// The address space in use, and what of it is resident, in bytes.
  static var mappedMemory: (mapped: Int, resident: Int)? {
    // proc_pid_statm(5): size, resident, … in pages.
    guard let text = FileReader.text("/proc/self/statm", atMost: 256) else { return nil }
    let pages = text.split(separator: " ").prefix(2).compactMap { Int($0) }
    let size = Int(sysconf(CInt(_SC_PAGESIZE)))
    return pages.count == 2 ? (pages[0] * size, pages[1] * size) : nil
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
    let now = Clock.wall()
    return UInt64(clamping: now.seconds) * 1000 + now.nanoseconds / 1_000_000
  }()
}
