import Glibc
import Softmax
import VectorKernels

/// The right numbers in other places.
extension OutputSearch {
  /// What explains the numbers as the exact ones in another order; nil where nothing does.
  mutating func order() throws(ComputationError) -> Finding? {
    if let finding = try transposed() { return finding }
    guard !asked.isReduced, found.count > 1, mayBePermutation, let terms = try terms(), isPermutation(terms) else {
      return nil
    }
    if rows.count > 1, let agreement = sliceOrder(terms, width) {
      return finding(
        .order, detail: "the slices are in another order than the logits'",
        cure: "keep the order of the batch: undo what sorted, shuffled or grouped it", agreement)
    }
    if width > 1, let agreement = classOrder(terms, width) {
      return finding(
        .order, detail: "the numbers within slices are in another order than the classes'",
        cure: "number i of a slice belongs to logit i: undo the sorting of the classes", agreement)
    }
    return nil
  }

  /// Whether the array lies column by column.
  /// - Parameter isNamed: whether another mistake explains the numbers already, so that they are not right.
  mutating func transposed(besides isNamed: Bool = false) throws(ComputationError) -> Finding? {
    guard isTransposable else { return nil }
    let numbers = probes.all.map { candidate.values[transposedPlace(row: $0.place.row, class: $0.place.index)] }
    guard try probes.mayBe(numbers, arithmetic), let terms = try terms() else { return nil }
    let places = (0..<rows.count).flatMap { row in
      (0..<rows.classes).map { transposedPlace(row: row, class: $0) }
    }
    guard
      let agreement = agreement(
        of: places.map { candidate.values[$0] }, exact: places.map { exactTensor[$0] }, with: terms,
        least: isNamed ? 0 : WeightOfEvidence.leastOfOne)
    else { return nil }
    return finding(
      .axis, detail: "the numbers are in the order of the transposed array",
      cure: "send the transpose, or store the array in row-major order (order=\"C\")", agreement)
  }

  /// All numbers of the request as it is.
  private mutating func terms() throws(ComputationError) -> [Recomputation.Term]? {
    guard try asked.adopt(Change()) else { return nil }
    var terms: [Recomputation.Term] = []
    terms.reserveCapacity(found.count)
    try asked.forEach(execution) { _, term in
      terms.append(term)
      return true
    }
    return terms
  }

  private var isTransposable: Bool {
    candidate.shape.count { $0 > 1 } > 1 && candidate.values.count == rows.layout.count
  }

  /// Where a number stands if the array lies column by column.
  private func transposedPlace(row: Int, class index: Int) -> Int {
    var (rest, place) = (rows.position(row: row, class: index), 0)
    // The last axis varies slowest.
    for extent in candidate.shape.reversed() {
      place = place * extent + rest % extent
      rest /= extent
    }
    return place
  }

  /// How well numbers agree with exact ones of other places; nil where that says too little.
  /// - Parameters:
  ///   - exact: the exact numbers of their own places.
  ///   - least: the bits of evidence that it takes.
  private func agreement(
    of numbers: [Double], exact: [Double], with terms: [Recomputation.Term], least: Double
  ) -> Agreement? {
    let arithmetic = arithmetic
    var agreement = Agreement()
    for (place, term) in terms.enumerated() {
      agreement.add(numbers[place], term, arithmetic, at: nil)
      guard agreement.agrees else { return nil }
    }
    var evidence = WeightOfEvidence(arithmetic, isRight: false)
    for (place, term) in terms.enumerated() {
      evidence.add(
        numbers[place], exact: exact[place], allowed: arithmetic.interval(numbers[place], term, agreement),
        right: arithmetic.interval(numbers[place], term, Agreement.none), isNear: false)
    }
    return evidence.bits >= least ? agreement : nil
  }

  /// Whether the sums of the numbers' sizes, and their largest ones, are near: looked at first, since it needs no
  /// probabilities.
  private var mayBePermutation: Bool {
    var (mine, exact) = ((sum: 0.0, most: 0.0), (sum: 0.0, most: 0.0))
    for place in found.indices {
      let (one, other) = (found[place].magnitude, self.exact[place].magnitude)
      mine = (mine.sum + one, max(mine.most, one))
      exact = (exact.sum + other, max(exact.most, other))
    }
    let rounded = 4 * arithmetic.unit * (asked.operations.worst + 2 * rows.largestShift(.given))
    // Numbers of a short format, or with few digits, round by more.
    let least = arithmetic.format == .binary64 && arithmetic.digits == nil ? 0x1p-24 : 0x1p-8
    let (relative, absolute) = (max(least, rounded), rounded * whatCancels)
    func areNear(_ a: Double, _ b: Double, _ more: Double = 0) -> Bool {
      (a - b).magnitude <= relative * max(a, b) + absolute + more
    }
    return areNear(mine.sum, exact.sum)
      && areNear(mine.most, exact.most, arithmetic.digits?.resolution(of: mine.most) ?? 0)
  }

  /// The sum of the sizes of what a gradient's numbers are differences of: q s Σ u / D.
  private var whatCancels: Double {
    guard candidate.output == .gradient, let targets,
      let target = ChangedTarget(targets, Change.Target(), .given)
    else { return 0 }
    return rows.numbers.reduce(0.0) { sum, item in
      let factor = target.upstream(item, targets) * target.sampleWeight(item, targets)
      return sum + (factor * (target.shares(item, targets)?.total ?? 0)).magnitude
    } / target.divisor
  }

  /// Whether the numbers can be the exact ones in another order: their sums agree then, which costs less than sorting.
  private func isPermutation(_ terms: [Recomputation.Term]) -> Bool {
    var (mine, exact, allowed) = (0.0, 0.0, 0.0)
    let (found, arithmetic) = (found, arithmetic)
    for (place, term) in terms.enumerated() {
      mine += found[place].magnitude
      exact += term.value.magnitude
      allowed += arithmetic.interval(found[place], term, Agreement.none)
    }
    return (mine - exact).magnitude <= allowed
  }

  /// Whether the slices are the exact ones, exchanged.
  ///
  /// A few are matched one by one, since numbers that cancel say nothing of the order; many are sorted first.
  private func sliceOrder(_ terms: [Recomputation.Term], _ width: Int) -> Agreement? {
    let (mine, exact) =
      rows.count <= Self.mostMatched
      ? matched(terms, width)
      : (Self.sortedSlices(of: found, width), Self.sortedSlices(of: terms.map(\.value), width))
    func places(_ order: [Int]) -> [Int] { order.flatMap { row in (0..<width).map { row * width + $0 } } }
    return agreement(at: places(mine), with: places(exact).map { terms[$0] })
  }

  private static let mostMatched = 512

  private static func sortedSlices(of values: [Double], _ width: Int) -> [Int] {
    (0..<values.count / width).sorted { a, b in
      for c in 0..<width {
        let (one, other) = (values[a * width + c], values[b * width + c])
        if one != other { return one < other }
      }
      return false
    }
  }

  /// For each slice of the caller's one of the exact ones that agrees with it and is not taken; where there is none,
  /// those that are left.
  private func matched(_ terms: [Recomputation.Term], _ width: Int) -> (mine: [Int], exact: [Int]) {
    let (found, arithmetic) = (found, arithmetic)
    let allowed = terms.map { arithmetic.interval($0.value, $0, Agreement.none) + arithmetic.flushed($0) }
    var left = Array(0..<rows.count)
    var exact: [Int] = []
    for row in 0..<rows.count {
      let place = left.firstIndex { other in
        for c in 0..<width {
          let (mine, place) = (found[row * width + c], other * width + c)
          let isNear = (mine - terms[place].value).magnitude <= allowed[place]
          guard isNear || mine == terms[place].value || mine.isNaN && terms[place].value.isNaN else { return false }
        }
        return true
      }
      exact.append(left.remove(at: place ?? 0))
    }
    return (Array(0..<rows.count), exact)
  }

  /// Whether the numbers of each slice are the exact ones, exchanged.
  private func classOrder(_ terms: [Recomputation.Term], _ width: Int) -> Agreement? {
    let (found, arithmetic) = (found, arithmetic)
    var (mine, exact): ([Int], [Recomputation.Term]) = ([], [])
    for row in 0..<rows.count {
      let slice = (row * width)..<((row + 1) * width)
      let (places, sorted) = (slice.sorted { found[$0] < found[$1] }, terms[slice].sorted { $0.value < $1.value })
      // The first slice that does not agree ends it.
      var agreement = Agreement()
      for (place, term) in zip(places, sorted) { agreement.add(found[place], term, arithmetic, at: nil) }
      guard agreement.agrees else { return nil }
      mine += places
      exact += sorted
    }
    return agreement(at: mine, with: exact)
  }

  private func agreement(at places: [Int], with terms: [Recomputation.Term]) -> Agreement? {
    // Any number of a slice, or any slice, may be the one that agrees: many orders are tried.
    agreement(
      of: places.map { found[$0] }, exact: places.map { exact[$0] }, with: terms,
      least: WeightOfEvidence.leastOfPair + log2(Double(terms.count)))
  }
}
