import CLinux
import Glibc
import VectorKernels
import Softmax

/// The mathematics on one core: ns a logit for each level that this processor has, beside a textbook loop, which gets
/// the last digits wrong, and a scalar double-double, which mostly gets them right; then which share of outputs needed
/// what stage.
func benchmarkSoftmax() {
  for n in [2, 10, 30, 100, 1000, 131_072] { benchmarkRows(of: n) }
  for family in LogitFamily.all { reportStages(family) }
}

/// The levels that this processor has.
let levelsHere = KernelLevel.allCases.filter { $0 <= KernelLevel(x86_64: Int(clinux_x86_64_level())) }

private func benchmarkRows(of n: Int) {
  let rows = 131_072 / n
  let logits = LogitFamily.random.logits(rows, n)
  let layout = Layout(shape: [rows, n], axis: 1)
  let count = Double(rows * n)
  guard let problem = try? SoftmaxProblem(logits: logits, layout: layout),
    let loss = try? LossProblem(
      softmax: problem, target: .indices((0..<rows).map { $0 * 7 % n }), reduction: .none)
  else { return print("no problem") }
  for level in levelsHere {
    let execution = Execution(level: level)
    let softmax = nanoseconds { keep((try? problem.solve([.probabilities], execution))?.probabilities?.count ?? 0) }
    report(n, "softmax", level, softmax / count)
    let logs = nanoseconds { keep((try? problem.solve([.logProbabilities], execution))?.logProbabilities?.count ?? 0) }
    report(n, "log-softmax", level, logs / count)
    let slopes = nanoseconds {
      keep((try? loss.lossAndGradient(upstream: nil, loss: true, gradient: true, execution))?.gradient?.count ?? 0)
    }
    report(n, "gradient", level, slopes / count)
  }
  var out = [Double](repeating: 0, count: n)
  for rival in rivals {
    let time = nanoseconds {
      for r in 0..<rows {
        rival.softmax(logits.span.extracting((r * n)..<((r + 1) * n)), &out)
        keep(Int(out[0]))
      }
    }
    report(n, "softmax", nil, time / count, rival.name)
  }
}

private func report(_ n: Int, _ what: String, _ level: KernelLevel?, _ time: Double, _ name: String = "") {
  let figure = "\((time * 100).rounded() / 100) ns/logit"
  print(column("n = \(n)", 14) + column(what, 14) + column(level.map { "\($0)" } ?? name, 24) + figure)
}

private func reportStages(_ family: LogitFamily) {
  let rows = 1000
  let n = 100
  let logits = family.logits(rows, n)
  var counter = StageCounter()
  guard let problem = try? SoftmaxProblem(logits: logits, layout: Layout(shape: [rows, n], axis: 1)) else { return }
  let outputs: ShortList<SoftmaxOutput> = [.probabilities, .logProbabilities, .logSumExp, .entropy]
  let execution = Execution(level: levelsHere.last ?? .baseline)
  let clock = ContinuousClock()
  var time = clock.measure { _ = try? problem.solve(outputs, execution, from: .vector, counting: counter) }
  report(family.name + ": softmax", counter.total, time / (rows * n))

  // Soft targets that are the softmax itself, rounded: the gradient cancels to its last bits.
  let targets: Target =
    family.isSelfDistilled
    ? .probabilities(Numbers((try? problem.solve([.probabilities], Execution()))?.probabilities ?? []))
    : .indices((0..<rows).map { $0 * 7 % n })
  guard let loss = try? LossProblem(softmax: problem, target: targets, reduction: .none) else { return }
  counter = StageCounter()
  time = clock.measure {
    _ = try? loss.lossAndGradient(
      upstream: nil, loss: true, gradient: true, execution, from: .vector, counting: counter)
  }
  report(family.name + ": loss and gradient", counter.total, time / (rows * n))
}

private func report(_ name: String, _ counts: StageCounts, _ time: Duration) {
  func share(_ part: Int) -> String { "\((Double(part) / Double(max(1, counts.outputs)) * 1e6).rounded() / 1e4) %" }
  print(
    column(name, 44) + column("stage 2: " + share(counts.ball), 24)
      + column("stage 3: " + share(counts.interval), 24)
      + column("widestBits \(counts.widestBits) bits", 20) + "\(time.components.attoseconds / 1_000_000_000) ns/logit")
}

private func column(_ text: String, _ width: Int) -> String {
  text + String(repeating: " ", count: max(1, width - text.count))
}

/// Kinds of rows.
struct LogitFamily: Sendable {
  let name: String
  var isSelfDistilled = false
  let next: @Sendable (inout UInt64, Int) -> Double

  static let random = LogitFamily(name: "random, normal times 3") { state, _ in normal(&state) * 3 }
  static let all = [
    random,
    LogitFamily(name: "confident, gaps of 20 to 745") { state, i in i == 0 ? 20 + 725 * uniform(&state) : normal(&state)
    },
    LogitFamily(name: "wide, ±10,000") { state, _ in (uniform(&state) - 0.5) * 2e4 },
    LogitFamily(name: "offset by 1e15") { state, _ in 1e15 + (normal(&state) * 3).rounded() / 8 },
    LogitFamily(name: "all equal") { _, _ in 0.1 },
    LogitFamily(name: "self-distilled", isSelfDistilled: true) { state, _ in normal(&state) * 3 },
    LogitFamily(name: "near level, 0.1 ± 1e-15") { state, _ in 0.1 + normal(&state) * 1e-15 },
    LogitFamily(name: "near level, self-distilled", isSelfDistilled: true) { state, _ in 0.1 + normal(&state) * 1e-15 },
  ]

  /// `rows` rows of `n` logits, always the same ones.
  func logits(_ rows: Int, _ n: Int) -> [Double] {
    var state: UInt64 = 88_172_645_463_325_252
    return (0..<(rows * n)).map { next(&state, $0 % n) }
  }

  private static func uniform(_ state: inout UInt64) -> Double {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return Double(state >> 11) * 0x1p-53
  }

  private static func normal(_ state: inout UInt64) -> Double {
    (-2 * log(uniform(&state))).squareRoot() * cos(2 * .pi * uniform(&state))
  }
}
