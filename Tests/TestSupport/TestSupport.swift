internal import CLinux
internal import Dispatch
import Foundation
internal import KernelDispatch
package import VectorKernels

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

/// Calls `body` with each of `0..<count`, on several threads at once.
@Sendable package func onThreads(_ count: Int, _ body: (Int) -> Void) {
  withoutActuallyEscaping(body) { body in
    // Whoever asks for this lets the calls run at once.
    nonisolated(unsafe) let body = body
    DispatchQueue.concurrentPerform(iterations: count) { unsafe body($0) }
  }
}

/// How many random cases a test tries: `usual`, times `SOFTMAXD_CASES` where that is set.
///
/// A debug build, which sanitizers use, computes about a hundred times more slowly: there it is a hundredth, but at
/// least ten.
package func repetitions(_ usual: Int) -> Range<Int> {
  #if DEBUG
    let cases = min(usual, max(10, usual / 100))
  #else
    let cases = usual
  #endif
  return 0..<cases * (environmentNumber("SOFTMAXD_CASES").map(Int.init(clamping:)) ?? 1)
}

/// The seed of the tests whose cases are all drawn from one: `SOFTMAXD_SEED`, or 1.
package var randomSeed: UInt64 { environmentNumber("SOFTMAXD_SEED") ?? 1 }

private func environmentNumber(_ name: String) -> UInt64? {
  ProcessInfo.processInfo.environment[name].flatMap(UInt64.init)
}

/// The kernel levels that this machine can run, so that each is held to the same bits.
package let levelsHere = KernelLevel.allCases.filter { $0 <= KernelLevel(x86_64: Int(clinux_x86_64_level())) }
