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
