/// The steps of one derivation that are not rounded yet.
struct DerivationQuestions: OpenQuestions {
  let slice: Slice
  let format: ResultFormat
  let target: Int
  private(set) var steps: Derivation
  /// Numbers of open questions: five for each class, and then -1 / ŷ_l.
  private var open: [Int]

  init(_ slice: Slice, _ format: ResultFormat, target: Int) {
    self.slice = slice
    self.format = format
    self.target = target
    let zeros = [Double](repeating: 0, count: slice.classes)
    steps = Derivation(
      yHat: zeros, dLdyHatL: 0, quotientFirst: zeros, quotientSecond: zeros, dyHatLdA: zeros, chainRule: zeros,
      gradient: zeros)
    open = Array(0...(5 * slice.classes))
  }

  var openCount: Int { open.count }

  mutating func attempt<A: Arithmetic>(_ arithmetic: A, _ poll: inout Poll) throws(ComputationError) {
    let row = try Row(slice, arithmetic, &poll)
    var left: [Int] = []
    for number in open where try !settle(number, row, &poll) { left.append(number) }
    open = left
  }

  private mutating func settle<A: Arithmetic>(
    _ number: Int, _ row: Row<A>, _ poll: inout Poll
  ) throws(ComputationError) -> Bool {
    try poll.spend(row.arithmetic.costOfExponential / 4)
    let l = target
    let i = number / 5
    // The target is not masked, so that all steps are rational together.
    func round(_ value: A.Real) -> Double? {
      value.rounded(to: format, isIrrational: !(slice.isLevel || (i < slice.classes && slice.isMasked(i))))
    }
    if i == slice.classes {
      // 1/p exceeds 2^1000000.
      if slice.isNegligible(l) {
        steps.dLdyHatL = -.infinity
        return true
      }
      guard let value = round(try row.lossByProbability(l, &poll)) else { return false }
      steps.dLdyHatL = value
      return true
    }
    switch number % 5 {
    case 0:
      guard let value = round(try row.probability(i, &poll)) else { return false }
      steps.yHat[i] = value
    case 1:
      guard i == l else { return true }
      guard let value = round(try row.quotientFirst(l, &poll)) else { return false }
      steps.quotientFirst[i] = value
    case 2:
      guard let value = round(try row.quotientSecond(l, i, &poll)) else { return false }
      steps.quotientSecond[i] = value
    case 3:
      guard let value = round(try row.jacobian(l, i, &poll)) else { return false }
      steps.dyHatLdA[i] = value
    default:
      guard let value = round(try row.lossByLogit(l, i, &poll)) else { return false }
      steps.chainRule[i] = value
      steps.gradient[i] = value
    }
    return true
  }
}

extension SoftmaxProblem {
  /// The steps of the textbook derivation for one slice and a class of it.
  /// - Throws: ``ComputationError/targetDoesNotFit`` when the logits are not one slice or the class is none of it or masked;
  ///   ``ComputationError/cancelled``.
  public func derivation(target: Int, _ execution: Execution) throws(ComputationError) -> Derivation {
    guard layout.batch == 1, (0..<layout.classes).contains(target), logits[target] > -.infinity else {
      throw .targetDoesNotFit
    }
    var climb = Climb(execution, from: .doubleDouble)
    var questions = DerivationQuestions(Slice(self, item: 0), format, target: target)
    try climb.settle(&questions)
    return questions.steps
  }
}
