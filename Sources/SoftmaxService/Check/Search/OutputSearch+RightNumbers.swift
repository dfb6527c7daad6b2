import Glibc
import Softmax
import VectorKernels

/// The right numbers in other places.
extension OutputSearch {
  /// What explains the numbers as the exact ones in another order; nil where nothing does.
  func order() throws(ComputationError) -> Finding? {
    if let finding = try transposed() { return finding }
    guard !asked.isReduced, numbers.count > 1, mayBePermutation, let terms = try terms(), isPermutation(terms) else {
      return nil
    }
    if rows.count > 1, let agreement = rowOrder(terms, width) {
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
  func transposed(besides isNamed: Bool = false) throws(ComputationError) -> Finding? {
    guard isTransposable else { return nil }
    let moved = spots.all.map { candidate.values[transposedPlace(row: $0.place.row, class: $0.place.index)] }
    guard try spots.mayBe(moved, arithmetic), let terms = try terms() else { return nil }
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
  private func terms() throws(ComputationError) -> [Recomputation.Term]? {
    guard try asked.adopt(Change()) else { return nil }
    var terms: [Recomputation.Term] = []
    terms.reserveCapacity(numbers.count)
    try asked.forEach { _, term in
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
    comparison(of: numbers, exact: exact, with: terms, beside: terms).flatMap { agreement, evidence in
      evidence.bits >= least ? agreement : nil
    }
  }

  /// Whether the sums of the numbers' sizes, and their largest ones, are near: looked at first, since it needs no
  /// probabilities.
  private var mayBePermutation: Bool {
    var (mine, exact) = ((sum: 0.0, most: 0.0), (sum: 0.0, most: 0.0))
    for place in numbers.indices {
      let (one, other) = (numbers[place].magnitude, self.exact[place].magnitude)
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
    for (number, term) in zip(numbers, terms) {
      mine += number.magnitude
      exact += term.value.magnitude
      allowed += arithmetic.allowance(number, term)
    }
    return (mine - exact).magnitude <= allowed
  }

  /// Whether the rows are the exact ones, exchanged.
  ///
  /// A few are matched one by one, since numbers that cancel say nothing of the order; many are sorted first.
  private func rowOrder(_ terms: [Recomputation.Term], _ width: Int) -> Agreement? {
    let (mine, exact) =
      rows.count <= Self.mostMatched
      ? matched(terms, width)
      : (Self.sortedRows(of: numbers, width), Self.sortedRows(of: terms.map(\.value), width))
    func places(_ order: [Int]) -> [Int] { order.flatMap { row in (0..<width).map { row * width + $0 } } }
    return agreement(at: places(mine), with: places(exact).map { terms[$0] })
  }

  private static let mostMatched = 512

  private static func sortedRows(of values: [Double], _ width: Int) -> [Int] {
    (0..<values.count / width).sorted { a, b in
      for c in 0..<width {
        let (one, other) = (values[a * width + c], values[b * width + c])
        if one != other { return one < other }
      }
      return false
    }
  }

  /// For each row of the caller's one of the exact ones that agrees with it and is not taken; where there is none,
  /// those that are left.
  private func matched(_ terms: [Recomputation.Term], _ width: Int) -> (mine: [Int], exact: [Int]) {
    let (numbers, arithmetic) = (numbers, arithmetic)
    let allowed = terms.map { arithmetic.allowance($0.value, $0) }
    let flushed = terms.map { arithmetic.flushed($0) }
    var left = Array(0..<rows.count)
    var exact: [Int] = []
    for row in 0..<rows.count {
      func place(beside more: [Double]?) -> Int? {
        left.firstIndex { other in
          (0..<width).allSatisfy { c in
            let (mine, place) = (numbers[row * width + c], other * width + c)
            let (value, most) = (terms[place].value, allowed[place] + (more?[place] ?? 0))
            return (mine - value).magnitude <= most || mine == value || mine.isNaN && value.isNaN
          }
        }
      }
      // What is flushed to 0 tells no row, and what is not does.
      let place = place(beside: nil) ?? place(beside: flushed)
      exact.append(left.remove(at: place ?? 0))
    }
    return (Array(0..<rows.count), exact)
  }

  /// Whether the numbers of each row are the exact ones, exchanged.
  private func classOrder(_ terms: [Recomputation.Term], _ width: Int) -> Agreement? {
    let (numbers, arithmetic) = (numbers, arithmetic)
    var (mine, exact): ([Int], [Recomputation.Term]) = ([], [])
    for row in 0..<rows.count {
      let range = (row * width)..<((row + 1) * width)
      let (places, sorted) = (range.sorted { numbers[$0] < numbers[$1] }, terms[range].sorted { $0.value < $1.value })
      // The first row that does not agree ends it.
      var agreement = Agreement()
      for (place, term) in zip(places, sorted) { agreement.add(numbers[place], term, arithmetic) }
      guard agreement.agrees else { return nil }
      mine += places
      exact += sorted
    }
    return agreement(at: mine, with: exact)
  }

  private func agreement(at places: [Int], with terms: [Recomputation.Term]) -> Agreement? {
    // Any number of a row, or any row, may be the one that agrees: many orders are tried.
    agreement(
      of: places.map { numbers[$0] }, exact: places.map { exact[$0] }, with: terms,
      least: WeightOfEvidence.leastOfPair + log2(Double(terms.count)))
  }
}

/// Numbers that are the same multiple of the exact ones: none of it, or so many times.
extension OutputSearch {
  /// What explains the numbers, and that every one of them is 0; nil where neither is so. Zeros that rounding or the
  /// range of a format explains are no sign that nothing was computed.
  func withZeros(_ found: [Finding]?) -> [Finding]? {
    guard mayBeMissing(found?.map(\.cause) ?? []) else { return found }
    let largest = report.maximumAbsoluteError
    var zeros = finding(
      .zero, detail: "every number is 0",
      cure: (candidate.output == .gradient
        ? "see whether the gradient was computed (backward), cleared before it was read (zero_grad), or cut off from "
          + "the logits (detach, no_grad)"
        : "see whether the numbers were computed, and whether they are stored as integers")
        + (largest < 0.005
          ? ", or print more digits: the largest exact number is \(Self.rounded(largest, to: 2))" : ""),
      Finding.Evidence(
        compared: report.count, relativeError: 0, absoluteError: 0, position: nil, candidate: 0, recomputed: 0))
    guard let found else { return [zeros] }
    zeros.tellApart = Finding.tellingApart(by: "logits such as [2, 1, 0.1]")
    return [zeros] + found
  }

  /// Whether every number is 0, and neither rounding nor the range of a format explains that.
  /// - Parameter causes: what explains the numbers.
  func mayBeMissing(_ causes: [Cause]) -> Bool {
    // Where the exact numbers are small, right ones may be 0: p in binary16, and 1 - p, of which a logarithm or an
    // option such as (1 - p)^focal_gamma is taken, in more formats.
    let least = candidate.output == .gradient && !isBesideOptions ? 0x1p-24 : 0x1p-6
    return isZero && !causes.contains { [.precision, .cancellation, .underflow].contains($0) }
      && report.maximumAbsoluteError >= least * (factor(of: Change()) ?? 1).magnitude
  }

  /// That every number is the exact one times a factor.
  /// - Parameter known: what it is for another output: one number is enough then.
  func multiple(like known: Double? = nil) throws(ComputationError) -> Finding? {
    guard isFinite, let (factor, isSimple) = ratio(),
      (factor - (known ?? factor)).magnitude <= factor.magnitude * 0x1p-10,
      let (agreement, evidence) = try isBesideOptions ? scaled(by: factor) : recomputed(times: factor)
    else { return nil }
    // The numbers of a gradient's row sum to 0: one of them follows from the others. Where all exact numbers are
    // equal, any constant is a multiple. And one number says nothing of a factor that is taken from it.
    let width = width
    let sums = (0..<rows.count).count { row in
      candidate.output == .gradient && (0..<width).contains { exact[row * width + $0] != 0 }
    }
    let telling = exact.filter { $0 != 0 }
    let free = min(telling.count - sums, Set(telling).count) - (isSimple || known != nil ? 0 : 1)
    let share = Double(free) / Double(telling.count)
    guard evidence.bits * share >= WeightOfEvidence.least(isPair: known == nil) else { return nil }
    factorFound = factor
    let isPercentage = factor == 100 && candidate.output == .probabilities
    return finding(
      .factor,
      detail: "every number is \(Self.rounded(factor)) times the exact one" + (isPercentage ? ", in per cent" : ""),
      cure: isPercentage
        ? "divide by 100"
        : factor.magnitude < 1
          ? "see what divides the numbers, or multiplies them: a factor of the loss, such as its share in a sum of "
            + "several, a mean over more than the items, a mean taken twice"
          : "see what multiplies the numbers, or adds them up more than once: a gradient that is not cleared before "
            + "the next backward pass, a factor of the loss, a sum that is not divided by", agreement)
  }

  /// How many times the exact number the caller's is where it is largest, and whether that is a whole number up to 16
  /// or 100, or one divided by such.
  private func ratio() -> (factor: Double, isSimple: Bool)? {
    let places = exact.indices.filter { exact[$0].isFinite }
    guard let place = places.max(by: { exact[$0].magnitude < exact[$1].magnitude }) else { return nil }
    let ratio = numbers[place] / exact[place]
    // Nearer to 1 is rounding.
    guard (0x1p-300...0x1p300).contains(ratio.magnitude), (ratio - 1).magnitude > 0x1p-6 else { return nil }
    let slack = arithmetic.allowance(numbers[place], scaledTerms(ratio)[place]) / exact[place].magnitude
    let whole = (ratio.magnitude < 1 ? 1 / ratio : ratio).rounded()
    let simple = ratio.magnitude < 1 ? 1 / whole : whole
    let isSimple =
      ((2...16).contains(whole.magnitude) || whole == 100) && (ratio - simple).magnitude <= slack
    return (isSimple ? simple : ratio, isSimple)
  }

  private func recomputed(
    times factor: Double
  ) throws(ComputationError) -> (Agreement, WeightOfEvidence)? {
    var change = Change()
    change.scale.factor = factor
    guard try spots.mayAgree(change, arithmetic), let agreement = try agreement(under: change) else { return nil }
    return (agreement, try evidence(for: change, agreement))
  }

  /// A factor to some digits.
  private static func rounded(_ factor: Double, to digits: Int = 6) -> String {
    let scale = pow(10, Double(digits - 1) - log10(factor.magnitude).rounded(.down))
    return text(of: scale < 1 || scale == .infinity ? factor : (factor * scale).rounded() / scale)
  }
}

/// Numbers that are right for another question than the one that was asked.
extension OutputSearch {
  /// What explains a loss or its gradient so; nil where nothing does.
  func otherQuestion() throws(ComputationError) -> Finding? {
    guard candidate.output.isLossOrGradient, rows.isAll else { return nil }
    for axis in tables.request.geometry.shape.indices {
      if let finding = try otherClassAxis(axis) { return finding }
    }
    return try candidate.output == .loss ? perplexity() : nil
  }

  /// Whether the numbers are those of another class axis, with the targets along it: where extents are equal, one
  /// target fits both.
  private func otherClassAxis(_ axis: Int) throws(ComputationError) -> Finding? {
    guard let request = tables.request.with(axis: axis), let loss = request.loss else { return nil }
    let rows = CheckedRows(request.softmax, worst: nil)
    let other = SoftmaxTables(request, TargetTables(loss), exact: ExactNumbers(), on: rows, tables.execution)
    var recomputed = Recomputation(candidate.output, of: other)
    guard try recomputed.adopt(Change()), try asked.adopt(Change()) else { return nil }
    let terms = try Self.inOrder(&recomputed, candidate.values.count)
    let exactTerms = try Self.inOrder(&asked, terms.count)
    guard let agreement = agreement(with: terms, beside: exactTerms) else { return nil }
    return finding(
      .axis, detail: "softmax is taken along axis \(axis), and so are the targets; the class axis is \(facts.axis)",
      cure:
        "send \"axis\": \(axis) if that is the class axis\(axis == 1 ? ", as in PyTorch" : ""); "
        + "else softmax(a, axis=\(facts.axis)), of which the targets are classes",
      agreement)
  }

  /// Whether e^L stands for the loss L.
  private func perplexity() throws(ComputationError) -> Finding? {
    // Looked at first, since it costs nothing.
    let isNear = spots.all.allSatisfy { SpotChecks.areNear($0.candidate, exp($0.exact)) }
    guard isNear, try asked.adopt(Change()) else { return nil }
    let losses = try Self.inOrder(&asked, candidate.values.count)
    let powers = losses.map { loss in
      let power = exp(loss.value)
      return Recomputation.Term(value: power, bounds: loss.bounds * power, gain: loss.gain * power)
    }
    guard let agreement = agreement(with: powers, beside: losses) else { return nil }
    return finding(
      .noLogarithm, detail: "it is the perplexity, e^L of the loss L",
      cure: "loss = log(perplexity): take the logarithm, or leave out exp", agreement)
  }

  /// How well the numbers agree with others than the exact ones; nil where they do not, or that says too little.
  /// - Parameters:
  ///   - terms: the others, row-major.
  ///   - asked: what stands for the exact ones.
  private func agreement(with terms: [Recomputation.Term], beside asked: [Recomputation.Term]) -> Agreement? {
    guard
      let (agreement, evidence) = comparison(of: candidate.values, exact: exactTensor, with: terms, beside: asked),
      agreement.isTelling, evidence.bits >= WeightOfEvidence.leastOfOne
    else { return nil }
    return agreement
  }

  /// All numbers of a recomputation, row-major.
  private static func inOrder(
    _ recomputation: inout Recomputation, _ count: Int
  ) throws(ComputationError) -> [Recomputation.Term] {
    var terms = Array(repeating: Recomputation.Term(), count: count)
    let (rows, width) = (recomputation.rows, recomputation.width)
    let isOfLogits = recomputation.output == .gradient
    try recomputation.forEach { place, term in
      terms[isOfLogits ? rows.position(row: place / width, class: place % width) : place] = term
      return true
    }
    return terms
  }
}
