/// A place in a loop's table, with the generation that has it: an event or answer for an earlier one finds nobody.
struct Token: Hashable, Sendable {
  let slot: Int
  let generation: UInt32

  var rawValue: UInt64 { UInt64(generation) << 32 | UInt64(UInt32(truncatingIfNeeded: slot)) }

  init(slot: Int, generation: UInt32) {
    self.slot = slot
    self.generation = generation
  }

  init(rawValue: UInt64) {
    slot = Int(rawValue & 0xFFFF_FFFF)
    generation = UInt32(rawValue >> 32)
  }
}

/// A loop's connections by place. Places are used again; each has its entry in the timer wheel, which outlives the
/// connection that made it.
struct ConnectionTable {
  private struct Slot {
    var connection: Connection?
    var generation: UInt32 = 0
    /// The wheel's step in which this place comes up next.
    var step = UInt64.max
  }

  private var slots: [Slot] = []
  private var free: [Int] = []
  private(set) var count = 0

  subscript(token: Token) -> Connection? {
    guard token.slot < slots.count, slots[token.slot].generation == token.generation else { return nil }
    return slots[token.slot].connection
  }

  subscript(slot: Int) -> Connection? { slots[slot].connection }

  /// The token for the next connection.
  mutating func reserve() -> Token {
    if let slot = free.popLast() { return Token(slot: slot, generation: slots[slot].generation) }
    slots.append(Slot())
    return Token(slot: slots.count - 1, generation: 0)
  }

  mutating func insert(_ connection: Connection) {
    slots[connection.token.slot].connection = connection
    count += 1
  }

  mutating func remove(_ token: Token) {
    guard self[token] != nil else { return }
    slots[token.slot].connection = nil
    slots[token.slot].generation &+= 1
    free.append(token.slot)
    count -= 1
  }

  /// Gives back a token that came to nothing.
  mutating func cancel(_ token: Token) { free.append(token.slot) }

  func step(of slot: Int) -> UInt64 { slots[slot].step }
  mutating func setStep(_ step: UInt64, of slot: Int) { slots[slot].step = step }

  /// Each connection that is open now.
  var all: [Connection] { slots.compactMap(\.connection) }
}
