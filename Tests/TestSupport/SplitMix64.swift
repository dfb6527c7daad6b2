/// A random generator with a seed, the same everywhere, so that a failure can be reproduced (Steele, Lea and Flood,
/// 2014).
package struct SplitMix64: RandomNumberGenerator {
  private var state: UInt64

  package init(_ seed: UInt64) { state = seed }

  package mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  package mutating func int(in range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }

  package mutating func double(in range: ClosedRange<Double>) -> Double { Double.random(in: range, using: &self) }

  package mutating func bool() -> Bool { Bool.random(using: &self) }
}
