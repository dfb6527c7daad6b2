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
