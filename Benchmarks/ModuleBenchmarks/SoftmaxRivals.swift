import Glibc

/// What people write, and what they write when they care.
let rivals: [(name: String, softmax: @Sendable (Span<Double>, inout [Double]) -> Void)] = [
  ("textbook loop", textbookSoftmax), ("scalar double-double", doubleDoubleSoftmax),
]

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

private struct Pair {
  var high: Double
  var low: Double

  init(_ high: Double, _ low: Double) {
    self.high = high + low
    self.low = low - (self.high - high)
  }

  static func + (a: Pair, b: Pair) -> Pair {
    let s = a.high + b.high
    let t = s - a.high
    return Pair(s, (a.high - (s - t)) + (b.high - t) + a.low + b.low)
  }

  static func * (a: Pair, b: Pair) -> Pair {
    let p = a.high * b.high
    return Pair(p, fma(a.high, b.high, -p) + a.high * b.low + a.low * b.high)
  }

  static func / (a: Pair, b: Pair) -> Pair {
    let q = a.high / b.high
    let r = a + Pair(-q, 0) * b
    return Pair(q, r.high / b.high)
  }
}

/// Digits of 1/n! for the series, and e^x = (e^(r/256))^256 · 2^k.
private let reciprocals: [Pair] = (0..<12).reduce(into: [Pair(1, 0)]) { list, n in
  list.append(list[n] / Pair(Double(n + 1), 0))
}

private func exponential(_ x: Pair) -> Pair {
  guard x.high > -700 else { return Pair(0, 0) }
  let k = (x.high * 1.4426950408889634).rounded()
  var r = x + Pair(-k, 0) * Pair(0x1.62e42fefa39efp-1, 0x1.abc9e3b39803fp-56)
  r = Pair(r.high / 256, r.low / 256)
  var sum = Pair(0, 0)
  for n in stride(from: 8, through: 1, by: -1) { sum = (sum + reciprocals[n]) * r }
  // (1 + s)² - 1 = 2s + s², eight times.
  for _ in 0..<8 { sum = sum + sum + sum * sum }
  let power = scalbn(1, Int32(k))
  sum = sum + Pair(1, 0)
  return Pair(sum.high * power, sum.low * power)
}

private func doubleDoubleSoftmax(_ logits: Span<Double>, _ out: inout [Double]) {
  var maximum = -Double.infinity
  for i in 0..<logits.count { maximum = max(maximum, logits[i]) }
  var sum = Pair(0, 0)
  var exponentials: [Pair] = []
  exponentials.reserveCapacity(logits.count)
  for i in 0..<logits.count {
    let d = logits[i] - maximum
    let t = d - logits[i]
    let rest = (logits[i] - (d - t)) + (-maximum - t)
    let e = exponential(Pair(d, rest))
    exponentials.append(e)
    sum = sum + e
  }
  for i in 0..<logits.count { out[i] = (exponentials[i] / sum).high }
}
