/// Functions of softmax. Each is written as an exact part and a tail of known sign wherever the exact part may be
/// half-way between two results (docs/numerics.md §4).
extension SoftmaxSums {
  /// p_i = e^d_i / S.
  func probability(_ i: Int, _ poll: inout CancellationPoll) throws(ComputationError) -> A.Real {
    try exponential(i, &poll) * inverse
  }

  /// log p_i = -((m - a_i) + T log S) / T for a class that is not masked: neither term is negative.
  mutating func logProbability(_ i: Int, _ poll: inout CancellationPoll) throws(ComputationError) -> A.Real {
    -perTemperature(try gap(i, &poll) + scaledLogSum(&poll))
  }

  /// log Σ e^(a_i / T) = (m + T log S) / T. Near zero it cancels without limit, and only more bits help.
  mutating func logSumExp(_ poll: inout CancellationPoll) throws(ComputationError) -> A.Real {
    perTemperature(try scaledLogSumExp(&poll))
  }

  /// T log Σ e^(a_i / T).
  mutating func scaledLogSumExp(_ poll: inout CancellationPoll) throws(ComputationError) -> A.Real {
    try maximum(&poll) + scaledLogSum(&poll)
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
