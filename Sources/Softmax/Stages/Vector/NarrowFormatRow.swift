internal import Allocation
internal import VectorKernels

/// The vector stage's first attempt where results have far fewer bits than binary64: one row at a time in plain
/// binary64, to 2^-49, read and written by blocks. A row with any result that it cannot prove is done again by
/// ``VectorRow``.
///
/// It holds the memory for a row's exponentials, so one value serves many rows; each begins with ``read(_:row:by:)``.
/// They are given up with the first output that is made of them, whose place may be that of the logits.
struct NarrowFormatRow: ~Copyable {
  /// Whether it does the problem that it was made for.
  let isOfUse: Bool
  private let loops: any VectorLoops.Type
  private let format: BinaryFormat
  private let layout: Layout

  private var exponentials: [Double] = []  // [padded classes]
  private(set) var top = RowMaximum(value: -.infinity, index: 0)
  private var shift = RowShift(maximum: 0, temperature: 1)
  private var sums = RowSums(
    others: DoubleDouble(high: 0), sum: DoubleDouble(high: 1), reciprocal: DoubleDouble(high: 1))

  /// The relative error of R and of S: 9.01u.
  private static let sumError = 0x1.3p-50

  init(_ problem: borrowing SoftmaxProblem, _ level: KernelLevel) {
    // The test fails for about one in 2^(49-p) numbers, and does that for few rows only where p is this small.
    isOfUse =
      problem.format.precision <= 24 && problem.softcap == nil && VectorRow.serves(problem)
    loops = level.loops
    format = problem.format
    layout = problem.layout
    shift = RowShift(maximum: 0, temperature: isOfUse ? problem.temperature : 1)
  }

  /// Takes a row and computes its exponentials and their sums.
  /// - Returns: whether it can go on.
  mutating func read(_ logits: Numbers, row n: Int, by reader: inout RowReader) -> Bool {
    findMaximum(logits, row: n, by: &reader)
    guard top.value > -.infinity else { return false }
    shift.maximum = top.value
    let count = paddedCount(layout.classes)
    if exponentials.count != count { exponentials = [Double](uninitializedLargeCount: count) }
    var lanes = VectorPair(high: Vector(repeating: 0), low: Vector(repeating: 0))
    // Copies, since a span of a part keeps all of this value from being used.
    let (loops, top, shift) = (loops, top, shift)
    reader.readBlocks(of: logits, row: n) { start, block, element in
      var memory = exponentials.mutableSpan
      loops.narrowExponentials(
        block, element, top: top.index - start, shift: shift, into: &memory, from: start, sum: &lanes)
    }
    var others = DoubleDouble(high: 0)
    for lane in 0..<8 { others = others + DoubleDouble(large: lanes.high[lane], small: lanes.low[lane]) }
    let sum = DoubleDouble(high: 1) + others
    sums = RowSums(others: others, sum: sum, reciprocal: sum.reciprocal(BaselineMultiplier.self))
    return !sums.isFaint
  }

  private mutating func findMaximum(_ logits: Numbers, row n: Int, by reader: inout RowReader) {
    top = RowMaximum(value: -.infinity, index: 0)
    reader.readBlocks(of: logits, row: n) { start, block, element in
      let found = loops.narrowMaximum(block, element)
      if found.value > top.value { top = RowMaximum(value: found.value, index: start + found.index) }
    }
  }

  /// Writes the row's probabilities.
  /// - Returns: whether all are proven.
  mutating func probabilities(row n: Int, into buffer: ResultBuffer, by writer: inout RowWriter) -> Bool {
    products(sums.reciprocal.high, NarrowRounding(format), row: n, into: buffer, by: &writer)
  }

  /// Writes the row's log-probabilities.
  ///
  /// It reads the row again, since z is not kept.
  ///
  /// - Returns: whether all are proven.
  mutating func logProbabilities(
    _ logits: Numbers, row n: Int, into buffer: ResultBuffer, by reader: inout RowReader, _ writer: inout RowWriter
  ) -> Bool {
    let (loops, shift) = (loops, shift)
    let (logSum, rounding) = (logSum.value.high, NarrowRounding(format, isNegative: true))
    return writer.writeBlocks(of: buffer, row: n, from: &exponentials) { start, _, out in
      reader.readBlock(of: logits, row: n, from: start) { block, element in
        loops.narrowLogProbabilities(block, element, shift: shift, logSum: logSum, rounding, into: &out)
      }
    }
  }

  /// Writes `factor·(p_i - 1[i = target])`, the gradient for a class index.
  ///
  /// At the target it is -factor·(S - e_l)/S, where S - e_l is R itself at the row's maximum.
  ///
  /// - Returns: whether all are proven.
  ///
  /// Error Bounds: at the target, (S - e_l)/S is R/S with 9.01u of R and no more of S, or 1 - e_l/S with 11.02u of
  /// e_l/S ≤ 1/2, which is no more of the rest: 11.1u with what the pairs add, for 16u.
  mutating func gradient(
    row n: Int, target: Int, factor: ScaledDoubleDouble, into buffer: ResultBuffer, by writer: inout RowWriter
  ) -> Bool {
    guard !factor.isZero, abs(factor.exponent) <= 300 else { return false }
    let power = powerOfTwo(factor.exponent)
    let slope = factor.mantissa.times(sums.reciprocal, BaselineMultiplier.self)
    let scale = slope.high * power
    let rounding = NarrowRounding(format, isNegative: factor.isNegative)
    guard scale <= rounding.greatest else { return false }
    let others = target == top.index ? sums.others : sums.sum + DoubleDouble(high: -exponentials[target])
    let value = others.times(slope, BaselineMultiplier.self)
    let result = KernelRounding(format, exponent: factor.exponent, isNegative: !factor.isNegative)
      .rounded(value, error: value.high * NarrowRounding.error)
    guard !result.isNaN, products(scale, rounding, row: n, into: buffer, by: &writer) else { return false }
    buffer[layout.position(row: n, class: target)] = result
    return true
  }

  private mutating func products(
    _ factor: Double, _ rounding: NarrowRounding, row n: Int, into buffer: ResultBuffer, by writer: inout RowWriter
  ) -> Bool {
    let loops = loops
    return writer.writeBlocks(of: buffer, row: n, from: &exponentials) { start, exponentials, out in
      let block = exponentials.extracting(start..<start + paddedCount(out.count))
      return loops.narrowProducts(block, by: factor, rounding, into: &out)
    }
  }

  /// log S. d log(1+R)/log(1+R) ≤ dR/R.
  private var logSum: VectorValue {
    let table = exponentialTable
    let value = loops.logSum(sums, table: table.span)
    return VectorValue(value: value, error: value.high * (logSumError + Self.sumError))
  }

  /// -log p = log S - z of one logit, within log S's error and 2^-98 of the sum.
  func minusLog(_ logit: Double) -> VectorValue {
    let logSum = logSum
    let d = DoubleDouble(sum: logit, -shift.maximum)
    let z = shift.temperature == 1 ? d : VectorRow.quotient(d, shift.temperature)
    let value = logSum.value + -z
    return VectorValue(value: value, error: logSum.error + value.high * 0x1p-98)
  }
}

extension NarrowFormatRow {
  /// Writes the outputs of row n, if it can prove all of them.
  /// - Returns: whether it could.
  mutating func solve(
    _ logits: Numbers, number n: Int, outputs: OutputLayout, by reader: inout RowReader, _ writer: inout RowWriter
  ) -> Bool {
    guard isOfUse, outputs.areCommon, read(logits, row: n, by: &reader) else { return false }
    for place in outputs.parts.indices {
      let part = outputs.parts[place]
      switch part.output.common {
      case .probabilities:
        guard probabilities(row: n, into: part.buffer, by: &writer) else { return false }
      case .logProbabilities:
        guard logProbabilities(logits, row: n, into: part.buffer, by: &reader, &writer) else { return false }
      case .argmax: part.buffer[n] = Double(top.index)
      case nil: return false
      }
    }
    return true
  }
}

extension VectorLoss {
  /// Rounds what is wanted of a row with a class index, if plain binary64 can prove all of it.
  /// - Returns: whether it could; else nothing was added to the sum, and the row is done again.
  func solveNarrow(
    row n: Int, target: Int, reader: inout RowReader, writer: inout RowWriter, in work: inout Workspace
  ) -> Bool {
    let weight = problem.weight(ofClass: target)
    guard work.narrow.isOfUse, !request.needsPairs, problem.isCrossEntropy, weight != 0 else { return false }
    if case .hessianProduct = request.derivative { return false }
    let logits = problem.softmax.logits
    let logit = logits[request.layout.position(row: n, class: target)]
    // That loss is infinite, which the other stages find.
    guard logit > -.infinity, work.narrow.read(logits, row: n, by: &reader) else { return false }
    let lossWeight = ScaledDoubleDouble(weight)
    let loss = work.narrow.minusLog(logit)
    func resolveLoss(_ work: inout Workspace) -> Bool {
      self.resolveLoss(row: n, loss, weight: lossWeight, sum: &work.sum)
    }
    // What is not a term comes first: a gradient may be in the place of the logits, of which a further attempt is made.
    if request.use == .result, !resolveLoss(&work) { return false }
    if let gradient = buffers.gradient {
      let factor = self.factor(n) * lossWeight
      if factor.isZero {
        buffers.clearGradient(row: n, request.layout)
      } else {
        guard work.narrow.gradient(row: n, target: target, factor: factor, into: gradient, by: &writer) else {
          return false
        }
      }
    }
    return request.use != .term || resolveLoss(&work)
  }
}
