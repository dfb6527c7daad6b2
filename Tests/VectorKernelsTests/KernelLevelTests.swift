import VectorKernels
import Testing

/// Which vector loops a request is served with.
struct KernelLevelTests {
  @Test("The widest vectors serve every text where they cost nothing", arguments: KernelLevel.allCases)
  func theWidest(_ level: KernelLevel) {
    for bytes in [0, 200, 1 << 14, 1 << 26] { #expect(KernelLevelPolicy(level).level(forText: bytes) == level) }
  }

  @Test("Where they lower the clock, they serve long texts alone")
  func slowingDown() {
    let levels = KernelLevelPolicy(.v4, slowsDown: true)
    #expect(levels.level(forText: 200) == .v3 && levels.level(forText: (1 << 14) - 1) == .v3)
    #expect(levels.level(forText: 1 << 14) == .v4 && levels.level(forText: 1 << 26) == .v4)
    #expect(KernelLevelPolicy(.baseline, slowsDown: true).level(forText: 200) == .baseline)
  }
}
