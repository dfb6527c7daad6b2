import CLinux

/// Settings of the C library's allocator that suit a server.
enum AllocatorTuning {
  static func apply() {
    // A block of some megabytes that is returned to the kernel after each request costs page faults at the next one: 17
    // ns a logit for a softmax of 131,072, and 4 ns with these thresholds. The memory kept is returned once no large
    // request has come for a while. Larger blocks, several of which one request may use in turn, are returned at once:
    // with a threshold above its tensor's 27 MB, a body of 64 MiB held 4.2 times its size, and 3 times with this one.
    _ = mallopt(M_MMAP_THRESHOLD, 8 << 20)
    _ = mallopt(M_TRIM_THRESHOLD, 256 << 20)
    // One arena: malloc_trim returns only the top of the main arena, and 40 MB stayed in a second one after a body of
    // 20 MB. Small blocks come from each thread's own cache, so the arena's lock is rarely taken.
    _ = mallopt(M_ARENA_MAX, 1)
  }
}
