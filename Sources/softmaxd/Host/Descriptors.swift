import Glibc

/// The process's limit of open descriptors.
enum Descriptors {
  /// Raises the soft limit to the hard one, as far as the system lets it, and returns what holds then.
  static func raiseLimit() -> Int {
    var limit = rlimit()
    guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
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
