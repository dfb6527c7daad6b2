import Glibc

/// The least of many short rounds, or of those that half a second has time for: other load only adds.
func nanoseconds(_ body: () -> Void) -> Double {
  let clock = ContinuousClock()
  let end = clock.now.advanced(by: .milliseconds(500))
  var best = Double.infinity
  for _ in 0..<200 {
    let (seconds, attoseconds) = clock.measure(body).components
    best = min(best, Double(seconds) * 1e9 + Double(attoseconds) * 1e-9)
    if clock.now > end { break }
  }
  return best
}

/// Keeps the optimiser from dropping what made `value`.
@inline(never) func keep(_ value: Int) { unsafe kept = unsafe kept &+ value }
nonisolated(unsafe) private var kept = 0

/// Numbers as if drawn, always the same ones (Marsaglia's xorshift).
struct RandomNumbers {
  private var state: UInt64 = 88_172_645_463_325_252

  mutating func bits() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }

  /// From 0 to 1.
  mutating func uniform() -> Double { Double(bits() >> 11) * 0x1p-53 }

  mutating func normal() -> Double { (-2 * log(uniform())).squareRoot() * cos(2 * .pi * uniform()) }
}

/// The text, and spaces up to the width, one at the least.
func column(_ text: String, _ width: Int) -> String {
  text + String(repeating: " ", count: max(1, width - text.count))
}
