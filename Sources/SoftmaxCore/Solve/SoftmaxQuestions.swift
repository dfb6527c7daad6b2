/// The outputs of one slice that are not rounded yet.
struct SoftmaxQuestions: OpenQuestions {
  let slice: Slice
  let outputs: SoftmaxOutputs
  let format: ResultFormat
  /// Takes an output's result: the output, and its position in the slice's part of it.
  let answer: (SoftmaxOutputs, Int, Double) -> Void
  /// All of them, by their numbers.
  private let numbers: Range<Int>
  /// Numbers of open questions; `nil` while all are.
  private var open: [Int]?

  init(
    _ slice: Slice, _ outputs: SoftmaxOutputs, _ format: ResultFormat, _ numbers: Range<Int>,
    _ answer: @escaping (SoftmaxOutputs, Int, Double) -> Void
  ) {
    self.slice = slice
    self.outputs = outputs
    self.format = format
    self.answer = answer
    self.numbers = numbers
  }

  var openCount: Int { open?.count ?? numbers.count }

  /// Says which of the questions are open.
  mutating func keepOpen(where isOpen: (SoftmaxOutputs, Int) -> Bool) {
    open = numbers.filter { number in
      let (part, position) = question(number)
      return isOpen(part, position)
    }
  }

  /// How many questions a slice of so many classes poses.
  static func count(_ outputs: SoftmaxOutputs, _ classes: Int) -> Int {
    parts.reduce(0) { $0 + (outputs.contains($1) ? size(of: $1, classes) : 0) }
  }

  /// In this order the questions are numbered.
  private static let parts: [SoftmaxOutputs] = [.probabilities, .logProbabilities, .logSumExp, .entropy, .jacobian]

  private static func size(of part: SoftmaxOutputs, _ classes: Int) -> Int {
    switch part {
    case .probabilities, .logProbabilities: classes
    case .jacobian: classes * classes
    default: 1
    }
  }

  /// The output and the position in it that question `number` is about.
  private func question(_ number: Int) -> (SoftmaxOutputs, Int) {
    var position = number
    for part in Self.parts where outputs.contains(part) {
      let size = Self.size(of: part, slice.classes)
      if position < size { return (part, position) }
      position -= size
    }
    return (.jacobian, position)
  }

  mutating func attempt<A: Arithmetic>(_ arithmetic: A, _ poll: inout Poll) throws(ComputationError) {
    var row = try Row(slice, arithmetic, &poll)
    var left: [Int] = []
    if let open {
      for number in open where try !settle(number, &row, &poll) { left.append(number) }
    } else {
      for number in numbers where try !settle(number, &row, &poll) { left.append(number) }
    }
    open = left
  }

  private func settle<A: Arithmetic>(
    _ number: Int, _ row: inout Row<A>, _ poll: inout Poll
  ) throws(ComputationError) -> Bool {
    try poll.spend(row.arithmetic.costOfExponential / 4)
    let (part, position) = question(number)
    let value: A.Real
    let isRational: Bool
    switch part {
    case .probabilities:
      value = try row.probability(position, &poll)
      isRational = slice.isLevel || slice.isMasked(position)
    case .logProbabilities:
      guard !slice.isMasked(position) else {
        answer(part, position, -.infinity)
        return true
      }
      value = try row.logProbability(position, &poll)
      isRational = slice.finite == 1
    case .logSumExp:
      value = try row.logSumExp(&poll)
      isRational = slice.finite == 1
    case .entropy:
      value = try row.entropy(&poll)
      // Nobody has proved it irrational; past this many bits it is taken for what it then looks like.
      if row.arithmetic.bits >= 16384 {
        answer(part, position, value.nearest(in: format))
        return true
      }
      isRational = true
    default:
      let l = position / slice.classes
      let i = position % slice.classes
      value = try row.jacobian(l, i, &poll)
      isRational = slice.isLevel || slice.isMasked(l) || slice.isMasked(i)
    }
    guard let result = value.rounded(to: format, isIrrational: !isRational) else { return false }
    answer(part, position, result)
    return true
  }
}
