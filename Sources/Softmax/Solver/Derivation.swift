/// The textbook derivation of ∂L/∂a for one row of logits and its target class l, each step's numbers rounded once from
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

extension SoftmaxProblem {
  /// The steps of the textbook derivation for one row and a class of it.
  /// - Throws: ``ComputationError/targetDoesNotFit`` when the logits are not one row, or capped, or the class is none
  ///   of it or masked; ``ComputationError/cancelled``.
  public func derivation(target l: Int, _ execution: Execution) throws(ComputationError) -> Derivation {
    guard layout.batch == 1, softcap == nil, (0..<layout.classes).contains(l), logits[l] > -.infinity else {
      throw .targetDoesNotFit
    }
    let classes = layout.classes
    // [step][class], and what has no class.
    let byClass: [(Int) -> RowValue] = [
      { .probability($0) }, { .quotientSecond(l, $0) }, { .jacobian(l, $0) }, { .lossByLogit(l, $0) },
    ]
    let single: [RowValue] = [.lossByProbability(l), .quotientFirst(l)]
    let values = byClass.flatMap { step in (0..<classes).map(step) } + single
    let numbers = try ConcurrentOutputBuffer.filled(values.count, with: 0.0) { buffer throws(ComputationError) in
      var unresolved = UnresolvedValues(
        values.enumerated().map { UnresolvedValues.Entry(value: $1, position: $0) }, of: LogitsRow(self, number: 0),
        format: format, into: buffer)
      var escalation = StageEscalation(execution, from: .ball)
      try escalation.resolve(&unresolved)
    }
    func step(_ k: Int) -> [Double] { Array(numbers[(k * classes)..<((k + 1) * classes)]) }
    var first = [Double](repeating: 0, count: classes)
    first[l] = numbers[4 * classes + 1]
    return Derivation(
      yHat: step(0), dLdyHatL: numbers[4 * classes], quotientFirst: first, quotientSecond: step(1), dyHatLdA: step(2),
      chainRule: step(3), gradient: step(3))
  }
}
