public import Kernels

#if arch(x86_64)
  internal import KernelsV3
  internal import KernelsV4
#endif

extension KernelLevel {
  /// The vector loops compiled for the level; those of the baseline where this build has no others.
  public var loops: any VectorLoops.Type {
    #if arch(x86_64)
      switch self {
      case .v4: return KernelsV4.Loops.self
      case .v3: return KernelsV3.Loops.self
      case .baseline: break
      }
    #endif
    return BaselineLoops.self
  }
}
