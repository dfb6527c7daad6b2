/// A real function of one row of logits, whose nearest number is a result.
enum RowValue: Sendable, Hashable {
  /// p_i.
  case probability(Int)
  /// log p_i.
  case logProbability(Int)
  /// log Σ e^(a/T).
  case logSumExp
  /// -Σ p log p.
  case entropy
  /// The lowest index among the largest logits.
  case argmax
  /// The index of a class, itself.
  case index(Int)
  /// ∂p_l/∂a_i.
  case jacobian(Int, Int)
  /// ∂L/∂p_l = -1/p_l: a step of the derivation, as are those below.
  case lossByProbability(Int)
  /// p_l/T.
  case quotientFirst(Int)
  /// p_l p_i/T.
  case quotientSecond(Int, Int)
  /// ∂L/∂a_i = -(1[l=i] - p_i)/T.
  case lossByLogit(Int, Int)
}

extension LogitsRow {
  /// The value where it is known without arithmetic.
  func known(_ value: RowValue) -> Double? {
    switch value {
    case .argmax: Double(top)
    case .index(let i): Double(i)
    case .logProbability(let i): isMasked(i) ? -.infinity : nil
    // 1/p exceeds 2^1000000.
    case .lossByProbability(let l): isNegligible(l) ? -.infinity : nil
    case .probability, .logSumExp, .entropy, .jacobian, .quotientFirst, .quotientSecond, .lossByLogit: nil
    }
  }

  /// Whether the value is known to be irrational, or zero. That no others are is Lindemann and Weierstrass's theorem
  /// (docs/numerics.md §5); of the entropy nothing is proved, and of capped logits that differ it is taken for true.
  func isIrrational(_ value: RowValue) -> Bool {
    switch value {
    case .probability(let i): !isLevel && !isMasked(i)
    case .logProbability: finite > 1
    // tanh of a rational number is irrational, but for 0.
    case .logSumExp: finite > 1 || isCapped(top)
    case .entropy, .argmax, .index: false
    case .jacobian(let l, let i): (!isLevel || isCapped(i)) && !isMasked(l) && !isMasked(i)
    case .quotientSecond(let l, let i), .lossByLogit(let l, let i):
      !isLevel && !isMasked(l) && !isMasked(i)
    case .lossByProbability(let l), .quotientFirst(let l): !isLevel && !isMasked(l)
    }
  }

  /// Whether a cap changes a finite logit.
  func isCapped(_ i: Int) -> Bool { softcap != nil && logits[i] != 0 }

  /// With how many bits a value that is still open is taken for the number it then looks like: the entropy, and all of
  /// capped logits, since nobody has proved that more bits must decide it.
  func mostBits(_ value: RowValue) -> Int? {
    guard softcap == nil else { return mostBitsWithoutTheorem }
    return switch value {
    case .entropy: mostBitsWithoutTheorem
    case .probability, .logProbability, .logSumExp, .argmax, .index, .jacobian, .lossByProbability, .quotientFirst,
      .quotientSecond, .lossByLogit:
      nil
    }
  }
}

extension SoftmaxSums {
  /// The value, enclosed.
  mutating func enclosure(of value: RowValue, _ poll: inout CancellationPoll) throws(ComputationError) -> A.Real {
    switch value {
    case .probability(let i): try probability(i, &poll)
    case .logProbability(let i): try logProbability(i, &poll)
    case .logSumExp: try logSumExp(&poll)
    case .entropy: try entropy(&poll)
    case .argmax: arithmetic.whole(row.top)
    case .index(let i): arithmetic.whole(i)
    case .jacobian(let l, let i): try jacobian(l, i, &poll)
    case .lossByProbability(let l): try lossByProbability(l, &poll)
    case .quotientFirst(let l): try quotientFirst(l, &poll)
    case .quotientSecond(let l, let i): try product(l, i, &poll)
    case .lossByLogit(let l, let i): try lossByLogit(l, i, &poll)
    }
  }
}
