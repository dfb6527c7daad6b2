/// The textbook derivation of ∂L/∂a for one slice of logits and its target class l, each step's numbers rounded once from
/// their exact values, so that ``chainRule`` and ``gradient`` agree to the bit.
public struct Derivation: Sendable, Equatable {
  /// `ŷ = softmax(a / T)`.
  public var yHat: [Double]
  /// `∂L/∂ŷ_l = -1 / ŷ_l`.
  public var dLdyHatL: Double
  /// The quotient rule's first term: `1[l=i] ŷ_l / T`.
  public var quotientFirst: [Double]
  /// The quotient rule's second term: `ŷ_l ŷ_i / T`.
  public var quotientSecond: [Double]
  /// `∂ŷ_l/∂a_i = ŷ_l (1[l=i] - ŷ_i) / T`: the first term less the second.
  public var dyHatLdA: [Double]
  /// `∂L/∂ŷ_l · ∂ŷ_l/∂a_i`, the exact product rounded.
  public var chainRule: [Double]
  /// `∂L/∂a_i = -(1[l=i] - ŷ_i) / T`.
  public var gradient: [Double]
}
