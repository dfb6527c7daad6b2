internal import VectorKernels

extension GroupedRows {
  /// How far the gradients' factors may be from the real ones.
  private static let factorError = 0x1p-98

  /// The same, with what the derivatives of capped logits add to it.
  private var slopeError: Double { Self.factorError + (cap == nil ? 0 : 0x1.1p0 * VectorRow.capSlopeError) }

  /// Results are at most a factor times a probability times 2 to this.
  private var reach: Int { vectors != nil ? vectorReach + 2 : additions != nil || targets != nil ? 12 : 0 }

  /// No derivative shows a product of a factor of it below this.
  private var vanishing: Double {
    VectorRow.vanishingProduct(format, exponent: (exponents?.gradient ?? 0) + Exponents.reach + reach)
  }

  /// Writes the gradients of the rows taken, and writes their losses or adds them up.
  /// - Returns: the rows with anything that is not proven, whose losses are not added.
  mutating func solve(_ request: LossRequest, into buffers: LossBuffers) -> RowBits {
    guard let exponents, read(exponent: max(0, exponents.gradient + Exponents.reach + reach)) else { return .max }
    if request.use != .unused || additions != nil {
      groups.computeLogSums(by: loops)
      teachers?.computeLogSums(by: loops)
    }
    var results = exchange(&results, with: [])
    defer { self.results = results }
    let (isDivergence, reach) = (request.measure == .klDivergence, powerOfTwo(reach))
    targets?.read(&selection, into: &groups, by: loops, isDivergence: isDivergence, reach: reach)
    if request.use != .unused { computeLosses(request.measure) }
    if let additions, !isDivergence { compute(additions) }
    var open: RowBits = 0
    if let gradient = buffers.gradient {
      open = derivatives(of: request, KernelRounding(format, exponent: exponents.gradient), into: &results)
      selection.write(results, to: gradient)
    }
    guard request.use != .unused else { return open }
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

  /// Computes what is more than cross-entropy in the losses and the gradients.
  private mutating func compute(_ additions: (focalGamma: Double, zLoss: Double)) {
    let (loops, arguments, exponentials, table) = (loops, groups.arguments, groups.exponentials, exponentialTable)
    let (reach, haveTeachers, isOfClasses) = (powerOfTwo(reach), teachers != nil, teachers == nil && targets == nil)
    groups.change { rows in
      guard isOfClasses else {
        return loops.interleavedPenalties(&rows, shift: arguments.shift, haveTeachers: haveTeachers, reach: reach)
      }
      loops.interleavedFocalAndPenalty(
        exponentials.numbers.span, arguments.numbers, rests: arguments.rests, shift: arguments.shift, &rows,
        gamma: additions.focalGamma, within: Self.factorError, reach: reach, table: table.span)
    }
  }

  /// What each logit's derivative is.
  /// - Returns: the rows with any that is not proven.
  private mutating func derivatives(
    of request: LossRequest, _ rounding: KernelRounding, into results: inout [Double]
  ) -> RowBits {
    if let vectors { return hessianProducts(vectors, rounding, into: &results) }
    if let teachers { return differences(from: teachers, rounding, into: &results) }
    if let targets { return differences(from: targets, of: request, rounding, into: &results) }
    let open = taken & gradients(rounding, into: &results)
    guard open != 0, cap == nil, additions == nil else { return open }
    return resolveSure(open, request, rounding, into: &results) { row in
      let target = Int(groups[row / 8].target[row % 8])
      return (target, request.problem.weight(ofClass: target))
    }
  }

  /// Where a row's classes are in its group.
  private func places(ofRow row: Int) -> StrideTo<Int> {
    let first = groups.place(ofRow: row, classes: layout.classes)
    return stride(from: first, to: first + 8 * layout.classes, by: 8)
  }

  /// Rounds what is open of the gradients of rows that are sure of a class, ``SureRow``.
  ///
  /// - Parameter target: the only class of a row with a target weight, and that.
  /// - Returns: the rows that are still open.
  private func resolveSure(
    _ open: RowBits, _ request: LossRequest, _ rounding: KernelRounding, into results: inout [Double],
    target: (Int) -> (index: Int, weight: Double)?
  ) -> RowBits {
    guard let exponents else { return open }
    var left = open
    for row in 0..<count where open & (1 << row) != 0 {
      guard let (target, weight) = target(row) else { continue }
      let (group, lane) = (row / 8, row % 8)
      let sure = SureRow(
        factor: request.gradientFactor(row: number(row), weight: weight).triple(over: exponents.gradient),
        target: target, top: Int(groups[group].top[lane]), others: groups[group].others.high[lane],
        sum: groups[group].sum.high[lane])
      var isOpen = false
      for (i, place) in places(ofRow: row).enumerated() where results[place].isNaN {
        results[place] = sure.derivative(i, groups.exponentials.numbers[place], rounding)
        if results[place].isNaN { isOpen = true }
      }
      if !isOpen { left &= ~(1 << row) }
    }
    return left
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
      exponentials.times(capSlopes, vanishing: vanishing, by: loops), isGradient: true, within: shareError + slopeError,
      rounding, into: &results)
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
    let pulls = groups.exponentials.times(groups.capSlopes, vanishing: vanishing, by: loops)
    let others = teachers.exponentials.times(groups.capSlopes, vanishing: vanishing, by: loops)
    // A teacher's logits are not capped, and a z-loss moves its student.
    let count = cap == nil && additions == nil ? groups.arguments.count : 0
    var out = results.mutableSpan
    return loops.interleavedDifferences(
      pulls.numbers.span, groups.span, teacherPairs: others.numbers.span, teachers: teachers.span,
      logits: groups.arguments.numbers.extracting(first: count),
      teacherLogits: teachers.arguments.numbers.extracting(first: count), within: slopeError + 2 * argumentError,
      rounding, into: &out)
  }

  /// The gradients for target weights; in triples, where most of their digits cancel.
  private mutating func differences(
    from targets: TargetGroups, of request: LossRequest, _ rounding: KernelRounding, into results: inout [Double]
  ) -> RowBits {
    let (pulls, others) = (
      groups.exponentials.times(groups.capSlopes, vanishing: vanishing, by: loops),
      targets.shares.times(groups.capSlopes, vanishing: vanishing, by: loops)
    )
    var out = results.mutableSpan
    var open =
      taken
      & loops.interleavedDifferences(
        pulls.numbers.span, groups.span, teacherPairs: others.numbers.span, teachers: Span(), logits: Span(),
        teacherLogits: Span(), within: slopeError + 2 * argumentError, rounding, into: &out)
    guard open != 0, targets.areExact, cap == nil, additions == nil else { return open }
    for row in 0..<count where open & (1 << row) != 0 {
      let places = places(ofRow: row)
      guard targets.shares.areLevel(places, beside: groups.arguments.numbers) else { continue }
      for place in places { results[place] = 0 }
      open &= ~(1 << row)
    }
    open = resolveSure(open, request, rounding, into: &results) { targets.shares.only(places(ofRow: $0)) }
    guard open != 0 else { return open }
    triples.resize(to: 3 * 8 * layout.classes)
    let (table, rests, arguments) = (exponentialTable, exponentialRests, groups.arguments)
    let (loops, groups, shares) = (loops, groups, targets.shares)
    var memory = triples.mutableSpan
    out = results.mutableSpan
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

  /// Computes the losses except for their factors, where they are not known yet.
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

extension GroupedRows {
  /// What a row's gradient and its loss are multiplied by, the weight of its target included.
  struct Factors {
    let gradient: ScaledDoubleDouble
    let loss: ScaledDoubleDouble
    /// The target's weight alone.
    let weight: Double
  }

  /// The exponents of the factors of gradients and losses, apart from those of ``InterleavedRows``.
  struct Exponents {
    let gradient: Int
    let loss: Int
    /// How far a row's own may be from them.
    static let reach = 16

    /// Those of some factors.
    init(_ factors: Factors) {
      gradient = factors.gradient.exponent
      loss = factors.loss.exponent
    }

    /// What a row's factors are without these exponents, and λ over its weight; `nil` where they are too far from them,
    /// or zero.
    func pairs(
      _ factors: Factors, zLoss: Double
    ) -> (gradient: DoubleDouble, loss: DoubleDouble, penalty: DoubleDouble)? {
      guard !factors.gradient.isZero, abs(factors.gradient.exponent - gradient) <= Exponents.reach,
        abs(gradient) <= 800, !factors.loss.isZero, abs(factors.loss.exponent - loss) <= Exponents.reach,
        abs(loss) <= 280
      else { return nil }
      var penalty = DoubleDouble(high: 0)
      if zLoss > 0 {
        let scaled = ScaledDoubleDouble(zLoss) / ScaledDoubleDouble(factors.weight)
        guard abs(scaled.exponent) <= 300 else { return nil }
        penalty = scaled.pair(timesPowerOf: 0)
      }
      return (factors.gradient.pair(timesPowerOf: -gradient), factors.loss.pair(timesPowerOf: -loss), penalty)
    }
  }
}

extension ScaledDoubleDouble {
  /// The number times 2^exponent, with its sign.
  /// - Precondition: its own exponent and that add up to at most ±900.
  fileprivate func pair(timesPowerOf exponent: Int) -> DoubleDouble {
    let power = isNegative ? -powerOfTwo(self.exponent + exponent) : powerOfTwo(self.exponent + exponent)
    return DoubleDouble(high: mantissa.high * power, low: mantissa.low * power)
  }
}
