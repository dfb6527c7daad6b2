internal import VectorKernels

/// The stages, each more expensive and more precise than the one before. docs/numerics.md §3 says why the last always
/// ends.
public enum Stage: Int, Sendable, Comparable, CaseIterable {
  /// Vectorised double-double numbers, good to about 2^-79.
  case vector
  /// Double-double numbers with an error bound, good to about 2^-100 for exp and 2^-92 for log.
  case ball
  /// Intervals between big numbers, from 256 bits to as many as it takes.
  case interval

  public static func < (a: Stage, b: Stage) -> Bool { a.rawValue < b.rawValue }
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
  /// The first stage to ask.
  let start: Stage
  var poll: CancellationPoll
  var counts = StageCounts()

  init(_ execution: Execution, from start: Stage) {
    self.start = start
    poll = CancellationPoll(execution)
  }

  /// It ends because a rational result becomes exact with enough bits, and an irrational one lies some way from every
  /// midpoint between two numbers. Where neither is proved, and where parts below 2^-1000000 decide whose sign is not
  /// known, it may go on until it is cancelled.
  mutating func resolve<Outputs: UnresolvedOutputs>(_ outputs: inout Outputs) throws(ComputationError) {
    guard outputs.unresolvedCount > 0 else { return }
    if start < .interval {
      counts.ball += outputs.unresolvedCount
      try outputs.resolve(with: BallArithmetic.standard, &poll)
      guard outputs.unresolvedCount > 0 else { return }
    }
    counts.interval += outputs.unresolvedCount
    poll.isUnbounded = true
    defer { poll.isUnbounded = false }
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
public struct StageCounts: Sendable, Hashable {
  /// All results.
  public var outputs = 0
  /// Those that the vector stage left open, or was not asked for, except for what is known without arithmetic.
  public var ball = 0
  /// Those that the ball stage left open.
  public var interval = 0
  /// The most bits that any output needed in the interval stage; 0 if none came there.
  public var widestBits = 0

  public init() {}

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
public final class StageCounter {
  public var total = StageCounts()

  public init() {}

  func add(_ part: StageCounts) { total = total + part }
}

/// A row with outputs that the vector stage left open.
struct UnresolvedRow: Sendable {
  let number: Int
  /// How many of its outputs are open.
  let count: Int
  /// Whether its loss is among them.
  var isLossOpen = false
  /// Its logits, where results have overwritten them.
  var logits: Numbers?
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

  /// `nil` where all rows are open.
  private let rows: [UnresolvedRow]?
  private let outputs: Int
  let shares: [Share]

  /// - Parameters:
  ///   - rows: what the vector stage left open, in order; `nil` where it was not asked.
  ///   - layout: the logits'.
  ///   - outputs: how many outputs a row has.
  init(_ rows: [UnresolvedRow]?, layout: Layout, outputs: Int) {
    self.rows = rows
    self.outputs = outputs
    let count = rows?.count ?? layout.batch
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
    rows?[index] ?? UnresolvedRow(number: index, count: outputs, isLossOpen: true)
  }
}

/// Functions of one row that are not rounded yet.
struct UnresolvedValues: UnresolvedOutputs {
  struct Entry {
    let value: RowValue
    /// Where the result goes.
    let buffer: ResultBuffer
    let position: Int
  }

  let row: LogitsRow
  let format: BinaryFormat
  private var entries: [Entry]
  /// What exponential sums are made of, once they are asked.
  private var quotients: RowQuotients?

  /// Writes what is known without arithmetic at once.
  init(_ entries: [Entry], of row: LogitsRow, format: BinaryFormat) {
    self.entries = entries.filter { entry in
      guard let known = row.known(entry.value) else { return true }
      entry.buffer[entry.position] = known
      return false
    }
    self.row = row
    self.format = format
  }

  var unresolvedCount: Int { entries.count }

  mutating func resolve<A: Arithmetic>(
    with arithmetic: A, _ poll: inout CancellationPoll
  ) throws(ComputationError) {
    var sums = try SoftmaxSums(row, arithmetic, &poll)
    var left: [Entry] = []
    for entry in entries {
      try poll.spend(arithmetic.costOfExponential / 4)
      if let result = try result(entry.value, &sums, &poll) {
        entry.buffer[entry.position] = result
      } else {
        left.append(entry)
      }
    }
    entries = left
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
