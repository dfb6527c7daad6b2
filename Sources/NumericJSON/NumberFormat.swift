/// How a number is written.
public enum NumberFormat: Sendable, Hashable {
  /// The shortest decimal that reads back to the same binary64, and among the shortest the closest.
  case binary64
  /// The same for the binary32 that the `Double` holds exactly.
  case binary32
}

/// Runs `body` for each of 0..<count, perhaps at the same time, and returns when all are done.
public typealias Parallel = @Sendable (_ count: Int, _ body: (Int) -> Void) -> Void
