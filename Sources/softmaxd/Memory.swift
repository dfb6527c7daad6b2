import CLinux

/// How the C library's allocator is to treat a server's memory.
enum Memory {
  static func configure() {
    // Large bodies and answers come from the kernel and go back to it when they are done. Without a fixed threshold
    // glibc moves it up to the largest block freed so far, and keeps such blocks.
    _ = mallopt(M_MMAP_THRESHOLD, 4 << 20)
    _ = mallopt(M_TRIM_THRESHOLD, 8 << 20)
    // By default each thread may open an arena of its own, and Dispatch's threads come and go.
    _ = mallopt(M_ARENA_MAX, 4)
  }
}
