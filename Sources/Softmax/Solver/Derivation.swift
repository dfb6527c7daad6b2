internal import VectorKernels

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
  public func derivation(
    target l: Int, _ execution: Execution, from stage: Stage = .vector, counting counter: StageCounter? = nil
  ) throws(ComputationError) -> Derivation {
    guard layout.batch == 1, softcap == nil, (0..<layout.classes).contains(l), logits[l] > -.infinity else {
      throw .targetDoesNotFit
    }
    let classes = layout.classes
    let steps = DerivationStep.allCases
    // [step][class], and behind them what has no class.
    let values = steps.flatMap { step in (0..<classes).map { step.value($0, l) } } + DerivationStep.single(l)
    counter?.total.outputs += values.count
    var escalation = StageEscalation(execution, from: stage)
    let numbers = try ResultBuffer.array(values.count) { buffer throws(ComputationError) in
      var entries = values.enumerated().map { UnresolvedValues.Entry(value: $1, buffer: buffer, position: $0) }
      if stage == .vector, VectorRow.serves(self) {
        try escalation.poll.spend(steps.count * VectorRow.cost(classes))
        var row = VectorRow(self, execution.level)
        var reader = RowReader(layout)
        reader.read(logits, row: 0) { row.solve($0, derivationFor: l, into: buffer) }
        entries.removeAll { !buffer[$0.position].isNaN }
      }
      var unresolved = UnresolvedValues(entries, of: LogitsRow(self, number: 0), format: format)
      try escalation.resolve(&unresolved)
      counter?.add(escalation.counts)
    }
    func step(_ step: DerivationStep) -> [Double] { Array(numbers[step.range(classes)]) }
    let single = numbers[(steps.count * classes)...]
    var first = [Double](repeating: 0, count: classes)
    first[l] = single[single.startIndex + 1]
    return Derivation(
      yHat: step(.probability), dLdyHatL: single[single.startIndex], quotientFirst: first,
      quotientSecond: step(.quotientSecond), dyHatLdA: step(.jacobian), chainRule: step(.lossByLogit),
      gradient: step(.lossByLogit))
  }
}

/// A step of the derivation that has a number for each class.
enum DerivationStep: Int, CaseIterable {
  case probability, quotientSecond, jacobian, lossByLogit

  /// The step's number for class i, where l is the target.
  func value(_ i: Int, _ l: Int) -> RowValue {
    switch self {
    case .probability: .probability(i)
    case .quotientSecond: .quotientSecond(l, i)
    case .jacobian: .jacobian(l, i)
    case .lossByLogit: .lossByLogit(l, i)
    }
  }

  /// Where its numbers stand.
  func range(_ classes: Int) -> Range<Int> { (rawValue * classes)..<((rawValue + 1) * classes) }

  /// The steps that have one number.
  static func single(_ l: Int) -> [RowValue] { [.lossByProbability(l), .quotientFirst(l)] }
}

extension VectorRow {
  /// The derivation's steps for one row, as far as this stage can prove them; NaN where it cannot.
  fileprivate mutating func solve(
    _ logits: Span<Double>, derivationFor l: Int, into buffer: ResultBuffer
  ) {
    // 2^exponent is more than 1/T.
    read(logits, exponent: max(0, 2 - Int(temperature.exponent)))
    let overTemperature = ScaledDoubleDouble.one / ScaledDoubleDouble(temperature)
    let own = exponential(l) / sum
    var scratch: [Double] = []
    for step in DerivationStep.allCases {
      let range = step.range(logits.count)
      _ = buffer.write(range.count, from: range.lowerBound, step: 1, by: &scratch) { out in
        switch step {
        case .probability: probabilities(of: logits, into: &out)
        case .quotientSecond:
          RowFactor(own * Ball(overTemperature)).map { products($0, of: logits, into: &out) } ?? leaveOpen(&out)
        case .jacobian: jacobian(l, of: logits, into: &out)
        case .lossByLogit: gradient(of: logits, target: l, factor: overTemperature, into: &out)
        }
      }
    }
    let single = [-(sum / exponential(l)), own / Ball(temperature)]
    for (k, value) in single.enumerated() {
      buffer[DerivationStep.allCases.count * logits.count + k] = value.rounded(to: format, isIrrational: false) ?? .nan
    }
  }
}
