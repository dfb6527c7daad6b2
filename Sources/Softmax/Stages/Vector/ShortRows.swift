internal import Allocation
internal import KernelDispatch
internal import VectorKernels

/// The vector stage for short rows, and for those that lie side by side in the tensor, the class axis not being the
/// last. They go by groups of eight, a row in each lane (``InterleavedRows``), and as many groups at once as fit into a
/// core's nearest cache.
///
/// It proves what needs no special care. A row with anything open goes to ``VectorRow``, so that what is left for the
/// next stage is the same as without this one.
struct ShortRows: ~Copyable {
  private let loops: any VectorLoops.Type
  private let format: BinaryFormat
  private let layout: Layout
  private let cap: RowCap?
  /// γ and λ where the loss is more than cross-entropy.
  private let additions: (focalGamma: Double, zLoss: Double)?
  /// How many rows are done at once, at most.
  private let room: Int
  private var selection: RowSelection
  private var groups: RowGroups
  /// The rows' teachers, where these are the target.
  private var teachers: RowGroups?
  /// What the Hessian is multiplied by, if it is.
  private let vectors: Numbers?
  private var vectorGroups: [Double] = []  // [groups][classes][8]
  /// The rows' target weights, where these are more than a class and no teacher's.
  private var targets: TargetGroups?
  private var results: [Double]  // [groups][classes][8]
  private var triples: [Double] = []  // [3][classes][8]
  /// The first row's; `nil` before it.
  private var exponents: Exponents?
  /// Whether all rows have the same factors, which are known.
  private(set) var areEven = false
  private var total = InterleavedSum()
  /// How many losses were added up.
  private var terms = 0

  /// Longer rows fill vectors by themselves.
  private static let mostClasses = 64
  /// But where eight rows lie side by side, a cache line holds a number of each. So many still fit the cache.
  private static let mostClassesAcross = 2048
  /// Fewer rows are done sooner one by one.
  private static let leastRows = 3
  /// With what is made of them, so many logits fit into a core's nearest cache.
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
    additions = loss.flatMap { $0.focalGamma > 0 || $0.zLoss > 0 ? ($0.focalGamma, $0.zLoss) : nil }
    if case .hessianProduct(let vectors) = request?.derivative { self.vectors = vectors } else { vectors = nil }
    loops = level.loops
    format = problem.format
    layout = problem.layout
    cap = RowCap(problem)
    room = ShortRows.room(layout)
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
  private var taken: RowBits { RowBits.max >> RowBits(64 - count) }

  /// The number of a row taken.
  func number(_ row: Int) -> Int { selection.numbers[row] }

  /// Forgets the rows taken.
  mutating func removeAll() { selection.removeAll() }

  /// About how many nanoseconds a row of so many classes takes.
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
  private mutating func read(exponent: Int) -> Bool {
    guard count >= Self.leastRows else { return false }
    let vanishing = VectorRow.vanishing(format, exponent: exponent)
    groups.read(&selection, by: loops, vanishing: vanishing)
    teachers?.read(&selection, by: loops, vanishing: vanishing)
    results.resize(to: groups.exponentials.numbers.count / 2)
    return true
  }
}

// MARK: Softmax

extension ShortRows {
  /// Writes the outputs of the rows taken.
  /// - Returns: the rows with anything that is not proven.
  mutating func solve(_ outputs: OutputLayout) -> RowBits {
    guard read(exponent: 0) else { return .max }
    // An array of its own, since a span of a part keeps all of this value from being changed.
    var results = exchange(&results, with: [])
    defer { self.results = results }
    let (loops, rounding) = (loops, KernelRounding(format))
    var open: RowBits = 0
    for place in 0..<outputs.parts.count {
      let part = outputs.parts[place]
      switch part.output {
      case .probabilities:
        open |= products(groups.exponentials, isGradient: false, within: shareError, rounding, into: &results)
        selection.write(results, to: part.buffer)
      case .logProbabilities:
        groups.computeLogSums(by: loops)
        var out = results.mutableSpan
        open |= loops.interleavedLogProbabilities(
          groups.arguments.numbers, rests: groups.arguments.rests, shift: groups.arguments.shift, groups.span, rounding,
          into: &out)
        selection.write(results, to: part.buffer)
      case .argmax:
        for row in 0..<count { part.buffer[number(row)] = groups[row / 8].top[row % 8] }
      case .logSumExp, .entropy, .jacobian, .topIndices, .topProbabilities, .topLogProbabilities:
        open = .max
      }
    }
    return open
  }

  /// Computes the products of exponentials with 1/S, or with the gradients' factors.
  /// - Returns: the rows with any that
  /// is not proven.
  private mutating func products(
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
  private var shareError: Double { probabilityError + 2 * argumentError }

  /// How far z may be from the real one for the sake of a cap.
  private var argumentError: Double { cap?.error ?? 0 }
}

// MARK: Losses

extension ShortRows {
  /// How far the gradients' factors may be from the real ones.
  private static let factorError = 0x1p-98

  /// The same, with what the derivatives of capped logits add to it.
  private var slopeError: Double { Self.factorError + (cap == nil ? 0 : 0x1.1p0 * VectorRow.capSlopeError) }

  /// Results are at most a factor times a probability times 2 to this.
  private var reach: Int { vectors != nil ? vectorReach + 2 : additions != nil || targets != nil ? 12 : 0 }

  /// Writes the gradients of the rows taken, and writes their losses or adds them up.
  /// - Returns: the rows with anything
  /// that is not proven, whose losses are not added.
  mutating func solve(_ request: LossRequest, into buffers: LossBuffers) -> RowBits {
    guard let exponents, read(exponent: max(0, exponents.gradient + Exponents.reach + reach)) else { return .max }
    if request.use != .unused || additions != nil {
      groups.computeLogSums(by: loops)
      teachers?.computeLogSums(by: loops)
    }
    var results = exchange(&results, with: [])
    defer { self.results = results }
    if let additions { computeFocalAndPenalty(additions) }
    let reach = powerOfTwo(reach)
    targets?.read(&selection, into: &groups, by: loops, reach: reach)
    var open: RowBits = 0
    if let gradient = buffers.gradient {
      open = derivatives(KernelRounding(format, exponent: exponents.gradient), into: &results)
      selection.write(results, to: gradient)
    }
    guard request.use != .unused else { return open }
    computeLosses(request.measure)
    // An open row's loss is left to the stage that does the row.
    let asked = ~open & taken
    let isTerm = request.use == .term
    var all = results.mutableSpan
    var out = all._mutatingExtracting(first: 8 * groups.span.count)
    var total = total
    defer { self.total = total }
    open |= loops.interleavedLosses(
      groups.span, of: asked, isTerm: isTerm, addingTo: &total, KernelRounding(format, exponent: exponents.loss),
      into: &out)
    if isTerm {
      terms += count
    } else {
      for row in 0..<count { buffers.loss?[number(row)] = results[row] }
    }
    return open
  }

  private mutating func computeFocalAndPenalty(_ additions: (focalGamma: Double, zLoss: Double)) {
    let (loops, arguments, exponentials, table) = (loops, groups.arguments, groups.exponentials, exponentialTable)
    let reach = powerOfTwo(reach)
    groups.change { rows in
      loops.interleavedFocalAndPenalty(
        exponentials.numbers.span, arguments.numbers, rests: arguments.rests, shift: arguments.shift, &rows,
        gamma: additions.focalGamma, within: Self.factorError, reach: reach, table: table.span)
    }
  }

  /// What each logit's derivative is.
  /// - Returns: the rows with any that is not proven.
  private mutating func derivatives(_ rounding: KernelRounding, into results: inout [Double]) -> RowBits {
    if let vectors { return hessianProducts(vectors, rounding, into: &results) }
    if let teachers { return differences(from: teachers, rounding, into: &results) }
    if let targets { return differences(from: targets, rounding, into: &results) }
    return gradients(rounding, into: &results)
  }

  /// The gradients of class indices.
  private mutating func gradients(_ rounding: KernelRounding, into results: inout [Double]) -> RowBits {
    let (loops, exponentials, capSlopes) = (loops, groups.exponentials, groups.capSlopes)
    if layout.classes == 2, cap == nil, additions == nil {
      var out = results.mutableSpan
      return loops.interleavedOpposites(
        exponentials.numbers.span, groups.span, within: shareError + slopeError, rounding, into: &out)
    }
    let error = Self.factorError + 4 * argumentError
    _ = products(
      exponentials.times(capSlopes, by: loops), isGradient: true, within: shareError + slopeError, rounding,
      into: &results)
    if additions == nil {
      groups.change { rows in loops.interleavedTargets(exponentials.numbers.span, &rows, within: error) }
    }
    var out = results.mutableSpan
    return loops.interleavedTargetResults(groups.span, slopes: capSlopes.numbers.span, rounding, into: &out)
  }

  /// The gradients of rows with teachers.
  private func differences(
    from teachers: RowGroups, _ rounding: KernelRounding, into results: inout [Double]
  ) -> RowBits {
    let pulls = groups.exponentials.times(groups.capSlopes, by: loops)
    let others = teachers.exponentials.times(groups.capSlopes, by: loops)
    // A teacher's logits are not capped.
    let count = cap == nil ? groups.arguments.count : 0
    var out = results.mutableSpan
    return loops.interleavedDifferences(
      pulls.numbers.span, groups.span, teacherPairs: others.numbers.span, teachers: teachers.span,
      logits: groups.arguments.numbers.extracting(first: count),
      teacherLogits: teachers.arguments.numbers.extracting(first: count), within: slopeError + 2 * argumentError,
      rounding, into: &out)
  }

  /// The gradients for target weights; in triples, where most of their digits cancel.
  private mutating func differences(
    from targets: TargetGroups, _ rounding: KernelRounding, into results: inout [Double]
  ) -> RowBits {
    let (pulls, others) = (
      groups.exponentials.times(groups.capSlopes, by: loops), targets.shares.times(groups.capSlopes, by: loops)
    )
    var out = results.mutableSpan
    let open =
      taken
      & loops.interleavedDifferences(
        pulls.numbers.span, groups.span, teacherPairs: others.numbers.span, teachers: Span(), logits: Span(),
        teacherLogits: Span(), within: slopeError + 2 * argumentError, rounding, into: &out)
    guard open != 0, targets.areExact, cap == nil else { return open }
    triples.resize(to: 3 * 8 * layout.classes)
    let (table, rests, arguments) = (exponentialTable, exponentialRests, groups.arguments)
    let (loops, groups, shares) = (loops, groups, targets.shares)
    var memory = triples.mutableSpan
    return loops.interleavedCloseDifferences(
      arguments.numbers, shift: arguments.shift, groups.span, of: open, shares: shares.numbers.span,
      within: Self.factorError, table: table.span, rests: rests.span, rounding, triples: &memory, into: &out)
  }

  /// The products of the Hessian with vectors.
  private mutating func hessianProducts(
    _ vectors: Numbers, _ rounding: KernelRounding, into results: inout [Double]
  ) -> RowBits {
    selection.gather(vectors, into: &vectorGroups)
    var out = results.mutableSpan
    return loops.interleavedHessianProducts(
      groups.exponentials.numbers.span, groups.span, vectors: vectorGroups.span,
      within: probabilityError + Self.factorError, rounding, into: &out)
  }

  /// Computes the losses but for their factors, where they are not known yet.
  private mutating func computeLosses(_ measure: LossRequest.Measure?) {
    let (loops, arguments) = (loops, groups.arguments)
    if let teachers {
      groups.change { rows in
        loops.interleavedTeacherLosses(
          arguments.numbers, rests: arguments.rests, shift: arguments.shift, &rows,
          teacherLogits: teachers.arguments.numbers, teacherShift: teachers.arguments.shift,
          teacherPairs: teachers.exponentials.numbers.span, teachers: teachers.span,
          isDivergence: measure == .klDivergence)
      }
    } else if additions == nil, targets == nil {
      groups.change { rows in
        loops.interleavedCrossEntropies(arguments.numbers, rests: arguments.rests, shift: arguments.shift, &rows)
      }
    }
  }

  /// The sum of the losses added up; `nil` if there are none.
  var sum: (loss: VectorValue, terms: Int)? {
    guard terms > 0, let exponents else { return nil }
    var sum = VectorValue(value: DoubleDouble(high: 0), error: 0)
    for lane in 0..<8 {
      sum.value = sum.value + DoubleDouble(high: total.value.high[lane], low: total.value.low[lane])
      sum.error += total.error[lane]
    }
    let power = powerOfTwo(exponents.loss)
    sum.value = DoubleDouble(high: sum.value.high * power, low: sum.value.low * power)
    sum.error *= power
    return (sum, terms + 8)
  }
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
