internal import KernelDispatch
internal import VectorKernels

/// The vector stage for rows eight at a time, one in each lane (``InterleavedRows``): short ones, and those that lie
/// side by side in the tensor, the class axis not being the last.
///
/// It proves what needs no special care. A row with anything open goes to ``VectorRow``, so that what is left for the
/// next stage is the same as without this one.
struct ShortRows: ~Copyable {
  /// The exponents of the factors of gradients and losses, apart from those of ``InterleavedRows``.
  struct Exponents {
    let gradient: Int
    let loss: Int
    /// How far a row's own may be from them.
    static let reach = 16
  }

  /// Teachers' logits, in the lanes of their rows.
  private struct Teachers {
    let tensor: Numbers
    var logits: [Double]  // [classes][8]
    var exponentials: [Double]  // [classes][2][8]
    var state = InterleavedRows()
  }

  private let loops: any VectorLoops.Type
  private let format: ResultFormat
  private let shift: RowShift
  private let layout: Layout
  private let tensor: Numbers
  /// The rows' teachers, where these are the target.
  private var teachers: Teachers?
  /// γ and λ where the loss is more than cross-entropy.
  private let additions: (focalGamma: Double, zLoss: Double)?
  private var reader: RowReader
  private var writer: RowWriter
  private var state = InterleavedRows()
  private var logits: [Double]  // [classes][8]; a lane without a row holds an earlier one, or zeros
  private var exponentials: [Double]  // [classes][2][8]
  private var results: [Double]  // [classes][8]
  private var numbers = InlineArray<8, Int>(repeating: 0)
  private(set) var count = 0
  /// The first row's; `nil` before it.
  private var exponents: Exponents?
  /// How many losses were added up.
  private var terms = 0

  /// Longer rows fill vectors by themselves.
  private static let mostClasses = 64
  /// But where eight rows lie side by side, a cache line holds a number of each. So many still fit the cache.
  private static let mostClassesAcross = 2048
  /// Fewer rows are done sooner one by one.
  private static let leastRows = 3

  /// Whether this stage does a problem's rows: `VectorRow` would, they are short, and there are some of them.
  static func serves(_ problem: SoftmaxProblem) -> Bool {
    let layout = problem.layout
    let mostClasses = layout.inner < 8 ? mostClasses : mostClassesAcross
    return layout.classes <= mostClasses && layout.batch >= leastRows && !problem.hasEmptyRows
      && problem.softcap == nil && VectorRow.serves(problem)
  }

  /// - Parameter loss: the loss of the rows, if one is asked for.
  init(_ problem: borrowing SoftmaxProblem, loss: LossProblem? = nil, _ level: KernelLevel) {
    additions = loss.flatMap { $0.focalGamma > 0 || $0.zLoss > 0 ? ($0.focalGamma, $0.zLoss) : nil }
    loops = level.loops
    format = problem.format
    layout = problem.layout
    tensor = problem.logits
    reader = RowReader(layout)
    writer = RowWriter(layout)
    shift = RowShift(maximum: 0, temperature: problem.temperature)
    logits = [Double](repeating: 0, count: 8 * layout.classes)
    exponentials = [Double](repeating: 0, count: 16 * layout.classes)
    results = [Double](repeating: 0, count: 8 * layout.classes)
    if case .logits(let tensor) = loss?.target {
      teachers = Teachers(tensor: tensor, logits: logits, exponentials: exponentials)
    }
  }

  var isFull: Bool { count == 8 }

  /// About how many nanoseconds a row of so many classes takes.
  static func cost(_ classes: Int) -> Int { 20 + 6 * classes }

  /// Takes row n. - Precondition: it is not full.
  mutating func take(_ n: Int) {
    numbers[count] = n
    count += 1
  }

  /// Where the rows taken begin in the tensor, if they are eight side by side.
  private var startOfTile: Int? {
    let first = numbers[0]
    guard isFull, numbers[7] - first == 7, first % layout.inner + 8 <= layout.inner else { return nil }
    return layout.start(of: first)
  }

  /// Copies the logits of the rows taken into a block.
  private mutating func gather(_ tensor: Numbers, into block: inout [Double]) {
    let layout = layout
    if let start = startOfTile {
      var run: [Double] = []
      var block = block.mutableSpan
      for c in 0..<layout.classes {
        tensor.withRun(8, from: start + c * layout.inner, copiedInto: &run) { numbers in
          for lane in 0..<8 { block[8 * c + lane] = numbers[lane] }
        }
      }
      return
    }
    for lane in 0..<count {
      Self.interleaveRow(numbers[lane], of: tensor, lane: lane, with: &reader, into: &block)
    }
  }

  private static func interleaveRow(
    _ n: Int, of tensor: Numbers, lane: Int, with reader: inout RowReader, into block: inout [Double]
  ) {
    reader.read(tensor, row: n) { row in
      var block = block.mutableSpan
      interleave(row, from: 0, step: 1, lane: lane, into: &block)
    }
  }

  /// Takes row n, its target and the target's weight, and what its gradient and its loss are multiplied by, positive or
  /// negative, the weight included.
  /// - Returns: false where these differ too much from the rows' before.
  mutating func take(
    _ n: Int, target: Int, weight: Double, gradient: ScaledDoubleDouble, loss: ScaledDoubleDouble
  ) -> Bool {
    let exponents = exponents ?? Exponents(gradient: gradient.exponent, loss: loss.exponent)
    guard target >= 0, target < layout.classes,
      abs(gradient.exponent - exponents.gradient) <= Exponents.reach, abs(exponents.gradient) <= 800,
      abs(loss.exponent - exponents.loss) <= Exponents.reach, abs(exponents.loss) <= 280
    else { return false }
    if let additions, additions.zLoss > 0 {
      let penalty = ScaledDoubleDouble(additions.zLoss) / ScaledDoubleDouble(weight)
      guard abs(penalty.exponent) <= 300 else { return false }
      state.penalty.set(penalty.pair(timesPowerOf: 0), lane: count)
    }
    self.exponents = exponents
    state.target[count] = Double(target)
    state.gradientFactor.set(gradient.pair(timesPowerOf: -exponents.gradient), lane: count)
    state.lossFactor.set(loss.pair(timesPowerOf: -exponents.loss), lane: count)
    take(n)
    return true
  }

  /// The number of a row taken.
  func number(_ lane: Int) -> Int { numbers[lane] }

  /// Forgets the rows taken.
  mutating func removeAll() { count = 0 }

  /// Computes the exponentials of the rows taken, and of their teachers.
  /// - Returns: false where they are too few to be worth it.
  private mutating func exponentiate(exponent: Int) -> Bool {
    guard count >= Self.leastRows else { return false }
    var block = logits
    logits = []
    gather(tensor, into: &block)
    Self.exponentiate(block, by: parameters(exponent), into: &exponentials, &state)
    logits = block
    guard var teachers = self.teachers.take() else { return true }
    gather(teachers.tensor, into: &teachers.logits)
    Self.exponentiate(teachers.logits, by: parameters(exponent), into: &teachers.exponentials, &teachers.state)
    self.teachers = teachers
    return true
  }

  private typealias Parameters = (loops: any VectorLoops.Type, shift: RowShift, vanishing: Double)

  private func parameters(_ exponent: Int) -> Parameters {
    (loops, shift, VectorRow.vanishing(format, exponent: exponent))
  }

  private static func exponentiate(
    _ block: [Double], by parameters: Parameters, into exponentials: inout [Double], _ state: inout InterleavedRows
  ) {
    let table = exponentialTable
    fill(&exponentials, with: &state) { pairs, state in
      parameters.loops.interleavedExponentials(
        block.span, shift: parameters.shift, vanishing: parameters.vanishing, table: table.span, into: &pairs, &state)
    }
  }

  /// Lets a loop write numbers and change the rows' state, both of which are parts of this value.
  private static func fill<Result>(
    _ numbers: inout [Double], with state: inout InterleavedRows,
    _ loop: (inout MutableSpan<Double>, inout InterleavedRows) -> Result
  ) -> Result {
    var span = numbers.mutableSpan
    return loop(&span, &state)
  }

  /// Copies the results into the rows' places.
  private mutating func write(_ buffer: ResultBuffer) {
    if let start = startOfTile {
      for c in 0..<layout.classes {
        buffer.write(results.span.extracting(8 * c..<8 * c + 8), from: start + c * layout.inner)
      }
      return
    }
    for lane in 0..<count {
      let (n, results) = (numbers[lane], results)
      writer.write(buffer, row: n) { out in deinterleave(results.span, lane: lane, into: &out) }
    }
  }
}

extension ShortRows {
  /// Writes the outputs of the rows taken. - Returns: the rows with anything that is not proven.
  mutating func solve(_ outputs: OutputLayout) -> RowBits {
    guard exponentiate(exponent: 0) else { return .max }
    var open: RowBits = 0
    for place in 0..<outputs.parts.count {
      let part = outputs.parts[place]
      switch part.output {
      case .probabilities:
        let (loops, exponentials, rounding) = (loops, exponentials, KernelRounding(format))
        open |= Self.fill(&results, with: &state) { out, state in
          loops.interleavedProducts(
            exponentials.span, &state, isGradient: false, within: probabilityError, rounding, into: &out)
        }
        write(part.buffer)
      case .logProbabilities:
        computeLogSums()
        let (loops, logits, shift, rounding) = (loops, logits, shift, KernelRounding(format))
        open |= Self.fill(&results, with: &state) { out, state in
          loops.interleavedLogProbabilities(logits.span, shift: shift, &state, rounding, into: &out)
        }
        write(part.buffer)
      case .argmax:
        for lane in 0..<count { part.buffer[numbers[lane]] = state.top[lane] }
      case .logSumExp, .entropy, .jacobian, .topIndices, .topProbabilities, .topLogProbabilities:
        open = .max
      }
    }
    return open
  }

  /// Writes the gradients of the rows taken, and writes their losses or adds them up. - Returns: the rows with anything
  /// that is not proven, whose losses are not added.
  mutating func solve(_ request: LossRequest, into buffers: LossBuffers) -> RowBits {
    let pullExponent = additions == nil ? 0 : 12
    guard let exponents, exponentiate(exponent: max(0, exponents.gradient + Exponents.reach + pullExponent))
    else { return .max }
    // Arrays of its own, since a span of a part keeps all of this value from being changed.
    let (loops, logits, exponentials, shift) = (loops, logits, exponentials, shift)
    var open: RowBits = 0
    let factorError = 0x1p-98
    if let additions {
      computeLogSums()
      let table = exponentialTable
      loops.interleavedFocalAndPenalty(
        exponentials.span, logits.span, shift: shift, &state, gamma: additions.focalGamma, within: factorError,
        reach: powerOfTwo(pullExponent), table: table.span)
    }
    if let teachers {
      open = solve(request, from: teachers, KernelRounding(format, exponent: exponents.gradient), into: buffers)
    } else if let gradient = buffers.gradient {
      let rounding = KernelRounding(format, exponent: exponents.gradient)
      _ = Self.fill(&results, with: &state) { out, state in
        loops.interleavedProducts(
          exponentials.span, &state, isGradient: true, within: probabilityError + factorError, rounding, into: &out)
      }
      if additions == nil { loops.interleavedTargets(exponentials.span, &state, within: factorError) }
      for lane in 0..<count where !resolveTarget(lane, rounding) { open |= 1 << lane }
      write(gradient)
    }
    guard request.use != .unused else { return open }
    // An open row's loss is left to the stage that does the row.
    for lane in 0..<8 where lane >= count || open & (1 << lane) != 0 {
      state.lossFactor.set(DoubleDouble(high: 0), lane: lane)
    }
    if additions == nil, teachers == nil {
      computeLogSums()
      loops.interleavedCrossEntropies(logits.span, shift: shift, &state)
    }
    let isTerm = request.use == .term
    var losses = InlineArray<8, Double>(repeating: 0)
    var out = losses.mutableSpan
    open |= loops.interleavedLosses(
      &state, isTerm: isTerm, KernelRounding(format, exponent: exponents.loss), into: &out)
    if isTerm {
      terms += count
    } else {
      for lane in 0..<count { buffers.loss?[numbers[lane]] = losses[lane] }
    }
    return open
  }

  /// Writes the gradients of rows with teachers, and computes their losses. - Returns: the rows with anything that is
  /// not proven.
  private mutating func solve(
    _ request: LossRequest, from teachers: Teachers, _ rounding: KernelRounding, into buffers: LossBuffers
  ) -> RowBits {
    let (loops, logits, exponentials, shift, table) = (loops, logits, exponentials, shift, exponentialTable)
    var teacherState = teachers.state
    var open: RowBits = 0
    if let gradient = buffers.gradient {
      open = Self.fill(&results, with: &state) { out, state in
        loops.interleavedDifferences(
          exponentials.span, &state, teacherPairs: teachers.exponentials.span, teachers: &teacherState, within: 0x1p-98,
          rounding, into: &out)
      }
      write(gradient)
    }
    guard request.use != .unused else { return open }
    computeLogSums()
    loops.interleavedLogSums(&teacherState, table: table.span)
    loops.interleavedTeacherLosses(
      logits.span, shift: shift, &state, teacherLogits: teachers.logits.span, teacherPairs: teachers.exponentials.span,
      teachers: &teacherState, isDivergence: request.measure == .klDivergence)
    return open
  }

  /// Puts a row's gradient at the target in the place of the product there. - Returns: whether all of the row's results
  /// are proven.
  private mutating func resolveTarget(_ lane: Int, _ rounding: KernelRounding) -> Bool {
    let place = 8 * Int(state.target[lane]) + lane
    let value = DoubleDouble(high: state.valueAtTarget.high[lane], low: state.valueAtTarget.low[lane])
    let open = state.open[lane] - (results[place].isNaN ? 1 : 0)
    results[place] = rounding.rounded(value, error: state.errorAtTarget[lane])
    return open == 0 && !results[place].isNaN
  }

  private mutating func computeLogSums() {
    let table = exponentialTable
    loops.interleavedLogSums(&state, table: table.span)
  }

  /// The sum of the losses added up; `nil` if there are none.
  var sum: (loss: VectorValue, terms: Int)? {
    guard terms > 0, let exponents else { return nil }
    var sum = VectorValue(value: DoubleDouble(high: 0), error: 0)
    for lane in 0..<8 {
      sum.value = sum.value + DoubleDouble(high: state.total.high[lane], low: state.total.low[lane])
      sum.error += state.totalError[lane]
    }
    let power = Double(sign: .plus, exponent: exponents.loss, significand: 1)
    sum.value = DoubleDouble(high: sum.value.high * power, low: sum.value.low * power)
    sum.error *= power
    return (sum, terms + 8)
  }
}

extension ScaledDoubleDouble {
  /// The number times 2^exponent, with its sign. - Precondition: its own exponent and that add up to at most ±900.
  fileprivate func pair(timesPowerOf exponent: Int) -> DoubleDouble {
    let power = Double(sign: isNegative ? .minus : .plus, exponent: self.exponent + exponent, significand: 1)
    return DoubleDouble(high: mantissa.high * power, low: mantissa.low * power)
  }
}

extension VectorPair {
  fileprivate mutating func set(_ pair: DoubleDouble, lane: Int) {
    high[lane] = pair.high
    low[lane] = pair.low
  }
}
