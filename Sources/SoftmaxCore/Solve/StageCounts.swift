/// How many outputs each stage was asked for: what the stages cost is known by their shares.
public struct StageCounts: Sendable, Hashable {
  /// Rounded results, argmax and what is known without arithmetic left out.
  public var outputs = 0
  /// Those that the fast stage left open, or was not asked for.
  public var doubleDouble = 0
  /// Those that double-double left open.
  public var big = 0
  /// The most bits that any output needed in the third stage; 0 if none came there.
  public var widest = 0

  public init() {}

  static func + (a: StageCounts, b: StageCounts) -> StageCounts {
    var sum = a
    sum.outputs += b.outputs
    sum.doubleDouble += b.doubleDouble
    sum.big += b.big
    sum.widest = max(a.widest, b.widest)
    return sum
  }
}
