public import VectorKernels

#if arch(x86_64)
  internal import VectorKernelsV3
  internal import VectorKernelsV4
#endif

extension KernelLevel: CaseIterable {
  #if arch(x86_64)
    /// x86-64-v3: AVX2 and FMA.
    public static let v3 = KernelLevel(3, VectorKernelsV3.Loops.self)
    /// x86-64-v4: AVX-512.
    public static let v4 = KernelLevel(4, VectorKernelsV4.Loops.self)
  #else
    /// The baseline, the only level that this build has.
    public static let v3 = baseline
    /// The baseline, the only level that this build has.
    public static let v4 = baseline
  #endif

  /// All that this build has, the lowest first.
  public static let allCases: [KernelLevel] = v3 == baseline ? [baseline] : [baseline, v3, v4]

  /// The highest level that a processor of an x86-64 microarchitecture level has; other architectures have 0.
  public init(x86_64 level: Int) { self = level >= 4 ? .v4 : level == 3 ? .v3 : .baseline }
}

extension KernelLevelPolicy {
  /// The highest level for all texts; for short ones none beyond AVX2 where the widest vectors lower the clock.
  ///
  /// Intel processors before Ice Lake lower their clock when they meet 512-bit arithmetic and keep it low for a while,
  /// for everything on that core, the kernel's network code included. A thousand numbers are still done sooner. With
  /// ten, a request took a tenth more CPU time than with vectors of half the width.
  ///
  /// - Parameters:
  ///   - highest: the highest level that the processor has.
  ///   - slowsDown: whether the widest vectors lower the processor's clock.
  public init(_ highest: KernelLevel, slowsDown: Bool = false) {
    self.init(short: slowsDown ? min(highest, .v3) : highest, long: highest)
  }
}
