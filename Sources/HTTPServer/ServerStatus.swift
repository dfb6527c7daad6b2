internal import HTTP
internal import Synchronization

/// The state of a server, as `/readyz` and `/metrics` report it.
public final class ServerStatus: Sendable {
  let budget: MemoryBudget
  let workPool: WorkPool
  private let running = Atomic<Bool>(false)

  public init(_ configuration: ServerConfiguration) {
    budget = MemoryBudget(
      limit: configuration.memoryBytes, longestTransfer: configuration.limits.writeTotal.nanoseconds)
    workPool = WorkPool(workers: configuration.workers, queueLimit: configuration.workQueueLimit)
  }

  /// Whether the server would have new requests sent to it.
  public var isReady: Bool { isRunning && !isShortOfMemory }
  /// Whether the server has started and is not stopping.
  public var isRunning: Bool { running.load(ordering: .relaxed) }
  /// Whether connections and requests hold so much that large requests find no room.
  public var isShortOfMemory: Bool { budget.isExhausted }
  /// Bytes that connections and requests hold, and may hold.
  public var heldBytes: Int { budget.heldBytes }
  public var heldBytesLimit: Int { budget.limit }
  /// Large requests that wait to be computed.
  public var queueLength: Int { workPool.queueLength }

  func set(isRunning: Bool) { running.store(isRunning, ordering: .relaxed) }
}
