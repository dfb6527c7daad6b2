/// One row of logits with what every formula needs of it.
struct LogitsRow: Sendable {
  /// `a`, [classes].
  let logits: [Double]
  /// `T`.
  let temperature: Double
  /// c, where the logits are c·tanh(a/c) before they are divided by T.
  let softcap: Double?
  /// The lowest index among the largest logits.
  let top: Int
  /// How many logits are finite.
  let finite: Int
  /// Whether all finite logits are equal, so that softmax is rational by Lindemann and Weierstrass's theorem. (Capped
  /// ones are then equal too, and else different.)
  let isLevel: Bool

  init(_ problem: SoftmaxProblem, number n: Int) {
    self.init(
      problem.layout.row(n, of: problem.logits), temperature: problem.temperature, softcap: problem.softcap)
  }

  init(_ logits: [Double], temperature: Double, softcap: Double? = nil) {
    var top = 0
    var finite = 0
    var least = Double.infinity
    for c in logits.indices {
      let logit = logits[c]
      if logit > logits[top] { top = c }
      if logit > -.infinity {
        finite += 1
        least = min(least, logit)
      }
    }
    self.logits = logits
    self.temperature = temperature
    self.softcap = softcap
    self.top = top
    self.finite = finite
    isLevel = least == logits[top]
  }

  var classes: Int { logits.count }
  var maximum: Double { logits[top] }

  func isMasked(_ i: Int) -> Bool { logits[i] == -.infinity }

  /// Whether e^d_i is so small, less than 2^-1000000, that only its sign ever counts.
  func isNegligible(_ i: Int) -> Bool { roughDistance(i) < -0x1p20 }

  /// d_i = (a_i - m) / T within a few ulps; beyond binary64 it is -∞ or 0.
  @inline(__always) func roughDistance(_ i: Int) -> Double {
    if let softcap { return roughCappedDistance(i, cap: softcap) }
    return roughUncappedDistance(i)
  }

  @inline(__always) func roughUncappedDistance(_ i: Int) -> Double {
    let gap = logits[i] - maximum
    // A gap beyond binary64 need not be a distance beyond it.
    return gap == -.infinity ? (0.5 * logits[i] - 0.5 * maximum) / (0.5 * temperature) : gap / temperature
  }
}
