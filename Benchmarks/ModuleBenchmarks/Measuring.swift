/// The least of many short rounds: other load only adds.
func nanoseconds(_ body: () -> Void) -> Double {
  let clock = ContinuousClock()
  var best = Double.infinity
  for _ in 0..<200 {
    let (seconds, attoseconds) = clock.measure(body).components
    best = min(best, Double(seconds) * 1e9 + Double(attoseconds) * 1e-9)
  }
  return best
}

/// Keeps the optimiser from dropping what made `value`.
@inline(never) func keep(_ value: Int) { unsafe kept = unsafe kept &+ value }
nonisolated(unsafe) private var kept = 0
