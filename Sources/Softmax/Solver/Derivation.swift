internal import VectorKernels

/// A step of the textbook derivation of ∂L/∂a for one row of logits and its target class l, each number rounded once
/// from its exact value, so that the product of the chain rule and the gradient agree to the bit.
public enum DerivationStep: Int, Sendable, CaseIterable {
  /// `ŷ = softmax(a / T)`.
  case yHat
  /// The quotient rule's first term: `1[l=i] ŷ_l / T`.
  case quotientFirst
  /// The quotient rule's second term: `ŷ_l ŷ_i / T`.
  case quotientSecond
  /// `∂ŷ_l/∂a_i = ŷ_l (1[l=i] - ŷ_i) / T`: the first term less the second.
  case dyHatLdA
  /// `∂L/∂a_i = -(1[l=i] - ŷ_i) / T`, which is also `∂L/∂ŷ_l · ∂ŷ_l/∂a_i`.
  case gradient
  /// `∂L/∂ŷ_l = -1 / ŷ_l`, a single number.
  case dLdyHatL

  /// How many numbers all steps have.
  public static func count(classes: Int) -> Int { dLdyHatL.range(classes: classes).upperBound }

  /// Where a step's numbers stand among those of all: one for each class.
  public func range(classes: Int) -> Range<Int> {
    let start = rawValue * classes
    return start..<start + (self == .dLdyHatL ? 1 : classes)
  }

  /// The step's number for class i, where l is the target; nil where it is zero.
  fileprivate func value(_ i: Int, _ l: Int) -> RowValue? {
    switch self {
    case .yHat: .probability(i)
    case .quotientFirst: i == l ? .quotientFirst(l) : nil
    case .quotientSecond: .quotientSecond(l, i)
    case .dyHatLdA: .jacobian(l, i)
    case .gradient: .lossByLogit(l, i)
    case .dLdyHatL: .lossByProbability(l)
    }
  }
}

extension SoftmaxProblem {
  /// The steps of the textbook derivation for one row and a class of it, into a buffer for all of their numbers.
  /// - Throws: ``ComputationError/targetDoesNotFit`` when the logits are not one row, or capped, or the class is none
  ///   of it or masked; ``ComputationError/cancelled``.
  public func derivation(
    target l: Int, into buffer: ResultBuffer, _ execution: Execution
  ) throws(ComputationError) {
    guard layout.batch == 1, softcap == nil, (0..<layout.classes).contains(l), logits[l] > -.infinity else {
      throw .targetDoesNotFit
    }
    buffer.clear(buffer.count, from: 0)
    // All terms of the quotient rule but one are zero.
    execution.counter?.add(outputs: buffer.count - (layout.classes - 1))
    var escalation = StageEscalation(execution)
    let isForVectors = execution.firstStage == .vector && VectorRow.serves(self)
    if isForVectors {
      try escalation.poll.spend(DerivationStep.allCases.count * VectorRow.cost(layout.classes))
      var row = VectorRow(self, execution.level)
      var reader = RowReader(layout)
      let open = reader.read(logits, row: 0) { row.solve($0, derivationFor: l, into: buffer) }
      guard open > 0 else { return }
    }
    let parts = DerivationStep.allCases.map { step in
      let range = step.range(classes: layout.classes)
      return UnresolvedValues.Part(buffer: buffer, start: range.lowerBound, step: 1, functions: 0..<range.count) {
        step.value($0, l)
      }
    }
    var unresolved = try UnresolvedValues(
      parts, of: LogitsRow(self, number: 0), format: format, haveResults: isForVectors, &escalation.poll)
    try escalation.resolve(&unresolved)
    execution.counter?.add(escalation.counts)
  }
}

extension VectorRow {
  /// The derivation's steps for one row, as far as this stage can prove them; NaN where it cannot.
  /// - Returns: how many are NaN.
  fileprivate mutating func solve(
    _ logits: Span<Double>, derivationFor l: Int, into buffer: ResultBuffer
  ) -> Int {
    read(logits, exponent: Self.exponentOverTemperature(temperature))
    let overTemperature = ScaledDoubleDouble.one / ScaledDoubleDouble(temperature)
    let own = exponential(l) / sum
    var open = 0
    func rounded(_ ball: Ball) -> Double {
      let result = ball.rounded(to: format, isIrrational: false)
      if result == nil { open += 1 }
      return result ?? .nan
    }
    var scratch: [Double] = []
    for step in DerivationStep.allCases {
      let range = step.range(classes: logits.count)
      func write(_ body: (inout MutableSpan<Double>) -> Int) {
        open += buffer.write(range.count, from: range.lowerBound, step: 1, by: &scratch, body)
      }
      switch step {
      case .yHat: write { probabilities(of: logits, into: &$0) }
      case .quotientFirst: buffer[range.lowerBound + l] = rounded(own / Ball(temperature))
      case .quotientSecond:
        write { out in
          RowFactor(own * Ball(overTemperature)).map { products($0, of: logits, into: &out) } ?? leaveOpen(&out)
        }
      case .dyHatLdA: write { jacobian(l, of: logits, into: &$0) }
      case .gradient: write { gradient(of: logits, target: l, factor: overTemperature, into: &$0) }
      case .dLdyHatL: buffer[range.lowerBound] = rounded(-(sum / exponential(l)))
      }
    }
    return open
  }
}
