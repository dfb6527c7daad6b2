internal import Allocation
internal import VectorKernels

/// The vector stage for short rows, and for those that lie side by side in the tensor, the class axis not being the
/// last. They go by groups of eight, a row in each lane (``InterleavedRows``), and as many groups at once as fit into a
/// core's nearest cache.
///
/// It proves what needs no special care. A row with anything open goes to ``VectorRow``, so that what is left for the
/// next stage is the same as without this one.
struct GroupedRows: ~Copyable {
  let loops: any VectorLoops.Type
  let format: BinaryFormat
  let layout: Layout
  let cap: RowCap?
  /// γ and λ where the loss is more than cross-entropy.
  let additions: (focalGamma: Double, zLoss: Double)?
  /// How many rows are done at once, at most.
  private let room: Int
  var selection: RowSelection
  var groups: RowGroups
  /// The rows' teachers, where these are the target.
  var teachers: RowGroups?
  /// What the Hessian is multiplied by, if it is.
  let vectors: Numbers?
  var vectorGroups: [Double] = []  // [groups][classes][8]
  /// The rows' target weights, where these are more than a class and no teacher's.
  var targets: TargetGroups?
  var results: [Double]  // [groups][classes][8]
  var triples: [Double] = []  // [3][classes][8]
  /// The first row's; `nil` before it.
  var exponents: Exponents?
  /// Whether all rows have the same factors, which are known.
  private(set) var areEven = false
  var total = InterleavedSum()
  /// How many losses were added up.
  var terms = 0

  /// Longer rows fill vectors by themselves.
  private static let mostClasses = 64
  /// But where eight rows lie side by side, a cache line holds a number of each. So many still fit the cache.
  private static let mostClassesAcross = 2048
  /// Fewer rows are done sooner one by one.
  private static let leastRows = 3
  /// With what is made of them, this many logits fit into a core's nearest cache.
  private static let mostLogits = 1024

  /// Whether this stage does a problem's rows: `VectorRow` would, they are short, and there are some of them.
  static func serves(_ problem: SoftmaxProblem) -> Bool {
    let layout = problem.layout
    let mostClasses = layout.inner < 8 ? mostClasses : mostClassesAcross
    return layout.classes <= mostClasses && layout.batch >= leastRows && !problem.hasEmptyRows
      && VectorRow.serves(problem)
  }

  /// How many rows of a tensor are done at once: at most eight groups, for whose rows ``RowBits`` has bits.
  static func room(_ layout: Layout) -> Int {
    8 * min(8, max(1, mostLogits / (8 * layout.classes)), (layout.batch + 7) / 8)
  }

  /// - Parameters:
  ///   - request: what is asked of the rows' loss, if it is.
  ///   - factors: the factors of all of them, if these are the same.
  init(
    _ problem: borrowing SoftmaxProblem, loss request: LossRequest? = nil, factors: Factors? = nil, _ level: KernelLevel
  ) {
    let loss = request?.problem
    additions = loss.flatMap { $0.isCrossEntropy ? nil : ($0.focalGamma, $0.zLoss) }
    if case .hessianProduct(let vectors) = request?.derivative { self.vectors = vectors } else { vectors = nil }
    loops = level.loops
    format = problem.format
    layout = problem.layout
    cap = RowCap(problem)
    room = GroupedRows.room(layout)
    var rows = InterleavedRows()
    if let factors {
      let exponents = Exponents(factors)
      if let pairs = exponents.pairs(factors, zLoss: loss?.zLoss ?? 0) {
        rows.gradientFactor.set(pairs.gradient)
        rows.lossFactor.set(pairs.loss)
        rows.penalty.set(pairs.penalty)
        self.exponents = exponents
        areEven = true
      }
    }
    selection = RowSelection(layout, room: room)
    groups = RowGroups(
      problem.logits, classes: layout.classes, room: room, temperature: problem.temperature, cap: cap, rows)
    // The Hessian has no need of what the target is.
    if case .logits(let tensor) = loss?.target, vectors == nil {
      teachers = RowGroups(tensor, classes: layout.classes, room: room, temperature: problem.temperature)
    }
    targets = loss.flatMap { TargetGroups($0) }
    results = [Double](uninitializedLargeCount: room * layout.classes)
  }

  /// How many rows are taken.
  var count: Int { selection.count }

  var isFull: Bool { count == room }

  /// A bit for each row taken.
  var taken: RowBits { RowBits.max >> RowBits(64 - count) }

  /// The number of a row taken.
  func number(_ row: Int) -> Int { selection.numbers[row] }

  /// Forgets the rows taken.
  mutating func removeAll() { selection.removeAll() }

  /// About how many nanoseconds a row of this many classes takes.
  static func cost(_ classes: Int) -> Int { 20 + 6 * classes }

  /// Takes the first of some rows, as many as there is room for.
  /// - Returns: how many.
  mutating func take(_ rows: Range<Int>) -> Int {
    let taken = rows.prefix(room - count)
    selection.append(taken)
    return taken.count
  }

  /// The same of rows with target classes that all have the same factors, up to the first whose target is `ignored`.
  mutating func take(_ rows: Range<Int>, targets: [Int], ignoring ignored: Int) -> Int {
    let rows = rows.prefix(room - count)
    return take(rows.prefix(groups.setTargets(from: count, targets.span.extracting(rows), before: ignored)))
  }

  /// Takes row n, its target and what its gradient and its loss are multiplied by.
  /// - Precondition: it is not full.
  /// - Returns: false where these differ too much from the rows' before.
  mutating func take(_ n: Int, target: Int, _ factors: Factors) -> Bool {
    let exponents = exponents ?? Exponents(factors)
    guard target >= 0, target < layout.classes, let pairs = exponents.pairs(factors, zLoss: additions?.zLoss ?? 0)
    else { return false }
    self.exponents = exponents
    let (group, lane) = (count / 8, count % 8)
    groups[group].target[lane] = Double(target)
    groups[group].gradientFactor.set(pairs.gradient, lane: lane)
    groups[group].lossFactor.set(pairs.loss, lane: lane)
    groups[group].penalty.set(pairs.penalty, lane: lane)
    selection.append(n)
    return true
  }

  /// Reads the rows taken, and their teachers.
  /// - Returns: false where they are too few to be worth it.
  mutating func read(exponent: Int) -> Bool {
    guard count >= Self.leastRows else { return false }
    let vanishing = VectorRow.vanishing(format, exponent: exponent)
    groups.read(&selection, by: loops, vanishing: vanishing)
    teachers?.read(&selection, by: loops, vanishing: vanishing)
    results.resize(to: groups.exponentials.numbers.count / 2)
    return true
  }
}

// MARK: Softmax

extension GroupedRows {
  /// Writes the outputs of the rows taken.
  /// - Returns: the rows with anything that is not proven.
  mutating func solve(_ outputs: OutputLayout) -> RowBits {
    let temperature = groups.arguments.shift.temperature
    guard !outputs.areDividedByTemperature || cap == nil, read(exponent: outputs.exponent(temperature: temperature))
    else { return .max }
    // An array of its own, since a span of a part keeps all of this value from being changed.
    var results = exchange(&results, with: [])
    defer { self.results = results }
    let rounding = KernelRounding(format)
    var (open, hasLogSums): (RowBits, Bool) = (0, false)
    let most = outputs.topCount
    let chosen = most > 0 ? groups.top(most, classes: layout.classes, rows: count) : []
    for place in 0..<outputs.parts.count {
      let part = outputs.parts[place]
      if part.output.isLogarithm, !hasLogSums {
        groups.computeLogSums(by: loops)
        hasLogSums = true
      }
      switch part.output {
      case .probabilities, .topProbabilities:
        open |= products(groups.exponentials, isGradient: false, within: shareError, rounding, into: &results)
      case .logProbabilities, .topLogProbabilities:
        var out = results.mutableSpan
        open |= loops.interleavedLogProbabilities(
          groups.arguments.numbers, rests: groups.arguments.rests, shift: groups.arguments.shift, groups.span,
          KernelRounding(format, isOfSums: true), into: &out)
      case .logSumExp, .entropy: open |= rowResults(part.output, rounding, into: &results)
      case .argmax, .topIndices: break
      case .jacobian:
        let factor = ScaledDoubleDouble.one / ScaledDoubleDouble(temperature)
        var all = results.mutableSpan
        var out = all._mutatingExtracting(first: 8 * groups.span.count)
        open |= loops.interleavedJacobians(
          groups.exponentials.numbers.span, groups.span, by: factor.mantissa,
          KernelRounding(format, exponent: factor.exponent), into: &out)
      }
      switch part.output {
      case .probabilities, .logProbabilities: selection.write(results, to: part.buffer)
      case .logSumExp, .entropy: for row in 0..<count { part.buffer[number(row)] = results[row] }
      case .argmax: for row in 0..<count { part.buffer[number(row)] = groups[row / 8].top[row % 8] }
      case .topIndices, .topProbabilities, .topLogProbabilities:
        for row in 0..<count {
          for place in 0..<part.valuesPerRow {
            let c = chosen[row * most + place]
            part.buffer[outputs.position(of: part, row: number(row), at: place)] =
              part.output == .topIndices
              ? Double(c) : results[groups.place(ofRow: row, classes: layout.classes) + 8 * c]
          }
        }
      case .jacobian:
        for row in 0..<count {
          let variance = results[row]
          for place in 0..<4 {
            part.buffer[outputs.position(of: part, row: number(row), at: place)] =
              place == 0 || place == 3 ? variance : 0 - variance
          }
        }
      }
    }
    return open
  }

  /// Computes log-sum-exp or the entropy, one number for each row.
  /// - Returns: the rows where it is not proven.
  private mutating func rowResults(
    _ output: SoftmaxOutput, _ rounding: KernelRounding, into results: inout [Double]
  ) -> RowBits {
    let (loops, arguments, exponentials) = (loops, groups.arguments, groups.exponentials)
    var all = results.mutableSpan
    var out = all._mutatingExtracting(first: 8 * groups.span.count)
    guard output == .entropy else {
      return loops.interleavedLogSumExps(groups.span, shift: arguments.shift, rounding, into: &out)
    }
    groups.change { rows in
      loops.interleavedEntropies(
        exponentials.numbers.span, arguments.numbers, rests: arguments.rests, shift: arguments.shift, &rows)
    }
    var none = InterleavedSum()
    return loops.interleavedLosses(groups.span, of: taken, isTerm: false, addingTo: &none, rounding, into: &out)
  }

  /// Computes the products of exponentials with 1/S, or with the gradients' factors.
  /// - Returns: the rows with any that is not proven.
  mutating func products(
    _ pairs: DoubleDoubleBuffer, isGradient: Bool, within error: Double, _ rounding: KernelRounding,
    into results: inout [Double]
  ) -> RowBits {
    let loops = loops
    var out = results.mutableSpan
    return groups.change { rows in
      loops.interleavedProducts(
        pairs.numbers.span, &rows, isGradient: isGradient, within: error, rounding, into: &out)
    }
  }

  /// The relative error of a probability.
  var shareError: Double { probabilityError + 2 * argumentError }

  /// How far z may be from the real one for the sake of a cap.
  var argumentError: Double { cap?.error ?? 0 }
}

extension VectorPair {
  fileprivate mutating func set(_ pair: DoubleDouble) {
    high = Vector(repeating: pair.high)
    low = Vector(repeating: pair.low)
  }

  fileprivate mutating func set(_ pair: DoubleDouble, lane: Int) {
    high[lane] = pair.high
    low[lane] = pair.low
  }
}
