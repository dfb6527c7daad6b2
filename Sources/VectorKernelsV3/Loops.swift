#if arch(x86_64)
  public import VectorKernels

  /// The vector loops, compiled with the flags of the module that this file is in: VectorKernelsV3 for x86-64-v3 (AVX2
  /// and FMA), VectorKernelsV4, by a link to this file, for x86-64-v4 (AVX-512).
  public enum Loops: VectorLoops {
    public typealias Multiplier = FusedMultiplier
  }
#endif
