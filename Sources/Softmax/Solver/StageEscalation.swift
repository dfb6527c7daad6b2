internal import Synchronization
internal import VectorKernels

/// The stages, each more expensive and more precise than the one before. docs/numerics.md §5 and §6 say when the
/// last is known to end.
package enum Stage: Int, Sendable, Comparable, CaseIterable {
  /// Vectorised double-double numbers, good to about 2^-79.
  case vector
  /// Double-double numbers with an error bound, good to about 2^-100 for exp and 2^-92 for log.
  case ball
  /// Intervals between big numbers, from 256 bits to as many as it takes.
  case interval

  package static func < (a: Stage, b: Stage) -> Bool { a.rawValue < b.rawValue }
}

/// Outputs that are not rounded yet.
protocol UnresolvedOutputs {
  var unresolvedCount: Int { get }
  /// Rounds the outputs whose enclosures in this arithmetic round to one number of the result format as a whole.
  mutating func resolve<A: Arithmetic>(
    with arithmetic: A, _ poll: inout CancellationPoll
  ) throws(ComputationError)
}

/// Asks one stage after the other, from ball on, until all outputs are rounded.
struct StageEscalation {
  private let start: Stage
  private let level: KernelLevel
  var poll: CancellationPoll
  var counts = StageCounts()

  init(_ execution: Execution) {
    start = execution.firstStage
    level = execution.level
    poll = CancellationPoll(execution)
  }

  /// It ends because a rational result becomes exact with enough bits, and an irrational one lies some way from every
  /// midpoint between two numbers. Where neither is proved, and where parts below 2^-1000000 decide whose sign is not
  /// known, it may go on until it is cancelled.
  mutating func resolve<Outputs: UnresolvedOutputs>(_ outputs: inout Outputs) throws(ComputationError) {
    guard outputs.unresolvedCount > 0 else { return }
    poll.isUnbounded = true
    defer {
      // Many rows with little work each are much work too.
      poll.report()
      poll.isUnbounded = false
    }
    if start < .interval {
      counts.ball += outputs.unresolvedCount
      try outputs.resolve(with: BallArithmetic.standard(level), &poll)
      guard outputs.unresolvedCount > 0 else { return }
    }
    counts.interval += outputs.unresolvedCount
    var bits = 256
    try outputs.resolve(with: IntervalArithmetic.standard, &poll)
    while outputs.unresolvedCount > 0 {
      bits *= 2
      try outputs.resolve(with: IntervalArithmetic.wide(bits: bits, &poll), &poll)
    }
    counts.widestBits = max(counts.widestBits, bits)
  }
}

/// How many outputs each stage was asked for.
package struct StageCounts: Sendable, Hashable {
  /// All results.
  package var outputs = 0
  /// Those that the vector stage left open, or was not asked for, except for what is known without arithmetic.
  package var ball = 0
  /// Those that the ball stage left open.
  package var interval = 0
  /// The most bits that any output needed in the interval stage; 0 if none came there.
  package var widestBits = 0

  static func + (a: StageCounts, b: StageCounts) -> StageCounts {
    var sum = a
    sum.outputs += b.outputs
    sum.ball += b.ball
    sum.interval += b.interval
    sum.widestBits = max(a.widestBits, b.widestBits)
    return sum
  }
}

/// Adds up, over computations, how many outputs each stage was asked for.
package final class StageCounter: Sendable {
  private let counts = Mutex(StageCounts())

  package init() {}

  package var total: StageCounts { counts.withLock { $0 } }

  func add(_ part: StageCounts) { counts.withLock { $0 = $0 + part } }

  func add(outputs: Int) { counts.withLock { $0.outputs += outputs } }
}

/// A row with outputs that the vector stage left open.
struct UnresolvedRow: Sendable {
  let number: Int
  /// How many of its outputs are open.
  let count: Int
  /// Its logits, where results have overwritten them. (Few rows have them, so they take a reference's place.)
  var logits: KeptLogits?
  /// Whether the loss is among its open outputs.
  var isLossOpen = false
}

/// A row's logits that are not in their tensor any more.
final class KeptLogits: Sendable {
  let numbers: Numbers

  init(_ numbers: Numbers) { self.numbers = numbers }
}

/// The rows with open outputs, as threads share them out for the other stages.
///
/// A row costs some microseconds a class there, so that a few rows are worth a thread. The outputs of one row are
/// shared out too where they cost much more than the row's exponentials, which each part computes anew.
struct UnresolvedRows: Sendable {
  /// What one thread takes at a time: some rows, or a part of one row's outputs.
  struct Share {
    let rows: Range<Int>
    /// Which of how many parts of the row's outputs it is.
    let part: Int
    let parts: Int

    /// Which of a row's `count` outputs are in this part.
    func outputs(of count: Int) -> Range<Int> { (count * part / parts)..<(count * (part + 1) / parts) }
  }

  /// How many logits are worth a thread, at least.
  private static let leastElements = 64
  private static let mostParts = 8

  private static let mostRows = 1 << 16

  /// `nil` where all rows are open.
  private let rows: [UnresolvedRow]?
  private let first: Int
  private let outputs: Int
  let shares: [Share]

  /// The first of some rows, which are done before the next ones, so that only so many open rows are kept.
  static func part(of rows: Range<Int>) -> Range<Int> {
    rows.lowerBound..<min(rows.lowerBound + mostRows, rows.upperBound)
  }

  /// - Parameters:
  ///   - rows: what the vector stage left open, in order; `nil` where it was not asked.
  ///   - all: the rows that it is about.
  ///   - layout: the logits'.
  ///   - outputs: how many outputs a row has.
  init(_ rows: [UnresolvedRow]?, of all: Range<Int>, layout: Layout, outputs: Int) {
    self.rows = rows
    self.outputs = outputs
    first = all.lowerBound
    let count = rows?.count ?? all.count
    let length = max(1, Self.leastElements / layout.classes)
    var shares: [Share] = []
    var start = 0
    while start < count {
      let parts = min(Self.mostParts, (rows?[start].count ?? outputs) / (32 * layout.classes))
      if parts > 1 {
        for part in 0..<parts { shares.append(Share(rows: start..<(start + 1), part: part, parts: parts)) }
        start += 1
      } else {
        let end = min(count, start + length)
        shares.append(Share(rows: start..<end, part: 0, parts: 1))
        start = end
      }
    }
    self.shares = shares
  }

  /// Whether the vector stage was asked, so that the open outputs are those that are NaN.
  var haveResults: Bool { rows != nil }

  subscript(index: Int) -> UnresolvedRow {
    rows?[index] ?? UnresolvedRow(number: first + index, count: outputs, isLossOpen: true)
  }
}

/// Functions of one row that are not rounded yet: they are NaN where they stand, and nothing is kept for each.
struct UnresolvedValues: UnresolvedOutputs {
  /// Some numbers of a tensor that are functions of the row.
  struct Part {
    let buffer: ResultBuffer
    /// The first function's position in the tensor, and how far apart they are.
    let start, step: Int
    let functions: Range<Int>
    /// `nil` for a number that is none, and there already.
    let value: (Int) -> RowValue?

    fileprivate func position(of function: Int) -> Int { start + function * step }
  }

  let row: LogitsRow
  let format: BinaryFormat
  private let parts: [Part]
  private(set) var unresolvedCount = 0
  /// What exponential sums are made of, once they are asked.
  private var quotients: RowQuotients?

  /// Writes what is known without arithmetic at once.
  ///
  /// - Parameter haveResults: the numbers that are open are NaN already; else all are open.
  init(
    _ parts: [Part], of row: LogitsRow, format: BinaryFormat, haveResults: Bool, _ poll: inout CancellationPoll
  ) throws(ComputationError) {
    self.row = row
    self.format = format
    self.parts = parts
    for part in parts {
      for function in part.functions {
        try poll.spend(20)
        let position = part.position(of: function)
        if haveResults, !part.buffer[position].isNaN { continue }
        guard let value = part.value(function) else { continue }
        let known = row.known(value)
        part.buffer[position] = known ?? .nan
        if known == nil { unresolvedCount += 1 }
      }
    }
  }

  mutating func resolve<A: Arithmetic>(
    with arithmetic: A, _ poll: inout CancellationPoll
  ) throws(ComputationError) {
    var sums = try SoftmaxSums(row, arithmetic, &poll)
    for part in parts {
      for function in part.functions {
        try poll.spend(5)
        let position = part.position(of: function)
        guard part.buffer[position].isNaN, let value = part.value(function) else { continue }
        try poll.spend(arithmetic.costOfOutput)
        guard let result = try result(value, &sums, &poll) else { continue }
        part.buffer[position] = result
        unresolvedCount -= 1
      }
    }
  }

  private mutating func result<A: Arithmetic>(
    _ value: RowValue, _ sums: inout SoftmaxSums<A>, _ poll: inout CancellationPoll
  ) throws(ComputationError) -> Double? {
    let enclosure = try sums.enclosure(of: value, &poll)
    let result = enclosure.rounded(to: format, isIrrational: row.isIrrational(value))
    if result != nil || sums.arithmetic.bits < 256 { return result }
    let quotients = quotients ?? RowQuotients(row)
    self.quotients = quotients
    return try quotients.quotient(value)?.nearest(to: enclosure, bits: sums.arithmetic.bits, in: format, &poll)
  }
}
