import Softmax

/// The slices on which findings are sought, each one's logits side by side.
///
/// All of them up to a bound; past it those where the caller's numbers are worst. (A class: whatever recomputes on them
/// holds them.)
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
  /// The largest logit of each slice, |max a/T| of each, and the largest of these.
  let greatest: [Double]
  private let shifts: [Double]
  private let largestShift: Double
  private let temperature: Double
  /// Whether all slices stand in the tensor as they do here.
  private let isInPlace: Bool

  /// - Parameter worst: the slices in the order of their worth; nil takes all of them.
  init(_ softmax: SoftmaxProblem, worst: [Int]?) {
    layout = softmax.layout
    temperature = softmax.temperature
    let most = max(1, Self.mostLogits / layout.classes)
    numbers = worst.map { Array($0.prefix(most)) } ?? Array(0..<layout.batch)
    isInPlace = worst == nil && layout.inner == 1
    logits = isInPlace ? softmax.logits.array : Self.gathered(softmax.logits.array, numbers, layout)
    let classes = layout.classes
    var magnitudes = [Double](repeating: 0, count: numbers.count)
    var greatest = [Double](repeating: -.infinity, count: numbers.count)
    for row in numbers.indices {
      var (most, size) = (-Double.infinity, 0.0)
      for index in (row * classes)..<((row + 1) * classes) where logits[index] > -.infinity {
        most = max(most, logits[index])
        size = max(size, logits[index].magnitude)
      }
      greatest[row] = most
      magnitudes[row] = size / temperature
    }
    self.magnitudes = magnitudes
    self.greatest = greatest
    magnitude = magnitudes.max() ?? 0
    shifts = greatest.map { $0.isFinite ? ($0 / softmax.temperature).magnitude : 0 }
    largestShift = shifts.max() ?? 0
  }

  /// Some of the slices, by their places among these.
  init(_ all: CheckedRows, _ places: [Int]) {
    (layout, temperature, magnitude, isInPlace) = (all.layout, all.temperature, all.magnitude, false)
    numbers = places.map { all.numbers[$0] }
    logits = places.flatMap { all.logits[($0 * all.classes)..<(($0 + 1) * all.classes)] }
    magnitudes = places.map { all.magnitudes[$0] }
    greatest = places.map { all.greatest[$0] }
    shifts = places.map { all.shifts[$0] }
    largestShift = all.largestShift
  }

  var count: Int { numbers.count }
  var classes: Int { layout.classes }
  var isAll: Bool { count == layout.batch }

  /// The layout of one number for each class of these slices.
  var ownLayout: Layout { Layout(shape: [count, classes], axis: 1) }

  /// The largest argument of a slice's exponentials, before it is subtracted.
  func shift(_ row: Int, _ source: Change.Source) -> Double {
    shift(shifts[row], under: source)
  }

  /// The largest of all slices.
  func largestShift(_ source: Change.Source) -> Double { shift(largestShift, under: source) }

  private func shift(_ own: Double, under source: Change.Source) -> Double {
    switch source {
    case .given: own
    case .withoutTemperature: own * temperature
    case .timesTemperature: own * temperature * temperature
    case .axis: magnitude
    case .twice: 1
    case .logits: 0
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
