/// What is kept of a row's exponentials.
enum KeptExponentials {
  /// What they may take in memory.
  static let mostBytes = 4 << 20

  /// What one takes at least.
  static let leastBytes = 64

  /// What those of a row of so many classes take until they are of very many bits; those of more are not kept.
  static func bytes(classes: Int) -> Int { classes <= mostBytes / leastBytes ? leastBytes * classes : 0 }

  /// Those of some logits: many classes may have the same.
  struct Known<Real> {
    private static var most: Int { 64 }

    private var last: (logit: Double, value: Real)?
    private var dear: [Double: Real] = [:]

    subscript(logit: Double) -> Real? {
      if let last, last.logit == logit { return last.value }
      return dear.isEmpty ? nil : dear[logit]
    }

    mutating func add(_ value: Real, of logit: Double, isDear: Bool) {
      last = (logit, value)
      if isDear, dear.count < Self.most { dear[logit] = value }
    }
  }
}

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
    let bytes = max(KeptExponentials.leastBytes, MemoryLayout<A.Real>.stride + arithmetic.bits / 4)
    let isKept = row.classes <= KeptExponentials.mostBytes / bytes
    var tails: [A.Real] = []
    if isKept { tails.reserveCapacity(row.classes) }
    var near = 0
    var nearTail = arithmetic.whole(0)
    var farTail = arithmetic.whole(0)
    var known = KeptExponentials.Known<A.Real>()
    var block: [A.Real?] = []
    for i in 0..<row.classes {
      if i % Self.blockLength == 0 {
        block = arithmetic.tails(of: row, in: i..<min(i + Self.blockLength, row.classes))
      }
      let x: A.Real
      if !block.isEmpty, let tail = block[i % Self.blockLength] {
        try poll.spend(30)
        x = tail
      } else if let same = known[row.logits[i]] {
        try poll.spend(50)
        x = same
      } else {
        try poll.spend(arithmetic.costOfExponential)
        x = try Self.tail(i, of: row, cap: cap, arithmetic, &poll)
        known.add(x, of: row.logits[i], isDear: arithmetic.bits >= 256)
      }
      if row.isNear(i) {
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

  /// How many classes' exponentials are computed together.
  private static var blockLength: Int { 1024 }

  /// Whether b_i is 1.
  func isNear(_ i: Int) -> Bool { row.isNear(i) }

  private static func tail(
    _ i: Int, of row: LogitsRow, cap: SoftCap<A>?, _ arithmetic: A, _ poll: inout CancellationPoll
  ) throws(ComputationError) -> A.Real {
    let logit = row.logits[i]
    if logit == -.infinity || logit == row.maximum { return arithmetic.whole(0) }
    var distance =
      if let cap { try -cap.gap(logit, &poll) } else { arithmetic.exact(logit) - arithmetic.exact(row.maximum) }
    if row.temperature != 1 { distance = distance / arithmetic.exact(row.temperature) }
    if row.isNegligible(i) { return try arithmetic.power(distance, &poll) }
    return row.isNear(i)
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

  /// The gap as an exact part and a tail.
  func splitGap(_ i: Int, _ poll: inout CancellationPoll) throws(ComputationError) -> Split<A> {
    let logit = row.logits[i]
    if let cap, logit != row.maximum, let split = try cap.splitGap(logit, &poll) { return split }
    return Split(exact: try gap(i, &poll), tail: arithmetic.whole(0))
  }

  /// m, likewise.
  func maximum(_ poll: inout CancellationPoll) throws(ComputationError) -> Split<A> {
    try cap?.capped(row.maximum, &poll) ?? Split(exact: arithmetic.exact(row.maximum), tail: arithmetic.whole(0))
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

/// Functions of softmax. Each is written as an exact part and a tail of known sign wherever the exact part may be
/// half-way between two results (docs/numerics.md §4).
extension SoftmaxSums {
  /// p_i = e^d_i / S.
  func probability(_ i: Int, _ poll: inout CancellationPoll) throws(ComputationError) -> A.Real {
    try exponential(i, &poll) * inverse
  }

  /// log p_i = -((m - a_i) + T log S) / T for a class that is not masked: neither term is negative.
  mutating func logProbability(_ i: Int, _ poll: inout CancellationPoll) throws(ComputationError) -> A.Real {
    let gap = try splitGap(i, &poll)
    return -perTemperature(gap.exact + (gap.tail + (try scaledLogSum(&poll))))
  }

  /// log Σ e^(a_i / T) = (m + T log S) / T. Near zero it cancels without limit, and only more bits help.
  mutating func logSumExp(_ poll: inout CancellationPoll) throws(ComputationError) -> A.Real {
    perTemperature(try scaledLogSumExp(&poll).sum)
  }

  /// T log Σ e^(a_i / T).
  mutating func scaledLogSumExp(_ poll: inout CancellationPoll) throws(ComputationError) -> Split<A> {
    let maximum = try maximum(&poll)
    return Split(exact: maximum.exact, tail: maximum.tail + (try scaledLogSum(&poll)))
  }

  /// -Σ p log p = log S + Σ e^d_i (m - a_i) / (T S): no term is negative, where LSE - Σ p z would cancel.
  mutating func entropy(_ poll: inout CancellationPoll) throws(ComputationError) -> A.Real {
    var weighted = arithmetic.whole(0)
    for i in 0..<row.classes where !row.isMasked(i) && row.logits[i] != row.maximum {
      try poll.spend(arithmetic.costOfExponential / 4)
      weighted = weighted + (try exponential(i, &poll) * gap(i, &poll))
    }
    return try logSum(&poll) + perTemperature(weighted * inverse)
  }

  /// J[l][i] = ∂p_l/∂a_i = p_l (1[l=i] - p_i) / T, times the cap's slope at a_i.
  func jacobian(_ l: Int, _ i: Int, _ poll: inout CancellationPoll) throws(ComputationError) -> A.Real {
    try throughCap(l == i ? variance(l, &poll) : -product(l, i, &poll), i, &poll)
  }

  /// p_l p_i / T. Where both classes are near the maximum, with n p_i = 1 + y_i (``excess(_:_:)``), it is
  /// [1 + y_l + y_i (1 + y_l)] / (n² T).
  func product(_ l: Int, _ i: Int, _ poll: inout CancellationPoll) throws(ComputationError) -> A.Real {
    guard near > 1, isNear(l), isNear(i) else {
      return perTemperature(try probability(l, &poll) * probability(i, &poll))
    }
    let one = arithmetic.whole(1)
    guard near > 2 || l == i else {
      // The two near classes' tails 0 and x cancel: with the other classes' sum F it is -F/S (2 - F/S) - (x/S)².
      let far = farTail * inverse
      let x = nearTail * inverse
      return perSquare(one - (far * (arithmetic.whole(2) - far) + x * x))
    }
    let y = try excess(l, &poll)
    return perSquare(one + (y + (try excess(i, &poll)) * (one + y)))
  }

  /// p_l (1 - p_l) / T, near the maximum as [(n - 1) + y (n - 2 - y)] / (n² T), else as e_l Σ_{j≠l} e_j / (S² T).
  private func variance(_ l: Int, _ poll: inout CancellationPoll) throws(ComputationError) -> A.Real {
    guard near > 1, isNear(l) else {
      return perTemperature(try probability(l, &poll) * (try others(than: l, &poll) * inverse))
    }
    let y = try excess(l, &poll)
    return perSquare(arithmetic.whole(near - 1) + y * (arithmetic.whole(near - 2) - y))
  }

  /// y_i = n p_i - 1 = (n x_i - X) / S of a class near the maximum, with n = Σ b and X = Σ x.
  func excess(_ i: Int, _ poll: inout CancellationPoll) throws(ComputationError) -> A.Real {
    (arithmetic.whole(near) * (try tail(i, &poll)) - tail) * inverse
  }

  /// x / (n² T).
  private func perSquare(_ x: A.Real) -> A.Real {
    let square = arithmetic.whole(near * near)
    return x / (row.temperature == 1 ? square : square * arithmetic.exact(row.temperature))
  }
}

/// Steps of the derivation.
extension SoftmaxSums {
  /// ∂L/∂p_l = -1 / p_l = -S / e^d_l.
  func lossByProbability(_ l: Int, _ poll: inout CancellationPoll) throws(ComputationError) -> A.Real {
    -(sum / (try exponential(l, &poll)))
  }

  /// The quotient rule's first term where i = l: p_l / T. Its second term is ``product(_:_:_:)``.
  func quotientFirst(_ l: Int, _ poll: inout CancellationPoll) throws(ComputationError) -> A.Real {
    perTemperature(try probability(l, &poll))
  }

  /// -1 / p_l · J[l][i] = -(1[l=i] - p_i) / T: the chain rule's product and the gradient at once. At l, near the
  /// maximum, it is -[(n - 1) - y] / (n T).
  func lossByLogit(_ l: Int, _ i: Int, _ poll: inout CancellationPoll) throws(ComputationError) -> A.Real {
    guard l == i else { return perTemperature(try probability(i, &poll)) }
    guard near > 1, isNear(l) else { return perTemperature(-(try others(than: l, &poll) * inverse)) }
    return perTemperature((try excess(l, &poll) - arithmetic.whole(near - 1)) / arithmetic.whole(near))
  }
}

/// The loss's Hessian with respect to the logits, times a vector v: U/T² (p_i v_i - p_i Σ p_j v_j).
struct HessianProduct<A: Arithmetic> {
  /// Σ v of the classes near the maximum.
  private let nearSum: A.Real
  /// W = (X_n V_n - n Σ x_j v_j) / S below.
  private let tail: A.Real
  private let vector: [Double]

  /// - Parameter vector: v, [classes].
  init(
    _ vector: [Double], _ sums: SoftmaxSums<A>, _ poll: inout CancellationPoll
  ) throws(ComputationError) {
    let arithmetic = sums.arithmetic
    var nearSum = arithmetic.whole(0)
    for j in vector.indices where sums.isNear(j) { nearSum = nearSum + arithmetic.exact(vector[j]) }
    let near = arithmetic.whole(sums.near)
    var tail = arithmetic.whole(0)
    for j in vector.indices where !sums.row.isMasked(j) {
      try poll.spend(arithmetic.costOfExponential / 4)
      tail = tail + (try sums.tail(j, &poll)) * (nearSum - near * arithmetic.exact(vector[j]))
    }
    self.nearSum = nearSum
    self.tail = tail * sums.inverse
    self.vector = vector
  }

  /// p_i (v_i - Σ p_j v_j), with n = Σ b, V_n = Σ b v and v_i - Σ p_j v_j = [N + W] / n, where N = n v_i - V_n is exact
  /// and W = Σ x_j (V_n - n v_j) / S a tail:
  ///  - far from the maximum, p_i (N + W) / n;
  ///  - near it, with n p_i = 1 + y, [N + W + y (N + W)] / n².
  func callAsFunction(
    _ i: Int, _ sums: SoftmaxSums<A>, _ poll: inout CancellationPoll
  ) throws(ComputationError) -> A.Real {
    let arithmetic = sums.arithmetic
    let near = arithmetic.whole(sums.near)
    let exact = near * arithmetic.exact(vector[i]) - nearSum
    let difference = exact + tail
    guard sums.isNear(i) else { return try sums.probability(i, &poll) * difference / near }
    let y = sums.near == 1 ? -sums.tail * sums.inverse : try sums.excess(i, &poll)
    return (exact + (tail + y * difference)) / (near * near)
  }
}
