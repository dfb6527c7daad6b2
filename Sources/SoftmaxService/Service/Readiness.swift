import HTTP

/// Whether the process would have new requests sent to it.
public enum Readiness: Sendable {
  case ready
  /// It is starting or stopping.
  case notRunning
  case shortOfMemory

  /// What is wrong, in a sentence; nil when it is ready.
  public var complaint: String? {
    switch self {
    case .ready: nil
    case .notRunning: ProblemType.notReady.example
    case .shortOfMemory: "The server is not ready: it has no memory for large requests now; ask another"
    }
  }
}
