internal import Allocation
internal import VectorKernels

/// The vector stage: one row at a time, to about 2^-79, with a rounding test for each result. What it cannot prove it
/// leaves to the next stage, as NaN.
///
/// It holds the memory for a row's exponentials, so one value serves many rows; each begins with ``read(_:exponent:)``.
struct VectorRow: ~Copyable {
  let loops: any VectorLoops.Type
  let format: BinaryFormat
  let temperature: Double

  /// What ``read(_:exponent:)`` was told: an exponential may stand as zero because of it.
  private(set) var exponent = 0
  private(set) var top = RowMaximum(value: 0, index: 0)
  private(set) var shift = RowShift(maximum: 0, temperature: 1)
  private(set) var sums = RowSums(
    others: DoubleDouble(high: 0), sum: DoubleDouble(high: 1), reciprocal: DoubleDouble(high: 1))
  /// Whether the maximum is the only logit that is not masked: its probability is 1, exactly.
  private(set) var isAlone = false
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
    RowShift.temperatures.contains(problem.temperature) && problem.layout.classes <= 1 << 23
      && (problem.softcap.map { RowCap.serves($0, temperature: problem.temperature) } ?? true)
  }

  /// - Parameters:
  ///   - problem: one that this stage ``serves(_:)``, if any row is to be read.
  ///   - isCapped: whether the problem's cap is for this row.
  init(_ problem: borrowing SoftmaxProblem, _ level: KernelLevel, isCapped: Bool = true) {
    loops = level.loops
    format = problem.format
    temperature = problem.temperature
    cap = isCapped ? RowCap(problem) : nil
  }

  /// 2 to this is more than 1/T, what a derivative may be above a probability; and at least 1.
  static func exponentOverTemperature(_ temperature: Double) -> Int { max(0, 2 - Int(temperature.exponent)) }

  /// About how many nanoseconds a row of this many classes takes.
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
    isAlone = sums.others.high == 0 && hasNoOther(row)
    if isCapped { multiplyByCapSlopes() }
  }

  private func hasNoOther(_ row: Span<Double>) -> Bool {
    for i in row.indices where row[i] > -.infinity && i != top.index { return false }
    return true
  }

  /// A bound of what is left out of the sum of the others' exponentials.
  var sumLeftOut: Double { sums.isFaint && !isAlone ? RowSums.leftOut : 0 }

  private mutating func multiplyByCapSlopes() {
    cappedPulls.makeRoom(for: exponentials.numbers.count / 2)
    let (loops, exponentials, capSlopes) = (loops, exponentials, capSlopes)
    let vanishing = VectorRow.vanishingProduct(format, exponent: exponent)
    var pulls = cappedPulls.numbers.mutableSpan
    loops.multiplied(
      exponentials.high, exponentials.low, by: capSlopes.numbers.span, vanishing: vanishing, into: &pulls)
  }

  /// Whether the logits are capped.
  var isCapped: Bool { cap != nil }

  /// How far z may be from the real one, absolutely: so each exponential, relatively.
  var argumentError: Double { cap?.error ?? 0 }

  /// The same for one class: the z of a logit that equals the maximum is zero.
  func argumentError(_ i: Int, of row: Span<Double>) -> Double { row[i] == top.value ? 0 : argumentError }

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

  /// The z from which on e^z·2^exponent is below a quarter of the format's least number; at most -620.
  static func vanishing(_ format: BinaryFormat, exponent: Int) -> Double {
    // log 2 rounded up, and a unit more.
    min(-620, -Double(4 - format.leastExponent + max(0, exponent)) * 0.69315)
  }

  /// What is below a quarter of the format's least number, and more, once it is multiplied by 2^exponent; 0 where that
  /// is next to nothing.
  static func vanishingProduct(_ format: BinaryFormat, exponent: Int) -> Double {
    let last = format.leastExponent - 4 - exponent
    return last < -880 ? 0 : powerOfTwo(min(last, 0))
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

  /// Σ u and Σ u (-z) of some pairs u.
  func crossSum(_ pairs: borrowing DoubleDoubleBuffer, _ row: Span<Double>) -> ShareSums {
    withArguments(of: row) { arguments, rests in
      loops.shareSums(pairs.high, pairs.low, arguments, rests: rests, shift: shift)
    }
  }
}

/// A number and how far from the real one it may be.
struct VectorValue: Sendable {
  var value: DoubleDouble
  var error: Double
}

/// A cap c of a row's logits, c·tanh(a/c), as the loops need it.
struct RowCap: Sendable {
  /// c.
  let value: Double
  /// a by c/2: twice the argument of tanh.
  let shift: RowShift
  /// 2c/T.
  let scale: DoubleDouble
  /// How far each z may be from the real one: `VectorLoops.capped` says 2^-81.1 of 2c/T. So is each exponential,
  /// relatively.
  let error: Double

  /// Whether the error is small enough to prove anything, and no product underflows.
  static func serves(_ cap: Double, temperature: Double) -> Bool {
    cap >= 0x1p-300 && cap <= 0x1p300 && cap <= temperature * 0x1p12
  }

  /// - Returns: `nil` where the logits are not capped.
  init?(_ problem: borrowing SoftmaxProblem) {
    guard let cap = problem.softcap else { return nil }
    self.init(cap, temperature: problem.temperature)
  }

  init(_ cap: Double, temperature: Double) {
    value = cap
    shift = RowShift(maximum: 0, temperature: 0.5 * cap)
    scale = VectorRow.quotient(DoubleDouble(high: 2 * cap), temperature)
    error = scale.high * 0x1p-81
  }
}

/// A row of double-double numbers as the kernels keep it, or groups of rows, in one array: the high parts, padded to
/// whole vectors, and behind them the low parts.
struct DoubleDoubleBuffer: Sendable {
  var numbers: [Double] = []  // [2][padded classes]

  init() {}

  /// Of this many numbers, whole vectors, of no value.
  init(uninitialized count: Int) { numbers = [Double](uninitializedLargeCount: 2 * count) }

  /// Makes it one of this many numbers, whole vectors, of no value.
  mutating func resize(to count: Int) {
    guard numbers.count != 2 * count else { return }
    numbers = []
    self = DoubleDoubleBuffer(uninitialized: count)
  }

  /// Makes it one for a row of this many classes, of no value.
  mutating func makeRoom(for classes: Int) { resize(to: paddedCount(classes)) }

  var high: Span<Double> {
    @_lifetime(borrow self) get { numbers.span.extracting(first: numbers.count / 2) }
  }

  var low: Span<Double> {
    @_lifetime(borrow self) get { numbers.span.extracting(last: numbers.count / 2) }
  }

  subscript(position: Int) -> DoubleDouble {
    get { DoubleDouble(high: numbers[position], low: numbers[numbers.count / 2 + position]) }
    set {
      numbers[position] = newValue.high
      numbers[numbers.count / 2 + position] = newValue.low
    }
  }
}
