import CLinux
import Glibc
import KernelDispatch
import VectorKernels
import Softmax

/// The mathematics on one core: ns a logit for each level that this processor has, beside a textbook loop, which gets
/// the last digits wrong; then which share of outputs needed what stage.
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
    let softmax = nanoseconds { keep((try? problem.numbers(of: [.probabilities], execution))?[0].count ?? 0) }
    report(n, "softmax", "\(level)", softmax / count)
    let logs = nanoseconds { keep((try? problem.numbers(of: [.logProbabilities], execution))?[0].count ?? 0) }
    report(n, "log-softmax", "\(level)", logs / count)
    let gradient = nanoseconds { keep(slopes(loss, execution)?[1].count ?? 0) }
    report(n, "gradient", "\(level)", gradient / count)
  }
  var out = [Double](repeating: 0, count: n)
  let textbook = nanoseconds {
    for r in 0..<rows {
      textbookSoftmax(logits.span.extracting((r * n)..<((r + 1) * n)), &out)
      keep(Int(out[0]))
    }
  }
  report(n, "softmax", "textbook loop", textbook / count)
}

private func textbookSoftmax(_ logits: Span<Double>, _ out: inout [Double]) {
  var maximum = -Double.infinity
  for i in 0..<logits.count { maximum = max(maximum, logits[i]) }
  var sum = 0.0
  for i in 0..<logits.count {
    out[i] = exp(logits[i] - maximum)
    sum += out[i]
  }
  for i in 0..<logits.count { out[i] /= sum }
}

private func report(_ n: Int, _ what: String, _ how: String, _ time: Double) {
  let figure = "\((time * 100).rounded() / 100) ns/logit"
  print(column("n = \(n)", 14) + column(what, 14) + column(how, 24) + figure)
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
  var time = clock.measure { _ = try? problem.numbers(of: outputs, execution.from(.vector, counting: counter)) }
  report(family.name + ": softmax", counter.total, time / (rows * n))

  // Soft targets that are the softmax itself, rounded: the gradient cancels to its last bits.
  let targets: Target =
    family.isSelfDistilled
    ? .probabilities(Numbers((try? problem.numbers(of: [.probabilities], Execution()))?.first ?? []))
    : .indices((0..<rows).map { $0 * 7 % n })
  guard let loss = try? LossProblem(softmax: problem, target: targets, reduction: .none) else { return }
  counter = StageCounter()
  time = clock.measure { _ = slopes(loss, execution.from(.vector, counting: counter)) }
  report(family.name + ": loss and gradient", counter.total, time / (rows * n))
}

private func report(_ name: String, _ counts: StageCounts, _ time: Duration) {
  func share(_ part: Int) -> String { "\((Double(part) / Double(max(1, counts.outputs)) * 1e6).rounded() / 1e4) %" }
  print(
    column(name, 44) + column("balls: " + share(counts.ball), 24)
      + column("intervals: " + share(counts.interval), 24)
      + column("of \(counts.widestBits) bits at most", 24) + "\(time.components.attoseconds / 1_000_000_000) ns/logit")
}

/// Kinds of rows.
struct LogitFamily: Sendable {
  let name: String
  var isSelfDistilled = false
  let next: @Sendable (inout RandomNumbers, Int) -> Double

  static let random = LogitFamily(name: "random, normal times 3") { numbers, _ in numbers.normal() * 3 }
  static let all = [
    random,
    LogitFamily(name: "confident, gaps of 20 to 745") { numbers, i in
      i == 0 ? 20 + 725 * numbers.uniform() : numbers.normal()
    },
    LogitFamily(name: "wide, ±10,000") { numbers, _ in (numbers.uniform() - 0.5) * 2e4 },
    LogitFamily(name: "offset by 1e15") { numbers, _ in 1e15 + (numbers.normal() * 3).rounded() / 8 },
    LogitFamily(name: "all equal") { _, _ in 0.1 },
    LogitFamily(name: "self-distilled", isSelfDistilled: true) { numbers, _ in numbers.normal() * 3 },
    LogitFamily(name: "near level, 0.1 ± 1e-15") { numbers, _ in 0.1 + numbers.normal() * 1e-15 },
    LogitFamily(name: "near level, self-distilled", isSelfDistilled: true) { numbers, _ in
      0.1 + numbers.normal() * 1e-15
    },
  ]

  /// `rows` rows of `n` logits, always the same ones.
  func logits(_ rows: Int, _ n: Int) -> [Double] {
    var numbers = RandomNumbers()
    return (0..<(rows * n)).map { next(&numbers, $0 % n) }
  }
}
