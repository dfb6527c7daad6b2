/// One row's exponentials in some arithmetic, and the sums that all formulas share.
///
/// With d_i = (a_i - m) / T, each e^d_i is written as b_i + x_i: b_i = 1 and x_i = e^d_i - 1 for classes *near* the
/// maximum (d_i >= -1/2), b_i = 0 and x_i = e^d_i for the others. So a sum of exponentials is a whole number and a
/// tail, each known to full relative precision: rows that are almost level cancel in whole numbers, exactly, and not in
/// rounded ones.
struct SoftmaxSums<A: Arithmetic> {
  let row: LogitsRow
  let arithmetic: A
  /// What caps the logits, if anything does.
  private let cap: SoftCap<A>?
  /// Σ b_i: how many classes are near.
  let near: Int
  /// Σ x_i.
  let tail: A.Real
  /// Σ x_i of the near classes.
  let nearTail: A.Real
  /// Σ x_i of the others.
  let farTail: A.Real
  /// S = Σ e^d_i = near + tail.
  let sum: A.Real
  /// R = S - 1: the sum of all but the maximum.
  let others: A.Real
  /// 1 / S.
  let inverse: A.Real
  private var knownLogSum: A.Real?
  /// x_i, [classes]; empty where a row has too many to keep; then each is computed when asked for.
  private let tails: [A.Real]

  /// What a row's exponentials may take in memory.
  private static var mostBytes: Int { 64 << 20 }

  init(_ row: LogitsRow, _ arithmetic: A, _ poll: inout CancellationPoll) throws(ComputationError) {
    self.row = row
    self.arithmetic = arithmetic
    let cap: SoftCap<A>? =
      if let softcap = row.softcap {
        try SoftCap(softcap, maximum: row.maximum, arithmetic, &poll)
      } else {
        nil
      }
    self.cap = cap
    let isKept = row.classes <= Self.mostBytes / (MemoryLayout<A.Real>.stride + arithmetic.bits / 4)
    var tails: [A.Real] = []
    if isKept { tails.reserveCapacity(row.classes) }
    var near = 0
    var nearTail = arithmetic.whole(0)
    var farTail = arithmetic.whole(0)
    for i in 0..<row.classes {
      try poll.spend(arithmetic.costOfExponential)
      let x = try Self.tail(i, of: row, cap: cap, arithmetic, &poll)
      if Self.isNear(row, i) {
        near += 1
        nearTail = nearTail + x
      } else {
        farTail = farTail + x
      }
      if isKept { tails.append(x) }
    }
    let tail = nearTail + farTail
    self.near = near
    self.tail = tail
    self.nearTail = nearTail
    self.farTail = farTail
    self.tails = tails
    others = arithmetic.whole(near - 1) + tail
    sum = arithmetic.whole(near) + tail
    inverse = arithmetic.whole(1) / sum
  }

  /// b_i. Any choice is right, as long as it is the same each time.
  @inline(__always) private static func isNear(_ row: LogitsRow, _ i: Int) -> Bool { row.roughDistance(i) >= -0.5 }

  func isNear(_ i: Int) -> Bool { Self.isNear(row, i) }

  private static func tail(
    _ i: Int, of row: LogitsRow, cap: SoftCap<A>?, _ arithmetic: A, _ poll: inout CancellationPoll
  ) throws(ComputationError) -> A.Real {
    let logit = row.logits[i]
    if logit == -.infinity || logit == row.maximum { return arithmetic.whole(0) }
    if row.isNegligible(i) { return arithmetic.negligible }
    var distance =
      if let cap { try -cap.gap(logit, &poll) } else { arithmetic.exact(logit) - arithmetic.exact(row.maximum) }
    if row.temperature != 1 { distance = distance / arithmetic.exact(row.temperature) }
    return isNear(row, i)
      ? try arithmetic.exponentialLessOne(distance, &poll) : try arithmetic.exponential(distance, &poll)
  }

  /// x_i.
  @inline(__always) func tail(_ i: Int, _ poll: inout CancellationPoll) throws(ComputationError) -> A.Real {
    if !tails.isEmpty { return tails[i] }
    try poll.spend(arithmetic.costOfExponential)
    return try Self.tail(i, of: row, cap: cap, arithmetic, &poll)
  }

  /// e^d_i.
  func exponential(_ i: Int, _ poll: inout CancellationPoll) throws(ComputationError) -> A.Real {
    let x = try tail(i, &poll)
    return isNear(i) ? arithmetic.whole(1) + x : x
  }

  /// Σ_{j≠i} e^d_j. Only the maximum's is not at least half of S.
  func others(than i: Int, _ poll: inout CancellationPoll) throws(ComputationError) -> A.Real {
    i == row.top ? others : sum - (try exponential(i, &poll))
  }

  /// m - a_i, not divided by T, for a class that is not masked; of capped logits if they are.
  func gap(_ i: Int, _ poll: inout CancellationPoll) throws(ComputationError) -> A.Real {
    let logit = row.logits[i]
    guard let cap, logit != row.maximum else { return arithmetic.exact(row.maximum) - arithmetic.exact(logit) }
    return try cap.gap(logit, &poll)
  }

  /// m, likewise.
  func maximum(_ poll: inout CancellationPoll) throws(ComputationError) -> A.Real {
    try cap?.capped(row.maximum, &poll) ?? arithmetic.exact(row.maximum)
  }

  /// A derivative with respect to a capped logit, as one with respect to the logit.
  func throughCap(
    _ derivative: A.Real, _ i: Int, _ poll: inout CancellationPoll
  ) throws(ComputationError) -> A.Real {
    guard let cap, !row.isMasked(i) else { return derivative }
    return derivative * (try cap.slope(row.logits[i], &poll))
  }

  /// x / T.
  func perTemperature(_ x: A.Real) -> A.Real {
    row.temperature == 1 ? x : x / arithmetic.exact(row.temperature)
  }

  /// T x.
  func timesTemperature(_ x: A.Real) -> A.Real {
    row.temperature == 1 ? x : x * arithmetic.exact(row.temperature)
  }

  /// T log S.
  mutating func scaledLogSum(_ poll: inout CancellationPoll) throws(ComputationError) -> A.Real {
    timesTemperature(try logSum(&poll))
  }

  /// log S, computed when first asked for. (A `lazy var` would crash the compiler in a debug build.)
  mutating func logSum(_ poll: inout CancellationPoll) throws(ComputationError) -> A.Real {
    if let knownLogSum { return knownLogSum }
    let value = try arithmetic.logOfOnePlus(others, &poll)
    knownLogSum = value
    return value
  }
}
