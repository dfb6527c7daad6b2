public import VectorKernels

#if arch(x86_64)
  internal import VectorKernelsV3
  internal import VectorKernelsV4
#endif

extension KernelLevel {
  /// The vector loops compiled for the level; those of the baseline where this build has no others.
  public var loops: any VectorLoops.Type {
    #if arch(x86_64)
      switch self {
      case .v4: return VectorKernelsV4.Loops.self
      case .v3: return VectorKernelsV3.Loops.self
      case .baseline: break
      }
    #endif
    return BaselineLoops.self
  }
}
