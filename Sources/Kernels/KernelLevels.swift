/// Which vector loops serve a text of numbers, by its length.
///
/// Intel's processors before Ice Lake lower their clock when they meet 512-bit arithmetic and keep it low for a while, for
/// all that runs on the core, the kernel's sockets too. A thousand numbers are done sooner nonetheless; of ten, requests took
/// a tenth more of the processor than with vectors of half the width.
public struct KernelLevels: Sendable {
  private let short: KernelLevel
  private let long: KernelLevel

  /// From so many bytes on a text is long.
  private static let longText = 16 * 1024

  /// - Parameters:
  ///   - highest: what the processor has.
  ///   - slowsDown: whether its widest vectors lower its clock.
  public init(_ highest: KernelLevel = .baseline, slowsDown: Bool = false) {
    short = slowsDown ? min(highest, .v3) : highest
    long = highest
  }

  /// The level for a text of so many bytes.
  public func level(forText bytes: Int) -> KernelLevel { bytes < Self.longText ? short : long }
}
