internal import Synchronization

/// The bytes that large bodies and answers may hold in all, over all connections.
///
/// A large body is charged as it arrives, since an announced length costs its sender nothing, and a large answer until it has
/// been written. An answer is never refused, so what is held can pass the budget by one answer for each thread of the lane and
/// each loop; then no further request with a body is begun until there is room again.
final class BodyBudget: Sendable {
  /// Bodies of fewer bytes are not charged.
  static let smallest = 32 * 1024
  /// What a body takes at a time.
  static let step = 256 * 1024

  private let held = Atomic<Int>(0)
  private let limit: Int

  init(limit: Int) { self.limit = limit }

  /// Takes `bytes` if there is room for them.
  func take(_ bytes: Int) -> Bool {
    let before = held.add(bytes, ordering: .relaxed).oldValue
    if before <= limit - min(bytes, limit), bytes <= limit { return true }
    release(bytes)
    return false
  }

  /// Whether there would be room for `bytes` more.
  func hasRoom(for bytes: Int) -> Bool { bytes <= limit && heldBytes <= limit - bytes }

  /// Whether others hold all of it, `own` bytes being the asker's.
  func isFull(without own: Int) -> Bool { heldBytes - own >= limit }

  /// Takes `bytes` whether there is room or not.
  func takeAnyway(_ bytes: Int) { held.add(bytes, ordering: .relaxed) }

  func release(_ bytes: Int) { held.subtract(bytes, ordering: .relaxed) }

  var heldBytes: Int { held.load(ordering: .relaxed) }
}
