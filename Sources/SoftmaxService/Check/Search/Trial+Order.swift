import Softmax

/// The right numbers in other places.
extension Trial {
  /// What explains the numbers as the exact ones in another order; nil where nothing does.
  mutating func order(_ base: Agreement) throws(ComputationError) -> Finding? {
    if let finding = try transposed(base) { return finding }
    guard let recomputation = try recomputation(Change()), !recomputation.isReduced, found.count > 1 else { return nil }
    let width = found.count / rows.count
    let terms = recomputation.terms()
    guard isPermutation(of: terms) else { return nil }
    if rows.count > 1, let agreement = sliceOrder(terms, width, base) {
      return finding(
        .order, detail: "the slices are in another order than the logits'",
        cure: "keep the order of the batch: undo what sorted, shuffled or grouped it", agreement)
    }
    if width > 1, let agreement = classOrder(terms, width, base) {
      return finding(
        .order, detail: "the numbers within slices are in another order than the classes'",
        cure: "number i of a slice belongs to logit i: undo the sorting of the classes", agreement)
    }
    return nil
  }

  /// Whether the array lies column by column.
  mutating func transposed(_ base: Agreement) throws(ComputationError) -> Finding? {
    guard isTransposable, let recomputation = try recomputation(Change()) else { return nil }
    for probe in probes {
      var agreement = Agreement()
      agreement.add(
        candidate.values[transposedPlace(row: probe.row, class: probe.index)],
        recomputation.term(row: probe.row, index: probe.index), magnitude: bounded(rows.magnitudes[probe.row]),
        least: least, at: nil)
      guard agreement.natural <= limit else { return nil }
    }
    let numbers = (0..<rows.count).flatMap { row in
      (0..<rows.classes).map { candidate.values[transposedPlace(row: row, class: $0)] }
    }
    guard let agreement = agreement(of: numbers, with: recomputation.terms(), base) else { return nil }
    return finding(
      .axis, detail: "the numbers are in the order of the transposed array",
      cure: "send the transpose, or store the array in row-major order (order=\"C\")", agreement)
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

  private func agreement(
    of numbers: [Double], with terms: [Recomputation.Term], _ base: Agreement
  ) -> Agreement? {
    var agreement = Agreement()
    for (place, term) in terms.enumerated() {
      let row = place / (terms.count / rows.count)
      agreement.add(
        numbers[place], term, magnitude: bounded(rows.magnitudes[row]), least: least, at: nil)
      guard agreement.natural <= limit else { return nil }
    }
    return agreement.isTelling && agreement.natural * 8 <= base.natural ? agreement : nil
  }

  /// Whether the numbers can be the exact ones in another order: their sums agree then, which costs less than sorting.
  private func isPermutation(of terms: [Recomputation.Term]) -> Bool {
    var (mine, exact, scale) = (0.0, 0.0, 0.0)
    for place in terms.indices {
      mine += found[place].magnitude
      exact += terms[place].value.magnitude
      scale += terms[place].scale
    }
    return (mine - exact).magnitude <= limit * scale * bounded(rows.magnitudes.max() ?? 1)
  }

  /// Whether the slices are the exact ones, exchanged.
  ///
  /// A few are matched one by one, since numbers that cancel say nothing of the order; many are sorted first.
  private func sliceOrder(_ terms: [Recomputation.Term], _ width: Int, _ base: Agreement) -> Agreement? {
    func sorted(_ value: (Int) -> Double) -> [Int] {
      (0..<rows.count).sorted { a, b in
        for c in 0..<width {
          let (one, other) = (value(a * width + c), value(b * width + c))
          if one != other { return one < other }
        }
        return false
      }
    }
    let (mine, exact) =
      rows.count <= Self.mostMatched ? matched(terms, width) : (sorted { found[$0] }, sorted { terms[$0].value })
    func places(_ order: [Int]) -> [Int] { order.flatMap { row in (0..<width).map { row * width + $0 } } }
    return agreement(of: places(mine).map { found[$0] }, with: places(exact).map { terms[$0] }, base)
  }

  private static let mostMatched = 512

  /// For each slice of the caller's one of the exact ones that agrees with it and is not taken; where there is none,
  /// those that are left.
  private func matched(_ terms: [Recomputation.Term], _ width: Int) -> (mine: [Int], exact: [Int]) {
    var left = Array(0..<rows.count)
    var exact: [Int] = []
    for row in 0..<rows.count {
      let place = left.firstIndex { other in
        (0..<width).allSatisfy { c in
          var agreement = Agreement()
          agreement.add(
            found[row * width + c], terms[other * width + c], magnitude: bounded(rows.magnitudes[other]), least: least,
            at: nil)
          return agreement.natural <= limit
        }
      }
      exact.append(left.remove(at: place ?? 0))
    }
    return (Array(0..<rows.count), exact)
  }

  /// Whether the numbers of each slice are the exact ones, exchanged.
  private func classOrder(_ terms: [Recomputation.Term], _ width: Int, _ base: Agreement) -> Agreement? {
    var numbers: [Double] = []
    var others: [Recomputation.Term] = []
    for row in 0..<rows.count {
      let slice = (row * width)..<((row + 1) * width)
      numbers += found[slice].sorted()
      others += terms[slice].sorted { $0.value < $1.value }
    }
    return agreement(of: numbers, with: others, base)
  }
}
