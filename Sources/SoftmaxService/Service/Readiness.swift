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
    case .notRunning: "The server is not ready: it is starting or stopping; ask another"
    case .shortOfMemory: "The server is not ready: it has no memory for large requests now; ask another"
    }
  }
}
