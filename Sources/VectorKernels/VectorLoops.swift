/// The loops over rows of logits and over numbers as text, eight lanes at a time, for one instruction set.
///
/// Every loop is written once, in an extension of this protocol, of `@inline(__always)` straight-line code. A
/// conformance compiles all of it again with its own module's compiler flags: ``BaselineLoops`` here, `Loops` in
/// VectorKernelsV3 and in VectorKernelsV4. The results are the same bits from each. The loop itself is
/// `@inline(never)`: within the conformance's own function, calls of C would not be inlined.
///
/// A loop must not use Array, String, closures that are not inlined or the standard library's algorithms. The compiler
/// emits specialised library functions as weak symbols and the linker keeps one of each name, so AVX-512 code could end
/// up in a function that every processor runs. `scripts/check kernels` proves that there are none.
public protocol VectorLoops: SendableMetatype {
  /// How this instruction set multiplies.
  associatedtype Multiplier: ExactMultiplier

  // Rows of logits

  static func maximum(_ row: Span<Double>) -> RowMaximum

  static func firstIndex(of row: Span<Double>, from start: Int, above bound: Double) -> Int

  static func exponentials(
    _ row: Span<Double>, rests: Span<Double>, top: RowMaximum, shift: RowShift, vanishing: Double,
    table: Span<Double>, into pairs: inout MutableSpan<Double>
  ) -> RowSums

  static func logSum(_ sums: RowSums, table: Span<Double>) -> DoubleDouble

  static func scaled(
    _ high: Span<Double>, _ low: Span<Double>, by factor: DoubleDouble, within error: Double,
    _ rounding: KernelRounding, into out: inout MutableSpan<Double>
  ) -> Int

  static func logProbabilities(
    _ row: Span<Double>, rests: Span<Double>, shift: RowShift, logSum: DoubleDouble, error: Double,
    _ rounding: KernelRounding, into out: inout MutableSpan<Double>
  ) -> Int

  static func gradient(
    _ high: Span<Double>, _ low: Span<Double>, shareHigh: Span<Double>, shareLow: Span<Double>,
    slope: DoubleDouble, within slopeError: Double, factor: DoubleDouble, within shareError: Double,
    shareLeftOut: Double, _ rounding: KernelRounding, into out: inout MutableSpan<Double>
  ) -> Int

  static func centredProducts(
    _ high: Span<Double>, _ low: Span<Double>, vector: Span<Double>, centre: Double, mean: DoubleDouble,
    within meanError: Double, slope: DoubleDouble, within error: Double, _ rounding: KernelRounding,
    into out: inout MutableSpan<Double>
  ) -> Int

  static func shares(_ pairs: inout MutableSpan<Double>, _ smoothing: TargetSmoothing, weights: Span<Double>)

  static func shares(
    ofTeacher high: Span<Double>, _ low: Span<Double>, over reciprocal: DoubleDouble, _ smoothing: TargetSmoothing,
    weights: Span<Double>, into pairs: inout MutableSpan<Double>
  )

  static func entropy(ofTargets targets: Span<Double>, table: Span<Double>) -> DoubleDouble

  static func crossEntropy(
    _ probabilities: Span<Double>, shares: Span<Double>, table: Span<Double>
  ) -> DoubleDouble

  static func quotients(
    _ probabilities: Span<Double>, shares: Span<Double>, by factor: DoubleDouble, _ rounding: KernelRounding,
    into out: inout MutableSpan<Double>
  ) -> Int

  static func shareSums(
    _ shareHigh: Span<Double>, _ shareLow: Span<Double>, _ row: Span<Double>, rests: Span<Double>, shift: RowShift
  ) -> ShareSums

  static func capped(
    _ row: Span<Double>, maximum: Double, cap: RowShift, scale: DoubleDouble, table: Span<Double>,
    into arguments: inout MutableSpan<Double>, slopes: inout MutableSpan<Double>
  )

  static func multiplied(
    _ high: Span<Double>, _ low: Span<Double>, by factors: Span<Double>, vanishing: Double,
    into pairs: inout MutableSpan<Double>
  )

  static func farProducts(
    _ row: Span<Double>, rests: Span<Double>, shift: RowShift, logits: Span<Double>, cap: RowShift,
    besides shares: Span<Double>, by factor: DoubleDouble, within error: Double, exponent: Int, isNegative: Bool,
    table: Span<Double>, into out: inout MutableSpan<Double>
  ) -> Int

  // Rows in triples

  static func tripleExponentials(
    _ row: Span<Double>, top: RowMaximum, shift: RowShift, table: Span<Double>, rests: Span<Double>,
    into triples: inout MutableSpan<Double>
  ) -> TripleDouble

  static func tripleTotal(_ high: Span<Double>, _ low: Span<Double>) -> TripleDouble

  static func tripleDifferences(
    _ x: inout MutableSpan<Double>, times a: TripleDouble, _ y: Span<Double>, times b: TripleDouble
  )

  static func roundedWhereOpen(
    _ values: Span<Double>, by factor: DoubleDouble, _ rounding: KernelRounding, into out: inout MutableSpan<Double>
  ) -> Int

  // Rows with results of few bits

  static func narrowMaximum(_ logits: RawSpan, _ element: NativeFloat) -> RowMaximum

  static func narrowExponentials(
    _ logits: RawSpan, _ element: NativeFloat, top: Int, shift: RowShift,
    into exponentials: inout MutableSpan<Double>, from start: Int, sum: inout VectorPair
  )

  static func narrowProducts(
    _ exponentials: Span<Double>, by factor: Double, _ rounding: NarrowRounding, into out: inout MutableSpan<Double>
  ) -> Bool

  static func narrowLogProbabilities(
    _ logits: RawSpan, _ element: NativeFloat, shift: RowShift, logSum: Double, _ rounding: NarrowRounding,
    into out: inout MutableSpan<Double>
  ) -> Bool

  // Groups of eight short rows

  static func interleavedCapped(
    _ logits: Span<Double>, cap: RowShift, scale: DoubleDouble, table: Span<Double>,
    into arguments: inout MutableSpan<Double>, slopes: inout MutableSpan<Double>,
    _ rows: inout MutableSpan<InterleavedRows>
  )

  static func interleavedExponentials(
    _ logits: Span<Double>, rests: Span<Double>, shift: RowShift, vanishing: Double, table: Span<Double>,
    into pairs: inout MutableSpan<Double>, _ rows: inout MutableSpan<InterleavedRows>
  )

  static func interleavedLogSums(_ rows: inout MutableSpan<InterleavedRows>, table: Span<Double>)

  static func interleavedProducts(
    _ pairs: Span<Double>, _ rows: inout MutableSpan<InterleavedRows>, isGradient: Bool, within error: Double,
    _ rounding: KernelRounding, into out: inout MutableSpan<Double>
  ) -> RowBits

  static func interleavedTargets(
    _ pairs: Span<Double>, _ rows: inout MutableSpan<InterleavedRows>, within error: Double
  )

  static func interleavedTargetResults(
    _ rows: Span<InterleavedRows>, slopes: Span<Double>, _ rounding: KernelRounding,
    into out: inout MutableSpan<Double>
  ) -> RowBits

  static func interleavedOpposites(
    _ pairs: Span<Double>, _ rows: Span<InterleavedRows>, within error: Double, _ rounding: KernelRounding,
    into out: inout MutableSpan<Double>
  ) -> RowBits

  static func interleavedLogProbabilities(
    _ logits: Span<Double>, rests: Span<Double>, shift: RowShift, _ rows: Span<InterleavedRows>,
    _ rounding: KernelRounding, into out: inout MutableSpan<Double>
  ) -> RowBits

  static func interleavedLogSumExps(
    _ rows: Span<InterleavedRows>, shift: RowShift, _ rounding: KernelRounding, into out: inout MutableSpan<Double>
  ) -> RowBits

  static func interleavedEntropies(
    _ pairs: Span<Double>, _ logits: Span<Double>, rests: Span<Double>, shift: RowShift,
    _ rows: inout MutableSpan<InterleavedRows>
  )

  static func interleavedCrossEntropies(
    _ logits: Span<Double>, rests: Span<Double>, shift: RowShift, _ rows: inout MutableSpan<InterleavedRows>
  )

  static func interleavedFocalAndPenalty(
    _ pairs: Span<Double>, _ logits: Span<Double>, rests: Span<Double>, shift: RowShift,
    _ rows: inout MutableSpan<InterleavedRows>, gamma: Double, within error: Double, reach: Double, table: Span<Double>
  )

  static func interleavedDifferences(
    _ pairs: Span<Double>, _ rows: Span<InterleavedRows>, teacherPairs: Span<Double>,
    teachers: Span<InterleavedRows>, logits: Span<Double>, teacherLogits: Span<Double>, within error: Double,
    _ rounding: KernelRounding, into out: inout MutableSpan<Double>
  ) -> RowBits

  static func interleavedTeacherLosses(
    _ logits: Span<Double>, rests: Span<Double>, shift: RowShift, _ rows: inout MutableSpan<InterleavedRows>,
    teacherLogits: Span<Double>, teacherShift: RowShift, teacherPairs: Span<Double>, teachers: Span<InterleavedRows>,
    isDivergence: Bool
  )

  static func nearDivergence(
    _ row: Span<Double>, _ teacher: Span<Double>, high: Span<Double>, low: Span<Double>, top: Int,
    shift: RowShift, over reciprocal: DoubleDouble
  ) -> (value: DoubleDouble, error: Double)

  static func interleavedJacobians(
    _ pairs: Span<Double>, _ rows: Span<InterleavedRows>, by factor: DoubleDouble, _ rounding: KernelRounding,
    into out: inout MutableSpan<Double>
  ) -> RowBits

  static func interleavedHessianProducts(
    _ pairs: Span<Double>, _ rows: Span<InterleavedRows>, vectors: Span<Double>, within error: Double,
    _ rounding: KernelRounding, into out: inout MutableSpan<Double>
  ) -> RowBits

  static func interleavedShares(
    of targets: Span<Double>, _ smoothing: TargetSmoothing, weights: Span<Double>, logits: Span<Double>,
    rests: Span<Double>, shift: RowShift, isDivergence: Bool, reach: Double, table: Span<Double>,
    _ rows: inout MutableSpan<InterleavedRows>, into pairs: inout MutableSpan<Double>
  )

  static func interleavedPenalties(
    _ rows: inout MutableSpan<InterleavedRows>, shift: RowShift, haveTeachers: Bool, reach: Double
  )

  static func interleavedCloseDifferences(
    _ logits: Span<Double>, shift: RowShift, _ rows: Span<InterleavedRows>, of asked: RowBits, shares: Span<Double>,
    within error: Double, table: Span<Double>, rests: Span<Double>, _ rounding: KernelRounding,
    triples: inout MutableSpan<Double>, into out: inout MutableSpan<Double>
  ) -> RowBits

  static func interleavedLosses(
    _ rows: Span<InterleavedRows>, of asked: RowBits, isTerm: Bool, addingTo sum: inout InterleavedSum,
    _ rounding: KernelRounding, into out: inout MutableSpan<Double>
  ) -> RowBits

  // Numbers as text

  static func shortestDecimals(
    of values: Span<Double>, from start: Int, format: BinaryFormat, _ tables: TextTables, into block: inout DecimalBlock
  ) -> Bool

  static func layOutDigits(of block: inout DecimalBlock)

  static func writeTexts(
    of block: UnsafePointer<DecimalBlock>, _ lanes: Range<Int>, _ tables: TextTables,
    to start: UnsafeMutablePointer<UInt8>
  ) -> UnsafeMutablePointer<UInt8>

  static func countCommas(_ text: Span<UInt8>, stopsAtColon: Bool) -> (commas: Int, hasColon: Bool)

  static func readShortNumbers(
    _ text: Span<UInt8>, _ position: inout Int, limit: Int, rows: RowPattern, into values: inout OutputSpan<Double>
  )

  static func readMixedNumbers(
    _ text: Span<UInt8>, _ position: inout Int, limit: Int, rows: RowPattern, _ tables: ReadingTables,
    atMost count: Int, into values: inout OutputSpan<Double>
  )

  static func readLongNumbers(
    _ text: Span<UInt8>, _ position: inout Int, limit: Int, rows: RowPattern, powers: Words,
    into values: inout OutputSpan<Double>
  )
}

/// The loops compiled for every processor of the architecture.
public enum BaselineLoops: VectorLoops {
  public typealias Multiplier = BaselineMultiplier
}

/// An instruction set that the vector loops are compiled for, and these loops. Those beyond the baseline are in
/// KernelDispatch, so that only the program itself waits for them to be compiled.
public struct KernelLevel: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// The microarchitecture level of x86-64, and 0 for what every processor of the architecture has.
  private let number: Int
  /// The vector loops compiled for it.
  public let loops: any VectorLoops.Type

  /// - Parameters:
  ///   - number: a microarchitecture level of x86-64.
  ///   - loops: the loops that were compiled for it.
  public init(_ number: Int, _ loops: any VectorLoops.Type) {
    self.number = number
    self.loops = loops
  }

  /// What every processor of the architecture has (NEON on arm64, SSE2 on x86-64).
  public static var baseline: KernelLevel { KernelLevel(0, BaselineLoops.self) }

  /// Whether it is what every processor of the architecture has.
  public var isBaseline: Bool { number == 0 }
  public var description: String { isBaseline ? "baseline" : "v\(number)" }

  public static func == (a: KernelLevel, b: KernelLevel) -> Bool { a.number == b.number }
  public static func < (a: KernelLevel, b: KernelLevel) -> Bool { a.number < b.number }
  public func hash(into hasher: inout Hasher) { hasher.combine(number) }
}

/// Which level serves a text of numbers, by its length.
public struct KernelLevelPolicy: Sendable {
  private let short: KernelLevel
  private let long: KernelLevel

  /// Texts of this many bytes and more are long.
  private static let longText = 16 * 1024

  /// - Parameters:
  ///   - short: the level for short texts.
  ///   - long: the level for long ones.
  public init(short: KernelLevel = .baseline, long: KernelLevel = .baseline) {
    self.short = short
    self.long = long
  }

  /// The level for a text of this many bytes.
  public func level(forText bytes: Int) -> KernelLevel { bytes < Self.longText ? short : long }
}
