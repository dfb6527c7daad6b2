/// The instruction sets that the vector loops were compiled for.
public enum KernelLevel: Int, Sendable, Hashable, CaseIterable, Comparable {
  /// What every processor of the architecture has (NEON on arm64, SSE2 on x86-64).
  case baseline
  /// x86-64-v3: AVX2 and FMA.
  case v3
  /// x86-64-v4: AVX-512.
  case v4

  /// The highest level that a processor of an x86-64 microarchitecture level has; other architectures have 0.
  public init(x86_64 level: Int) { self = level >= 4 ? .v4 : level == 3 ? .v3 : .baseline }

  public static func < (a: KernelLevel, b: KernelLevel) -> Bool { a.rawValue < b.rawValue }
}
