/// A small random generator with a seed, so that a failure can be had again (Steele, Lea and Flood, SplitMix64).
struct SplitMix: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
    return z ^ z >> 31
  }

  mutating func int(in range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }

  mutating func double(in range: ClosedRange<Double>) -> Double { Double.random(in: range, using: &self) }

  mutating func bool() -> Bool { Bool.random(using: &self) }
}

/// How often a randomised test repeats: a debug build, which sanitizers use, computes a hundred times more slowly.
func repetitions(_ usual: Int) -> Range<Int> {
  #if DEBUG
    0..<max(1, usual / 100)
  #else
    0..<usual
  #endif
}
