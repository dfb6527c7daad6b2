internal import VectorKernels

/// The powers e^(a/T) of a row's finite logits, the greatest first, equal ones gathered.
struct PowerGroups: Sendable {
  private let row: [Double]
  /// Where each group begins in `classes`, and where the last one ends.
  private let starts: [Int32]
  private let classes: [Int32]

  /// 1, of one class.
  static let one = PowerGroups([0])

  /// Rows may be long: what is kept of them takes no more than their logits do.
  init(_ row: [Double]) {
    var classes: [Int32] = []
    classes.reserveCapacity(row.count)
    for c in row.indices where row[c] > -.infinity { classes.append(Int32(c)) }
    classes.sort { row[Int($0)] > row[Int($1)] }
    func isFirst(_ place: Int) -> Bool {
      place == 0 || row[Int(classes[place - 1])] != row[Int(classes[place])]
    }
    var starts: [Int32] = []
    starts.reserveCapacity(1 + classes.indices.count(where: isFirst))
    for place in classes.indices where isFirst(place) { starts.append(Int32(place)) }
    starts.append(Int32(classes.count))
    self.row = row
    self.starts = starts
    self.classes = classes
  }

  var count: Int { starts.count - 1 }

  /// A group's logit.
  func logit(_ group: Int) -> Double { row[Int(classes[Int(starts[group])])] }

  /// How many classes a group has.
  func size(_ group: Int) -> Int { Int(starts[group + 1] - starts[group]) }

  /// The group of a logit that is one of the row's.
  func index(of logit: Double) -> Int {
    var (low, high) = (0, count - 1)
    while low < high {
      let middle = (low + high) / 2
      if self.logit(middle) > logit { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// The sum over a group's classes of numbers, exactly; of ones where there are none.
  func sum(_ group: Int, of numbers: [Double]?) -> ExponentialSum.Coefficient {
    guard let numbers else { return ExponentialSum.exact(size(group)) }
    var (above, below) = (ExactSum(), ExactSum())
    for place in starts[group]..<starts[group + 1] {
      let number = numbers[Int(classes[Int(place)])]
      if number > 0 { above.add(number, 1) } else { below.add(-number, 1) }
    }
    return ExponentialSum.sum(ExponentialSum.exact(above), -ExponentialSum.exact(below))
  }

  /// The sums of numbers over the groups of many classes.
  func largeSums(of numbers: [Double]?) -> [Int: ExponentialSum.Coefficient] {
    var sums: [Int: ExponentialSum.Coefficient] = [:]
    for group in 0..<count where size(group) > 16 { sums[group] = sum(group, of: numbers) }
    return sums
  }

  /// Whether the groups' means of numbers are all the same.
  func haveOneMean(of numbers: [Double], _ poll: inout CancellationPoll) throws(ComputationError) -> Bool {
    let first = sum(0, of: numbers)
    for group in 1..<max(1, count) {
      try poll.spend(1_000 + 20 * size(group))
      let (here, there) = (
        ExponentialSum.product(sum(group, of: numbers), size(0)), ExponentialSum.product(first, size(group))
      )
      guard here == there else { return false }
    }
    return true
  }
}

/// A result that is a quotient of exponential sums, `(N / D - κ) / d` with d > 0, in exact numbers; D is a product S S'
/// of sums of powers e^(a/T) of one or two rows, and N of some of the same products of powers.
///
/// Whether it is above, below or on a boundary m between two numbers is the sign of one exponential sum,
/// `N - (κ + m d) D`, and that is always found. So the result is rounded right whatever cancels: rational values that
/// are boundaries, and parts below every width, of whatever signs. Asked of values that 256 bits leave open. What
/// cancels is never stored: a row may have a million classes.
struct ExponentialQuotient {
  typealias Coefficient = ExponentialSum.Coefficient

  /// What one group of S' has in N with those of S: a multiple of their sizes, and more with one of them.
  struct Column {
    let group: Int
    var perClass = ExponentialSum.exact(0)
    var place = 0
    var extra = ExponentialSum.exact(0)
  }

  enum Denominator {
    /// S S'.
    case product
    /// The power of one group of S.
    case power(Int)
    /// S S' times another sum: no boundary is found.
    case other
  }

  /// S and S'.
  var first: PowerGroups
  var second = PowerGroups.one
  var denominator = Denominator.product
  /// N: what one group of S has with those of S', and one of S' with those of S.
  var row: (group: Int, coefficient: (Int) -> Coefficient)?
  var column: Column?
  var offset = ExponentialSum.exact(0)
  var divisor = ExponentialSum.exact(1)
  /// Whether it is irrational or zero where the denominator is another.
  var isElseIrrational = false
  /// T.
  var temperature: Double

  /// With this many bits an enclosure has shown what it can of a result that is not on a boundary.
  private static let enoughBits = 2048
  /// How many pairs of different logits are multiplied out, if neither row is level; and how many terms are kept.
  private static let mostPairs = 1 << 16
  /// So few terms tell the side sooner than more bits of the whole row do.
  private static let fewTerms = 64

  /// The number of a format nearest to the result, where an enclosure of `bits` holds one boundary.
  func nearest<Real: Enclosure>(
    to value: Real, bits: Int, in format: BinaryFormat, _ poll: inout CancellationPoll
  ) throws(ComputationError) -> Double? {
    let ends = value.ends(in: format)
    guard let middle = format.boundary(between: ends.0, ends.1) else { return nil }
    if differs(from: middle) {
      // An end of the enclosure may be the boundary itself.
      if let result = value.rounded(to: format, isIrrational: true) { return result }
      guard bits >= Self.enoughBits || isDifferenceShort(from: middle) else { return nil }
    }
    guard let sign = try sign(less: middle, &poll) else {
      return isElseIrrational ? value.rounded(to: format, isIrrational: true) : nil
    }
    return sign == 0 ? format.nearest(to: middle, tie: .toEven) : sign < 0 ? ends.0 : ends.1
  }

  /// The sign of the result less m, if it is found.
  func sign(less m: Coefficient, _ poll: inout CancellationPoll) throws(ComputationError) -> Int? {
    try difference(from: m, &poll)?.sign(temperature: temperature, &poll)
  }

  /// Whether S is one power and the result zero.
  func isZeroOfLevelRow(_ poll: inout CancellationPoll) throws(ComputationError) -> Bool {
    guard case .product = denominator, first.count == 1 else { return false }
    for h in 0..<second.count {
      try poll.spend(2_000)
      guard numerator(0, h) == ExponentialSum.product(offset, count(0, h)) else { return false }
    }
    return true
  }

  /// κ + m d.
  private func factor(_ m: Coefficient) -> Coefficient {
    ExponentialSum.sum(offset, ExponentialSum.product(m, divisor))
  }

  /// N's coefficient of the product of two powers.
  private func numerator(_ g: Int, _ h: Int) -> Coefficient {
    var result = ExponentialSum.exact(0)
    if let row, row.group == g { result = row.coefficient(h) }
    guard let column, column.group == h else { return result }
    result = ExponentialSum.sum(result, ExponentialSum.product(column.perClass, first.size(g)))
    return column.place == g ? ExponentialSum.sum(result, column.extra) : result
  }

  /// D's.
  private func count(_ g: Int, _ h: Int) -> Int {
    if case .power(let only) = denominator { return g == only ? 1 : 0 }
    return first.size(g) * second.size(h)
  }

  /// The multiple of their sizes that all groups of S have in a column of N - (κ + m d) D.
  private func multiple(_ h: Int, _ factor: Coefficient) -> Coefficient {
    var result = ExponentialSum.exact(0)
    if case .product = denominator { result = ExponentialSum.product(factor, second.size(h)) }
    if let column, column.group == h { result = ExponentialSum.sum(result, column.perClass) }
    return result
  }

  /// Whether N - (κ + m d) D has few terms.
  private func isDifferenceShort(from m: Coefficient) -> Bool {
    guard second.count <= Self.fewTerms else { return false }
    let factor = -factor(m)
    let columns = (0..<second.count).count { multiple($0, factor).sign != 0 }
    return second.count + columns * first.count <= Self.fewTerms
  }

  /// N - (κ + m d) D, if that has not too many terms.
  ///
  /// Where the multiple of a column is zero, nothing of it is left to be added up.
  private func difference(
    from m: Coefficient, _ poll: inout CancellationPoll
  ) throws(ComputationError) -> ExponentialSum? {
    if case .other = denominator { return nil }
    let factor = -factor(m)
    var sum = ExponentialSum()
    if let row {
      for h in 0..<second.count {
        try poll.spend(2_000)
        sum.add(row.coefficient(h), first.logit(row.group), second.logit(h))
        guard sum.count <= Self.mostPairs else { return nil }
      }
    }
    if let column { sum.add(column.extra, first.logit(column.place), second.logit(column.group)) }
    if case .power(let only) = denominator { sum.add(factor, first.logit(only), second.logit(0)) }
    var pairs = 0
    for h in 0..<second.count {
      try poll.spend(500)
      let multiple = multiple(h, factor)
      guard multiple.sign != 0 else { continue }
      guard pairs == 0 || pairs + first.count <= Self.mostPairs else { return nil }
      pairs += first.count
      for g in 0..<first.count {
        try poll.spend(1_000)
        sum.add(ExponentialSum.product(multiple, first.size(g)), first.logit(g), second.logit(h))
        guard sum.count <= Self.mostPairs else { return nil }
      }
    }
    return sum
  }

  /// Whether the result is certainly not m: it has another multiple of the greatest or the least power of D.
  private func differs(from m: Coefficient) -> Bool {
    let factor = factor(m)
    let ends: [(g: Int, h: Int)] =
      switch denominator {
      case .product: [(0, 0), (first.count - 1, second.count - 1)]
      case .power(let only): [(only, 0)]
      case .other: []
      }
    return ends.contains { !(numerator($0.g, $0.h) == ExponentialSum.product(factor, count($0.g, $0.h))) }
  }
}

/// The values of a row as quotients of exponential sums.
struct RowQuotients {
  private let row: LogitsRow
  private let groups: PowerGroups

  init(_ row: LogitsRow) {
    self.row = row
    groups = PowerGroups(row.logits)
  }

  /// The value as a quotient, if it is one.
  func quotient(_ value: RowValue) -> ExponentialQuotient? {
    guard row.softcap == nil else { return nil }
    var result = ExponentialQuotient(first: groups, temperature: row.temperature)
    let T = ExponentialSum.exact(row.temperature)
    /// e_i, and Σ e times whole numbers.
    func column(_ group: Int, own: Int, of i: Int, all: Int = 0) -> ExponentialQuotient.Column {
      let isOwn = !row.isMasked(i)
      return ExponentialQuotient.Column(
        group: group, perClass: ExponentialSum.exact(all), place: isOwn ? groups.index(of: row.logits[i]) : 0,
        extra: ExponentialSum.exact(isOwn ? own : 0))
    }
    switch value {
    case .logProbability, .logSumExp, .entropy, .argmax, .index: return nil
    case .probability(let i): result.column = column(0, own: 1, of: i)
    case .lossByProbability(let l):
      result.denominator = .power(groups.index(of: row.logits[l]))
      result.column = column(0, own: 0, of: l, all: -1)
    case .quotientFirst(let l):
      result.column = column(0, own: 1, of: l)
      result.divisor = T
    case .lossByLogit(let l, let i):
      result.column = column(0, own: 1, of: i, all: l == i ? -1 : 0)
      result.divisor = T
    case .quotientSecond(let l, let i), .jacobian(let l, let i):
      result.second = groups
      result.divisor = T
      guard !row.isMasked(l) else { break }
      let place = groups.index(of: row.logits[l])
      if case .quotientSecond = value {
        result.column = column(place, own: 1, of: i)
      } else {
        result.column = column(place, own: -1, of: i, all: l == i ? 1 : 0)
      }
    }
    return result
  }
}

extension BinaryFormat {
  /// Half-way between two numbers of the format, infinity standing for the first beyond its range; `nil` where they are
  /// not neighbours.
  func boundary(between a: Double, _ b: Double) -> ExponentialSum.Coefficient? {
    func exact(_ x: Double) -> ExponentialSum.Coefficient {
      x.isInfinite ? ExponentialSum.exact(x < 0 ? -1 : 1).scaled(by: greatestExponent + 1) : ExponentialSum.exact(x)
    }
    let middle = ExponentialSum.sum(exact(a), exact(b)).scaled(by: -1)
    return nearest(to: middle, tie: .down) == a && nearest(to: middle, tie: .up) == b ? middle : nil
  }
}
