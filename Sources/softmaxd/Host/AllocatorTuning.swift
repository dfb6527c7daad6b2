import CLinux

/// How the C library's allocator is to treat a server's memory.
enum AllocatorTuning {
  static func apply() {
    // A block of megabytes that goes back to the kernel after each request comes again page by page: a softmax of
    // 131,072 took 17 ns a logit for that alone, and 4 with these thresholds. What is kept so goes back when the lane
    // has been idle for a while. Larger blocks, of which one request may need several in turn, go back at once: a body of
    // 64 MiB was seen to hold 4.2 times its size with a threshold above its tensor's 27 MB, and 3 times with this one.
    _ = mallopt(M_MMAP_THRESHOLD, 8 << 20)
    _ = mallopt(M_TRIM_THRESHOLD, 256 << 20)
    // One arena: malloc_trim gives back the top of the main one alone, and of a second 40 MB stayed after a body of
    // 20 MB. Small blocks come from each thread's own cache, so its lock is seldom asked for.
    _ = mallopt(M_ARENA_MAX, 1)
  }
}
