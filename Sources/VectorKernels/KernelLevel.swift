/// The instruction sets that the vector loops are compiled for.
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

/// Which level serves a text of numbers, by its length.
///
/// Intel processors before Ice Lake lower their clock when they meet 512-bit arithmetic and keep it low for a while,
/// for everything on that core, the kernel's network code included. A thousand numbers are still done sooner. With ten,
/// a request took a tenth more CPU time than with vectors of half the width.
public struct KernelLevelPolicy: Sendable {
  private let short: KernelLevel
  private let long: KernelLevel

  /// Texts of this many bytes and more are long.
  private static let longText = 16 * 1024

  /// - Parameters:
  ///   - highest: the highest level that the processor has.
  ///   - slowsDown: whether the widest vectors lower the processor's clock.
  public init(_ highest: KernelLevel = .baseline, slowsDown: Bool = false) {
    short = slowsDown ? min(highest, .v3) : highest
    long = highest
  }

  /// The level for a text of this many bytes.
  public func level(forText bytes: Int) -> KernelLevel { bytes < Self.longText ? short : long }
}
