/// What makes numbers no problem of softmax or of its loss. Positions count in the row-major tensor at fault.
public enum ProblemError: Error, Sendable, Hashable {
  /// The logits are not as many as the layout says.
  case logitsCount(expected: Int, found: Int)
  /// A logit is NaN or +Infinity.
  case logitNotFinite(position: Int)
  /// Every logit of a row is -Infinity.
  case everyClassMasked(row: Int)
  /// The temperature is not finite and positive.
  case temperature
  /// The soft cap is not finite and positive.
  case softcap
  /// The target is not of the batch shape (indices) or of the logits' shape (probabilities).
  case targetCount(expected: Int, found: Int)
  /// A class index is neither in `0..<classes` nor `ignoreIndex`.
  case targetOutOfRange(row: Int)
  /// A target probability is negative or not finite.
  case targetProbability(position: Int)
  /// A teacher's logit is NaN or +Infinity.
  case targetLogit(position: Int)
  /// Every logit of a teacher's row is -Infinity.
  case everyTargetClassMasked(row: Int)
  /// A given probability is not in [0, 1].
  case probability(position: Int)
  /// Given probabilities have no temperature, soft cap, z-loss, focal loss and teacher's logits.
  case optionOfSoftmax
  /// There is not one weight for each class.
  case weightCount(expected: Int, found: Int)
  /// A class weight is negative or not finite.
  case weight(class: Int)
  /// There is not one sample weight for each row.
  case sampleWeightCount(expected: Int, found: Int)
  /// A sample weight is negative or not finite.
  case sampleWeight(row: Int)
  /// ε is not in [0, 1].
  case labelSmoothing
  /// λ of the z-loss is negative or not finite.
  case zLoss
  /// γ of the focal loss is negative or not finite.
  case focalGamma
  /// γ > 0 with a target of probabilities, or with ε > 0: the focal loss is that of a single class.
  case focalWithoutSingleClass
  /// The divisor is not finite and positive.
  case divisor
  /// `ignoreIndex` is a class, but the target holds probabilities.
  case ignoreIndexWithProbabilities
  /// "mean" would divide by D = Σ s_n w[y_n] (indices) or Σ s_n (probabilities), which is exactly zero.
  case zeroNormaliser
}
