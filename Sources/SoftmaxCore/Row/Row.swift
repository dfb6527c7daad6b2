/// One slice's exponentials in some arithmetic, and the sums that all formulas share.
///
/// With d_i = (a_i - m) / T, each e^d_i is written as b_i + x_i: b_i = 1 and x_i = e^d_i - 1 for classes *near* the maximum
/// (d_i >= -1/2), b_i = 0 and x_i = e^d_i for the others. So a sum of exponentials is a whole number and a tail, each known to
/// full relative precision: rows that are almost level cancel in whole numbers, exactly, and not in rounded ones.
struct Row<A: Arithmetic> {
  let slice: Slice
  let arithmetic: A
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
  /// x_i, [classes]; empty where a row has too many to keep, and they are had again when asked for.
  private let tails: [A.Real]

  /// What a row's exponentials may take in memory.
  private static var mostBytes: Int { 64 << 20 }

  init(_ slice: Slice, _ arithmetic: A, _ poll: inout Poll) throws(ComputationError) {
    self.slice = slice
    self.arithmetic = arithmetic
    let isKept = slice.classes <= Self.mostBytes / (MemoryLayout<A.Real>.stride + arithmetic.bits / 4)
    var tails: [A.Real] = []
    if isKept { tails.reserveCapacity(slice.classes) }
    var near = 0
    var nearTail = arithmetic.whole(0)
    var farTail = arithmetic.whole(0)
    for i in 0..<slice.classes {
      try poll.spend(arithmetic.costOfExponential)
      let x = try Self.tail(slice, arithmetic, i, &poll)
      if Self.isNear(slice, i) {
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
  @inline(__always) private static func isNear(_ slice: Slice, _ i: Int) -> Bool { slice.roughDistance(i) >= -0.5 }

  func isNear(_ i: Int) -> Bool { Self.isNear(slice, i) }

  private static func tail(
    _ slice: Slice, _ arithmetic: A, _ i: Int, _ poll: inout Poll
  ) throws(ComputationError) -> A.Real {
    let logit = slice.logits[i]
    if logit == -.infinity || logit == slice.maximum { return arithmetic.whole(0) }
    if slice.isNegligible(i) { return arithmetic.negligible }
    var distance = arithmetic.exact(logit) - arithmetic.exact(slice.maximum)
    if slice.temperature != 1 { distance = distance / arithmetic.exact(slice.temperature) }
    return isNear(slice, i)
      ? try arithmetic.exponentialLessOne(distance, &poll) : try arithmetic.exponential(distance, &poll)
  }

  /// x_i.
  @inline(__always) func tail(_ i: Int, _ poll: inout Poll) throws(ComputationError) -> A.Real {
    if !tails.isEmpty { return tails[i] }
    try poll.spend(arithmetic.costOfExponential)
    return try Self.tail(slice, arithmetic, i, &poll)
  }

  /// e^d_i.
  func exponential(_ i: Int, _ poll: inout Poll) throws(ComputationError) -> A.Real {
    let x = try tail(i, &poll)
    return isNear(i) ? arithmetic.whole(1) + x : x
  }

  /// Σ_{j≠i} e^d_j. Only the maximum's is not at least half of S.
  func others(than i: Int, _ poll: inout Poll) throws(ComputationError) -> A.Real {
    i == slice.top ? others : sum - (try exponential(i, &poll))
  }

  /// m - a_i, not divided by T, for a class that is not masked.
  func gap(_ i: Int) -> A.Real {
    arithmetic.exact(slice.maximum) - arithmetic.exact(slice.logits[i])
  }

  /// x / T.
  func perTemperature(_ x: A.Real) -> A.Real {
    slice.temperature == 1 ? x : x / arithmetic.exact(slice.temperature)
  }

  /// T log S.
  mutating func scaledLogSum(_ poll: inout Poll) throws(ComputationError) -> A.Real {
    let logSum = try logSum(&poll)
    return slice.temperature == 1 ? logSum : logSum * arithmetic.exact(slice.temperature)
  }

  /// log S, computed when first asked for. (A `lazy var` would crash the compiler in a debug build.)
  mutating func logSum(_ poll: inout Poll) throws(ComputationError) -> A.Real {
    if let knownLogSum { return knownLogSum }
    let value = try arithmetic.logOfOnePlus(others, &poll)
    knownLogSum = value
    return value
  }
}
