import Glibc
import Softmax
import VectorKernels

/// The rows on which findings are sought, each one's logits side by side.
///
/// All of them up to a bound; past it those where the caller's numbers are worst. Whatever recomputes on them shares
/// them.
final class CheckedRows: Sendable {
  /// Up to this many logits all rows are looked at.
  static let mostLogits = 65_536

  let layout: Layout
  /// The rows' numbers in the batch, the worst first where not all are looked at.
  let numbers: [Int]
  /// [row, class].
  let logits: [Double]
  /// What is known of each row's logits.
  let extremes: [Extremes]
  /// The largest |a/T| of all rows, and the largest shift.
  let magnitude: Double
  private let largestShift: Double
  /// A lower bound of each row's least exponential over its largest one; 0 where any class is masked.
  private let leastRatio: Double
  private let temperature: Double
  private let isCapped: Bool
  /// Whether `logits` are the tensor as it is: all rows in their order, each in one piece.
  private let isInPlace: Bool

  struct Extremes {
    /// The largest logit.
    var greatest = -Double.infinity
    /// The largest |a/T|, and |max a/T|.
    var magnitude = 0.0
    fileprivate var shift = 0.0
    /// By how much the largest logit exceeds all others.
    fileprivate var lead = 0.0
  }

  /// - Parameter worst: the rows in the order of their worth; nil takes all of them.
  init(_ softmax: SoftmaxProblem, worst: [Int]?) {
    layout = softmax.layout
    (temperature, isCapped) = (softmax.temperature, softmax.softcap != nil)
    let most = max(1, Self.mostLogits / layout.classes)
    numbers = worst.map { Array($0.prefix(most)) } ?? Array(0..<layout.batch)
    isInPlace = worst == nil && layout.inner == 1
    logits = isInPlace ? softmax.logits.array : Self.gathered(softmax.logits.array, numbers, layout)
    let classes = layout.classes
    var (spread, isMasked) = (0.0, false)
    extremes = numbers.indices.map { [logits, temperature] row in
      var (least, next, most) = (Double.infinity, -Double.infinity, -Double.infinity)
      for index in (row * classes)..<((row + 1) * classes) {
        if logits[index] == -.infinity { isMasked = true } else { least = min(least, logits[index]) }
        next = max(next, min(most, logits[index]))
        most = max(most, logits[index])
      }
      guard most > -.infinity else { return Extremes() }
      spread = max(spread, (most - least) / temperature)
      return Extremes(
        greatest: most, magnitude: max(least.magnitude, most.magnitude) / temperature,
        shift: most.isFinite ? (most / temperature).magnitude : 0, lead: most - next)
    }
    leastRatio = isMasked ? 0 : exp(-spread) * 0.999
    magnitude = extremes.reduce(0) { max($0, $1.magnitude) }
    largestShift = extremes.reduce(0) { max($0, $1.shift) }
  }

  /// Some of the rows, by their places among these.
  init(_ all: CheckedRows, _ places: [Int]) {
    (layout, temperature, magnitude, isInPlace) = (all.layout, all.temperature, all.magnitude, false)
    (leastRatio, isCapped, largestShift) = (all.leastRatio, all.isCapped, all.largestShift)
    numbers = places.map { all.numbers[$0] }
    logits = places.flatMap { all.logits[($0 * all.classes)..<(($0 + 1) * all.classes)] }
    extremes = places.map { all.extremes[$0] }
  }

  var count: Int { numbers.count }
  var classes: Int { layout.classes }
  var isAll: Bool { count == layout.batch }

  /// The layout of one number for each class of these rows.
  var ownLayout: Layout { Layout(shape: [count, classes], axis: 1) }

  /// The size of the largest argument of a row's exponentials, which the textbook formula subtracts.
  func shift(_ row: Int, _ source: Change.Source) -> Double { shift(extremes[row].shift, under: source) }

  /// Whether a row's largest logit leads by so much that p is 1 and 0 whatever rounds the logits: other exponentials
  /// vanish in every format, though each logit is off by as much as bfloat16 rounds.
  func isOneHot(_ row: Int, _ source: Change.Source) -> Bool {
    let scale: Double
    // Capped logits lead by less.
    guard !isCapped || source == .withoutCap else { return false }
    switch source {
    case .given, .withoutCap, .withoutLogarithm, .narrowed, .unfinished: scale = 1 / temperature
    case .withoutTemperature: scale = 1
    case .timesTemperature: scale = temperature
    case .axis, .twice, .logits, .logarithms, .sigmoid, .binary, .withoutMask, .negated, .powersOfTwo,
      .shiftedNumerator, .shiftedDenominator:
      return false
    }
    let (lead, greatest) = (extremes[row].lead, extremes[row].greatest)
    return lead * scale >= 1600 && lead >= greatest.magnitude * 0x1p-6
  }

  /// Whether the sum that a row is divided by shows in one decimal place.
  func hasLargeSum(_ row: Int) -> Bool { extremes[row].lead < 2.9 * temperature }

  /// The largest of all rows.
  func largestShift(_ source: Change.Source) -> Double { shift(largestShift, under: source) }

  /// Whether probabilities handled so are plainly the same.
  func isWithoutEffect(_ handling: Change.Handling) -> Bool {
    // p of the least logit where all others are the largest, and 1 - p of the largest where all others are the least.
    let (least, others) = (leastRatio / Double(classes), Double(classes - 1) * leastRatio)
    // Logarithms of subnormal probabilities have few digits.
    guard least >= 0x1p-960 else { return false }
    switch handling {
    case .given, .epsilon, .difference: return false
    case .clipped(let bound, let isTwoSided): return least >= bound && !(isTwoSided && others < bound * (1 + others))
    case .flushed(let threshold): return least >= threshold
    case .gradual(let format): return least >= format.leastNormal
    // Half, since sums of exponentials are squared where they are differentiated.
    case .unshifted(let range): return magnitude + log(Double(classes)) <= min(range.greatest, -range.least) / 2
    case .beyond(let greatest): return magnitude <= greatest
    }
  }

  /// What a difference quotient of the loss is rounded by, in units u and in parts of the gradient's q s U / D: by what
  /// the losses are, divided by h. All items are added up, of which a mean makes one.
  func noise(ofQuotientBy step: Double) -> Double {
    8 * Double(layout.batch) * temperature * (1 + magnitude + log(Double(classes))) / step
  }

  private func shift(_ own: Double, under source: Change.Source) -> Double {
    switch source {
    case .given, .withoutCap, .withoutMask, .withoutLogarithm, .narrowed, .logarithms, .unfinished, .powersOfTwo: own
    case .withoutTemperature: own * temperature
    case .timesTemperature: own * temperature * temperature
    case .axis, .binary, .negated, .shiftedNumerator, .shiftedDenominator: magnitude
    case .twice: 1
    case .logits, .sigmoid: 0
    }
  }

  /// Where a class of a row stands in a tensor of the logits' shape.
  func position(row: Int, class index: Int) -> Int { layout.position(row: numbers[row], class: index) }

  /// A tensor of the logits' shape as [row, class].
  func gathered(_ tensor: [Double]) -> [Double] {
    isInPlace ? tensor : Self.gathered(tensor, numbers, layout)
  }

  /// A tensor of the batch shape as [row].
  func gathered(batch tensor: [Double]) -> [Double] { numbers.map { tensor[$0] } }

  private static func gathered(_ tensor: [Double], _ numbers: [Int], _ layout: Layout) -> [Double] {
    var result: [Double] = []
    result.reserveCapacity(numbers.count * layout.classes)
    for number in numbers {
      var position = layout.start(of: number)
      for _ in 0..<layout.classes {
        result.append(tensor[position])
        position += layout.inner
      }
    }
    return result
  }
}

extension Layout {
  /// The row that a position of the tensor belongs to.
  func row(of position: Int) -> Int { position / (classes * inner) * inner + position % inner }
}
