internal import CLinux
internal import Glibc

/// How memory is taken from the kernel, whose pages cost time when they are first touched: it clears them.
public enum Allocation {
  /// Larger blocks come from the kernel each on its own, and go back at once: the highest threshold that glibc accepts.
  @inlinable static var leastLargeBytes: Int { 32 << 20 }

  /// Has the C library's allocator keep what requests use in turn. For the whole process, before it serves.
  public static func keepMemoryWhileBusy() {
    // With glibc's own thresholds, or 8 MiB, a softmax of 1,000,000 took 61 ns a logit, and takes 24. The memory kept
    // is returned once no large request has come for a while. Without any threshold (M_MMAP_MAX 0) larger tensors take
    // a fifth less, but a body of 64 MiB of text then holds twice as much at its peak: what is let go leaves holes.
    _ = mallopt(M_MMAP_THRESHOLD, CInt(leastLargeBytes))
    _ = mallopt(M_TRIM_THRESHOLD, 256 << 20)
    // One arena: malloc_trim returns only the top of the main arena, and 40 MB stayed in a second one after a body of
    // 20 MB. Small blocks come from each thread's own cache, so the arena's lock is rarely taken.
    _ = mallopt(M_ARENA_MAX, 1)
  }
}

extension Allocation {
  /// Asks for pages of 2 MiB in an array's own block. A kernel that gives them to those who ask clears 64 MiB of them
  /// in a third of the time that 16,384 pages of 4 KiB take; another one refuses, which changes nothing.
  ///
  /// `unsafe` for madvise, which changes no memory.
  @usableFromInline
  static func askForLargePages(_ block: UnsafeMutableRawBufferPointer) {
    guard let start = block.baseAddress else { return }
    // Whole pages within the block.
    let page = Int(sysconf(CInt(_SC_PAGESIZE)))
    let offset = (page - Int(bitPattern: start) % page) % page
    _ = unsafe madvise(start + offset, (block.count - offset) / page * page, MADV_HUGEPAGE)
  }
}

// Inlinable, so that they are compiled for each type of element where they are used.
extension Array where Element: BitwiseCopyable {
  /// So many equal elements, in large pages if that is much.
  @inlinable
  public init(repeating element: Element, largeCount count: Int) {
    self.init()
    reserveLargeCapacity(count)
    append(addingCapacity: count) { output in output.append(repeating: element, count: count) }
  }

  /// So many elements of no value, to be written before they are read.
  @inlinable
  public init(uninitializedLargeCount count: Int) {
    self.init()
    reserveLargeCapacity(count)
    append(addingCapacity: count) { output in
      // Any bits are a value of such a type.
      unsafe output.withUnsafeMutableBufferPointer { _, filled in filled = count }
    }
  }

  /// Makes room for this many elements, as `reserveCapacity` does, in large pages if that is much.
  @inlinable
  public mutating func reserveLargeCapacity(_ count: Int) {
    guard count > capacity else { return }
    var larger: [Element] = []
    larger.reserveCapacity(count)
    larger.askForLargePages()
    // Only now: what is copied into small pages keeps them.
    if !isEmpty { larger.append(contentsOf: self) }
    self = larger
  }

  @inlinable
  mutating func askForLargePages() {
    let bytes = capacity * MemoryLayout<Element>.stride
    guard bytes >= Allocation.leastLargeBytes else { return }
    unsafe withUnsafeMutableBytes { elements in
      // The block goes on beyond the elements, as far as its capacity.
      unsafe Allocation.askForLargePages(UnsafeMutableRawBufferPointer(start: elements.baseAddress, count: bytes))
    }
  }
}
