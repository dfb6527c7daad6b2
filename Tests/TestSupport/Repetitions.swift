import Foundation

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
