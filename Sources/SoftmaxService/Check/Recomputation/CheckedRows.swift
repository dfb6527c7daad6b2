import Glibc
import Softmax

/// The slices on which findings are sought, each one's logits side by side.
///
/// All of them up to a bound; past it those where the caller's numbers are worst. Whatever recomputes on them shares
/// them.
final class CheckedRows: Sendable {
  /// Up to so many logits all slices are looked at.
  static let mostLogits = 65_536

  let layout: Layout
  /// The slices' numbers in the batch, the worst first where not all are looked at.
  let numbers: [Int]
  /// [slice, class].
  let logits: [Double]
  /// The largest |a/T| of each slice, and of all slices.
  let magnitudes: [Double]
  let magnitude: Double
  /// A lower bound of each slice's least exponential over its largest one; 0 where any class is masked.
  private let leastRatio: Double
  /// The largest logit of each slice, |max a/T| of each, and the largest of these.
  let greatest: [Double]
  private let shifts: [Double]
  private let largestShift: Double
  /// By how much the largest logit of each slice exceeds all others.
  private let leads: [Double]
  private let temperature: Double
  private let isCapped: Bool
  /// Whether `logits` are the tensor as it is: all slices in their order, each in one piece.
  private let isInPlace: Bool

  /// - Parameter worst: the slices in the order of their worth; nil takes all of them.
  init(_ softmax: SoftmaxProblem, worst: [Int]?) {
    layout = softmax.layout
    (temperature, isCapped) = (softmax.temperature, softmax.softcap != nil)
    let most = max(1, Self.mostLogits / layout.classes)
    numbers = worst.map { Array($0.prefix(most)) } ?? Array(0..<layout.batch)
    isInPlace = worst == nil && layout.inner == 1
    logits = isInPlace ? softmax.logits.array : Self.gathered(softmax.logits.array, numbers, layout)
    let classes = layout.classes
    var magnitudes = [Double](repeating: 0, count: numbers.count)
    var greatest = [Double](repeating: -.infinity, count: numbers.count)
    var leads = [Double](repeating: 0, count: numbers.count)
    var (spread, isMasked) = (0.0, false)
    for row in numbers.indices {
      var (least, next, most) = (Double.infinity, -Double.infinity, -Double.infinity)
      for index in (row * classes)..<((row + 1) * classes) {
        if logits[index] == -.infinity { isMasked = true } else { least = min(least, logits[index]) }
        next = max(next, min(most, logits[index]))
        most = max(most, logits[index])
      }
      greatest[row] = most
      guard most > -.infinity else { continue }
      leads[row] = most - next
      magnitudes[row] = max(least.magnitude, most.magnitude) / temperature
      spread = max(spread, (most - least) / temperature)
    }
    leastRatio = isMasked ? 0 : exp(-spread) * 0.999
    self.magnitudes = magnitudes
    self.greatest = greatest
    self.leads = leads
    magnitude = magnitudes.max() ?? 0
    shifts = greatest.map { $0.isFinite ? ($0 / softmax.temperature).magnitude : 0 }
    largestShift = shifts.max() ?? 0
  }

  /// Some of the slices, by their places among these.
  init(_ all: CheckedRows, _ places: [Int]) {
    (layout, temperature, magnitude, isInPlace) = (all.layout, all.temperature, all.magnitude, false)
    (leastRatio, isCapped) = (all.leastRatio, all.isCapped)
    numbers = places.map { all.numbers[$0] }
    logits = places.flatMap { all.logits[($0 * all.classes)..<(($0 + 1) * all.classes)] }
    magnitudes = places.map { all.magnitudes[$0] }
    greatest = places.map { all.greatest[$0] }
    shifts = places.map { all.shifts[$0] }
    leads = places.map { all.leads[$0] }
    largestShift = all.largestShift
  }

  var count: Int { numbers.count }
  var classes: Int { layout.classes }
  var isAll: Bool { count == layout.batch }

  /// The layout of one number for each class of these slices.
  var ownLayout: Layout { Layout(shape: [count, classes], axis: 1) }

  /// The size of the largest argument of a slice's exponentials, which the textbook formula subtracts.
  func shift(_ row: Int, _ source: Change.Source) -> Double {
    shift(shifts[row], under: source)
  }

  /// Whether a slice's largest logit leads by so much that p is 1 and 0 whatever rounds the logits: other exponentials
  /// vanish in every format, though each logit is off by as much as bfloat16 rounds.
  func isOneHot(_ row: Int, _ source: Change.Source) -> Bool {
    let scale: Double
    // Capped logits lead by less.
    guard !isCapped || source == .withoutCap else { return false }
    switch source {
    case .given, .withoutCap: scale = 1 / temperature
    case .withoutTemperature: scale = 1
    case .timesTemperature: scale = temperature
    case .axis, .twice, .logits, .sigmoid, .binary: return false
    }
    return leads[row] * scale >= 1600 && leads[row] >= greatest[row].magnitude * 0x1p-6
  }

  /// The largest of all slices.
  func largestShift(_ source: Change.Source) -> Double { shift(largestShift, under: source) }

  /// Whether probabilities handled so are plainly the same.
  func isWithoutEffect(_ handling: Change.Handling) -> Bool {
    // p of the least logit where all others are the largest, and 1 - p of the largest where all others are the least.
    let (least, others) = (leastRatio / Double(classes), Double(classes - 1) * leastRatio)
    // Logarithms of subnormal probabilities have few digits.
    guard least >= 0x1p-960 else { return false }
    switch handling {
    case .given, .epsilon: return false
    case .clipped(let bound, let isTwoSided): return least >= bound && !(isTwoSided && others < bound * (1 + others))
    case .flushed(let threshold): return least >= threshold
    // Half, since sums of exponentials are squared where they are differentiated.
    case .unshifted(let range): return magnitude + log(Double(classes)) <= min(range.greatest, -range.least) / 2
    case .beyond(let greatest): return magnitude <= greatest
    }
  }

  private func shift(_ own: Double, under source: Change.Source) -> Double {
    switch source {
    case .given, .withoutCap: own
    case .withoutTemperature: own * temperature
    case .timesTemperature: own * temperature * temperature
    case .axis, .binary: magnitude
    case .twice: 1
    case .logits, .sigmoid: 0
    }
  }

  /// Where a class of a slice stands in a tensor of the logits' shape.
  func position(row: Int, class index: Int) -> Int { layout.start(of: numbers[row]) + index * layout.inner }

  /// A tensor of the logits' shape as [slice, class].
  func gathered(_ tensor: [Double]) -> [Double] {
    isInPlace ? tensor : Self.gathered(tensor, numbers, layout)
  }

  /// A tensor of the batch shape as [slice].
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
  /// The slice that a position of the tensor belongs to.
  func slice(of position: Int) -> Int { position / (classes * inner) * inner + position % inner }
}
