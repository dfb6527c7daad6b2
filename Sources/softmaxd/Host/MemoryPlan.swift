import HTTPServer

/// One figure for the whole process, and the bounds that follow from it.
struct MemoryPlan: Equatable {
  /// Less cannot serve: 32 MiB.
  static let least = 32 << 20

  /// What connections and requests may hold: two thirds of what the program itself leaves. The rest is for what
  /// the allocator loses between blocks.
  let shared: Int
  /// The largest body that is taken: a quarter of that.
  let largestBody: Int
  /// Connections at once, which may take a quarter of it while they are idle.
  let connections: Int

  /// - Parameters:
  ///   - total: bytes of the whole process.
  ///   - loops: event loops; each has a buffer and, like each worker, a stack.
  init(total: Int, loops: Int) {
    let program = (16 << 20) + loops * (1 << 20)
    shared = max(8 << 20, (max(total, Self.least) - program) / 3 * 2)
    largestBody = shared / 4
    connections = shared / 4 / ServerConfiguration.bytesPerConnection
  }
}
