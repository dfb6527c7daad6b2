internal import KernelDispatch
internal import VectorKernels

/// The vector stage: one row at a time, to about 2^-79, with a rounding test for each result. What it cannot prove it
/// leaves to the next stage, as NaN.
///
/// It holds the memory for a row's exponentials, so one value serves many rows; each begins with ``read(_:exponent:)``.
struct VectorRow: ~Copyable {
  let loops: any VectorLoops.Type
  let format: ResultFormat
  let temperature: Double

  /// What ``read(_:exponent:)`` was told: an exponential may stand as zero because of it.
  private(set) var exponent = 0
  private(set) var top = RowMaximum(value: 0, index: 0)
  private(set) var shift = RowShift(maximum: 0, temperature: 1)
  private(set) var sums = RowSums(
    others: DoubleDouble(high: 0), sum: DoubleDouble(high: 1), reciprocal: DoubleDouble(high: 1))
  private(set) var exponentials = DoubleDoubleBuffer()
  /// What caps the logits, if anything does.
  let cap: RowCap?
  /// A capped row's z, and the derivatives of its capped logits.
  private var arguments = DoubleDoubleBuffer()
  private(set) var capSlopes = DoubleDoubleBuffer()
  /// A capped row's exponentials times these.
  private var cappedPulls = DoubleDoubleBuffer()
  /// The row's target weights u, where they are asked for.
  var targetWeights = DoubleDoubleBuffer()
  /// The row's exponentials as triples, [3][padded classes], where they are asked for.
  var triples: [Double] = []

  /// Whether this stage does a problem: extreme temperatures and caps are not for it.
  static func serves(_ problem: SoftmaxProblem) -> Bool {
    problem.temperature >= 0x1p-900 && problem.temperature <= 0x1p500 && problem.layout.classes <= 1 << 23
      && (problem.softcap.map { RowCap.serves($0, temperature: problem.temperature) } ?? true)
  }

  /// - Parameters:
  ///   - problem: one that this stage ``serves(_:)``, if any row is to be read.
  ///   - isCapped: whether the problem's cap is for this row.
  init(_ problem: borrowing SoftmaxProblem, _ level: KernelLevel, isCapped: Bool = true) {
    loops = level.loops
    format = problem.format
    temperature = problem.temperature
    cap = isCapped ? problem.softcap.map { RowCap($0, temperature: problem.temperature) } : nil
  }

  /// About how many nanoseconds a row of so many classes takes.
  static func cost(_ classes: Int) -> Int { 200 + 6 * classes }

  /// Takes a row and computes its exponentials and their sums.
  ///
  /// - Parameters:
  ///   - row: [classes], a finite logit among them; no NaN, no +∞.
  ///   - exponent: the results to come are at most 2^exponent times a probability; at most 900.
  mutating func read(_ row: Span<Double>, exponent: Int = 0) {
    begin(row)
    exponentiate(row, exponent: exponent)
  }

  /// The first half of ``read(_:exponent:)``: the maximum.
  mutating func begin(_ row: Span<Double>) {
    exponentials.makeRoom(for: row.count)
    top = loops.maximum(row)
    guard let cap else {
      shift = RowShift(maximum: top.value, temperature: temperature)
      return
    }
    arguments.makeRoom(for: row.count)
    capSlopes.makeRoom(for: row.count)
    let (loops, top, table) = (loops, top, exponentialTable)
    Self.fill(&arguments.numbers, &capSlopes.numbers) { z, slopes in
      loops.capped(
        row, maximum: top.value, cap: cap.shift, scale: cap.scale, table: table.span, into: &z, slopes: &slopes)
    }
  }

  /// Lets a loop write two parts of this value.
  private static func fill(
    _ first: inout [Double], _ second: inout [Double],
    _ loop: (inout MutableSpan<Double>, inout MutableSpan<Double>) -> Void
  ) {
    var one = first.mutableSpan
    var other = second.mutableSpan
    loop(&one, &other)
  }

  /// The other half: the exponentials.
  mutating func exponentiate(_ row: Span<Double>, exponent: Int) {
    self.exponent = exponent
    // Arrays of its own, since a span of a part keeps all of this value from being changed.
    let (loops, top, shift, table, arguments) = (loops, top, shift, exponentialTable, arguments)
    let (isCapped, vanishing) = (isCapped, VectorRow.vanishing(format, exponent: exponent))
    var pairs = exponentials.numbers.mutableSpan
    sums = loops.exponentials(
      isCapped ? arguments.high.extracting(first: row.count) : row, rests: isCapped ? arguments.low : Span(), top: top,
      shift: shift, vanishing: vanishing, table: table.span, into: &pairs)
    if isCapped { multiplyByCapSlopes() }
  }

  private mutating func multiplyByCapSlopes() {
    cappedPulls.makeRoom(for: exponentials.numbers.count / 2)
    let (loops, exponentials, capSlopes) = (loops, exponentials, capSlopes)
    var pulls = cappedPulls.numbers.mutableSpan
    loops.multiplied(exponentials.high, exponentials.low, by: capSlopes.numbers.span, into: &pulls)
  }

  /// Whether the logits are capped.
  var isCapped: Bool { cap != nil }

  /// How far z may be from the real one, absolutely: so each exponential, relatively.
  var argumentError: Double { cap?.error ?? 0 }

  /// The same for one class: the z of a logit that equals the maximum is zero.
  private func argumentError(_ i: Int, of row: Span<Double>) -> Double { row[i] == top.value ? 0 : argumentError }

  /// What derivatives have of each exponential: it itself, times the derivative of a capped logit.
  var pullHigh: Span<Double> {
    @_lifetime(borrow self) get { cap == nil ? exponentials.high : cappedPulls.high }
  }

  var pullLow: Span<Double> {
    @_lifetime(borrow self) get { cap == nil ? exponentials.low : cappedPulls.low }
  }

  /// Calls `body` with what the loops compute z of: a row's logits, or the capped ones' z and its rests.
  @inline(__always)
  func withArguments<Result>(
    of row: Span<Double>, _ body: (Span<Double>, Span<Double>) -> Result
  ) -> Result {
    guard cap != nil else { return body(row, Span()) }
    return body(arguments.high.extracting(first: row.count), arguments.low)
  }

  /// The relative error of a probability.
  var shareError: Double { probabilityError + 2 * argumentError }

  /// The z from which on e^z·2^exponent is below a quarter of the format's least number; at most -620.
  static func vanishing(_ format: ResultFormat, exponent: Int) -> Double {
    // log 2 rounded up, and a unit more.
    min(-620, -Double(4 - format.leastExponent + max(0, exponent)) * 0.69315)
  }

  /// Writes the row's probabilities. - Returns: how many are not proven, and NaN.
  func probabilities(of row: Span<Double>, into out: inout MutableSpan<Double>) -> Int {
    let open = loops.scaled(
      exponentials.high, exponentials.low, by: sums.reciprocal, within: shareError,
      KernelRounding(format), into: &out)
    guard open > 0 else { return 0 }
    let left = open - resolveFarProducts(row, RowFactor(.one, within: 0), into: &out)
    guard left > 0 else { return 0 }
    let sum = sum
    return left - resolveFar(row, into: &out) { e, _ in e / sum }
  }

  /// Writes the row's log-probabilities. - Returns: how many are not proven, and NaN.
  func logProbabilities(_ row: Span<Double>, into out: inout MutableSpan<Double>) -> Int {
    let logSum = self.logSum
    var open = withArguments(of: row) { arguments, rests in
      loops.logProbabilities(
        arguments, rests: rests, shift: shift, logSum: logSum.value, error: logSum.error + argumentError,
        KernelRounding(format), into: &out)
    }
    guard open > 0 else { return 0 }
    // z is often exactly half-way between two results, and log S far below it: its sign decides, which the loop left
    // out.
    let bounds = bounds(of: logSum)
    for i in 0..<out.count where out[i].isNaN {
      out[i] = 0 - rounded(-argument(i, of: row), within: argumentError(i, of: row), plus: bounds, exponent: 0)
      if !out[i].isNaN { open -= 1 }
    }
    return open
  }

  /// The probability of one class, correctly rounded, or NaN.
  func probability(_ i: Int) -> Double {
    let e = exponentials[i]
    // Zeros mean a result known to be zero; zero and NaN, one that is not known.
    guard e.high > 0 else { return e.low == 0 ? 0 : .nan }
    let value = e.times(sums.reciprocal, BaselineMultiplier.self)
    return KernelRounding(format).rounded(value, error: value.high * shareError)
  }

  /// The log-probability of one class, correctly rounded, or NaN.
  func logProbability(_ i: Int, of row: Span<Double>, _ logSum: LogSumBounds) -> Double {
    row[i] == -.infinity
      ? -.infinity : 0 - rounded(-argument(i, of: row), within: argumentError(i, of: row), plus: logSum, exponent: 0)
  }

  /// log S, for ``logProbability(_:of:_:)``.
  var logSumBounds: LogSumBounds { bounds(of: logSum) }
}

/// A number and how far from the real one it may be.
struct VectorValue: Sendable {
  var value: DoubleDouble
  var error: Double
}

/// log S as `high + tail`, the tail between two bounds.
struct LogSumBounds: Sendable {
  var high: Double
  var least: Double
  var greatest: Double
}

extension VectorRow {
  /// log S.
  ///
  /// Error Bounds: the kernel's, and R's own, since d log(1+R)/log(1+R) ≤ dR/R. A faint row's is R, but for
  /// R²/2 < 2^-700 R: within 2^-79.9 of itself and what R leaves out.
  var logSum: VectorValue {
    if sums.isFaint {
      let error = sums.others.high * (0x1.3p-80 + argumentError)
      return VectorValue(value: sums.others, error: error + RowSums.leftOut)
    }
    let table = exponentialTable
    let value = loops.logSum(sums, table: table.span)
    return VectorValue(value: value, error: value.high * (logSumError + argumentError))
  }

  /// log S with bounds of its tail. It is certainly positive, however faint, when there is another finite logit; when
  /// there is none, the maximum's log-probability alone depends on it, which no kernel decides.
  ///
  /// The least positive number stands for anything in (0, 2^-1074): no boundary between two results, and no sum of
  /// binary64 numbers, lies that close to another.
  private func bounds(of logSum: VectorValue) -> LogSumBounds {
    guard !sums.isFaint else {
      // Four half units of the head: its rest, an end's rounding, and more than its error.
      let head = logSum.value.high
      let reach = head * 0x1p-51 + RowSums.leftOut
      return LogSumBounds(high: 0, least: max(.leastNonzeroMagnitude, head - reach), greatest: head + reach)
    }
    let value = logSum.value
    return LogSumBounds(high: value.high, least: value.low - logSum.error, greatest: value.low + logSum.error)
  }

  /// z of one class: (a - maximum)/temperature within 2^-100 |z| as in `VectorLoops.shifted`, or within
  /// ``argumentError`` where logits are capped.
  func argument(_ i: Int, of row: Span<Double>) -> DoubleDouble {
    guard cap == nil else { return arguments[i] }
    let d = DoubleDouble(sum: row[i], -shift.maximum)
    if temperature == 1 { return d }
    return VectorRow.quotient(d, temperature)
  }

  static func quotient(_ d: DoubleDouble, _ t: Double) -> DoubleDouble {
    let q = d.high / t
    let p = BaselineMultiplier.product(q, t)
    return DoubleDouble(large: q, small: (((d.high - p.high) - p.low) + d.low) / t)
  }

  /// -log p = log S - z of one logit.
  ///
  /// Error Bounds: nothing cancels: log S's error, z's and 2^-98 of the sum.
  func minusLog(_ i: Int, of row: Span<Double>) -> VectorValue {
    let logSum = self.logSum
    let value = logSum.value + -argument(i, of: row)
    return VectorValue(value: value, error: logSum.error + argumentError(i, of: row) + value.high * 0x1p-98)
  }

  /// -log p = log S - z of one logit, times 2^exponent, correctly rounded, or NaN; half-way cases included.
  func minusLog(_ i: Int, of row: Span<Double>, exponent: Int) -> Double {
    rounded(
      -argument(i, of: row), within: argumentError(i, of: row), plus: bounds(of: logSum), exponent: exponent)
  }

  /// log Σ e^(a/temperature), correctly rounded, or NaN.
  var logSumExp: Double {
    guard cap == nil else { return logSumExpBall.rounded(to: format, isIrrational: false) ?? .nan }
    return rounded(
      VectorRow.quotient(DoubleDouble(high: shift.maximum), temperature), within: 0, plus: bounds(of: logSum),
      exponent: 0)
  }

  /// `x + log S`, times 2^exponent, correctly rounded, or NaN; x as ``argument(_:of:)`` has it. The sum may cancel.
  ///
  /// x and log S's head are added exactly; what is left of log S then widens the result or tells the side of a half-way
  /// case.
  ///
  /// Error Bounds: the tail's sum is off by at most 2^-53 of itself, for 2^-52; x by `error` and what the shift says.
  private func rounded(
    _ x: DoubleDouble, within error: Double, plus logSum: LogSumBounds, exponent: Int
  ) -> Double {
    guard abs(exponent) <= 900 else { return .nan }
    let s = DoubleDouble(sum: x.high, logSum.high)
    let m = DoubleDouble(sum: s.low, x.low)
    let slack = x.high.magnitude * shift.relative + (shift.absolute + error)
    let up = m.low + logSum.greatest
    let down = m.low + logSum.least
    return KernelRounding(format, exponent: exponent).rounded(
      s.high, m.high, tails: up + (up.magnitude * 0x1p-52 + slack), down - (down.magnitude * 0x1p-52 + slack))
  }

  /// -Σ p log p = log S + Σ e (-z) / S, correctly rounded, or NaN.
  ///
  /// Error Bounds: both terms are ≥ 0. log S within 2^-79.75; the second within 2^-80.3 + 2^-79.9 + 2^-89 < 2^-79.07,
  /// each of its own size, so 0x1.1p-79 of the sum. A cap's error is once in each e and once in 1/S, and as z's own at
  /// most R/S times in the second. A faint row's sums are not good enough.
  func entropy(_ row: Span<Double>) -> Double {
    guard !sums.isFaint else { return .nan }
    let cross = crossSum(exponentials, row).cross
    let value = logSum.value + cross.times(sums.reciprocal, BaselineMultiplier.self)
    let error = value.high * (0x1.1p-79 + 2 * argumentError) + min(1, sums.others.high) * argumentError
    return KernelRounding(format).rounded(value, error: error)
  }

  /// Σ u and Σ u (-z) of some pairs u.
  func crossSum(_ pairs: borrowing DoubleDoubleBuffer, _ row: Span<Double>) -> ShareSums {
    withArguments(of: row) { arguments, rests in
      loops.shareSums(pairs.high, pairs.low, arguments, rests: rests, shift: shift)
    }
  }
}
