internal import Synchronization

/// Counts the server's connections and bounds their number.
final class ConnectionLimiter: Sendable {
  enum Admission {
    case normal
    /// Beyond the cap: unless a place can be made, only routes that say so are answered.
    case reserve
    case refused
  }

  private let open = Atomic<Int>(0)
  private let cap: Int
  private let reserve: Int

  init(cap: Int, reserve: Int) {
    self.cap = cap
    self.reserve = reserve
  }

  /// Counts a connection unless it is refused.
  func admit() -> Admission {
    let others = open.add(1, ordering: .relaxed).oldValue
    if others < cap { return .normal }
    if others < cap + reserve { return .reserve }
    release()
    return .refused
  }

  func release() { open.subtract(1, ordering: .relaxed) }

  var count: Int { open.load(ordering: .relaxed) }

  /// Whether more connections than the cap are open.
  var isBeyondCap: Bool { count > cap }

  /// Whether the next connection would be refused.
  var isFull: Bool { count >= cap + reserve }
}
