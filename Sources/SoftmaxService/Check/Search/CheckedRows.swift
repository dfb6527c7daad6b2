import Softmax

/// The slices on which findings are sought, each one's logits side by side.
///
/// All of them up to a bound; past it those where the caller's numbers are worst.
struct CheckedRows: Sendable {
  /// Up to so many logits all slices are looked at.
  static let mostLogits = 65_536

  let layout: Layout
  /// The slices' numbers in the batch, the worst first where not all are looked at.
  let numbers: [Int]
  /// [slice, class].
  let logits: [Double]
  /// The largest |a/T| of each slice, at least 1: a rounding of a/T is that much larger than the last bit of e^(a/T).
  let magnitudes: [Double]
  /// The largest logit of each slice.
  let greatest: [Double]

  /// - Parameter worst: the slices in the order of their worth; nil takes all of them.
  init(_ softmax: SoftmaxProblem, worst: [Int]?) {
    layout = softmax.layout
    let most = max(1, Self.mostLogits / layout.classes)
    numbers = worst.map { Array($0.prefix(most)) } ?? Array(0..<layout.batch)
    logits = Self.gathered(softmax.logits, numbers, layout)
    let classes = layout.classes
    var magnitudes = [Double](repeating: 1, count: numbers.count)
    var greatest = [Double](repeating: -.infinity, count: numbers.count)
    for row in numbers.indices {
      for index in (row * classes)..<((row + 1) * classes) where logits[index] > -.infinity {
        magnitudes[row] = max(magnitudes[row], (logits[index] / softmax.temperature).magnitude)
        greatest[row] = max(greatest[row], logits[index])
      }
    }
    self.magnitudes = magnitudes
    self.greatest = greatest
  }

  var count: Int { numbers.count }
  var classes: Int { layout.classes }
  var isAll: Bool { count == layout.batch }

  /// The layout of one number for each class of these slices.
  var ownLayout: Layout { Layout(shape: [count, classes], axis: 1) }

  /// Where a class of a slice stands in a tensor of the logits' shape.
  func position(row: Int, class index: Int) -> Int { layout.start(of: numbers[row]) + index * layout.inner }

  /// A tensor of the logits' shape as [slice, class].
  func gathered(_ tensor: [Double]) -> [Double] { Self.gathered(tensor, numbers, layout) }

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
