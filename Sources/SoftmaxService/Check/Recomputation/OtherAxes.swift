import Glibc
import Softmax

/// Softmax along other axes than the class axis, in plain binary64, at some places of the tensor. What all slices of an
/// axis are divided by takes all logits, and is found once for all outputs.
final class OtherAxes {
  private let softmax: SoftmaxProblem
  private let geometry: Geometry
  private lazy var logits = PlainSoftmax.capped(softmax.logits.array, softmax.softcap)
  private var known: [Axis] = []

  /// The slices of an axis: the largest logit of each, Σ exp((a - max a) / T) and its logarithm.
  private struct Axis {
    let number: Int
    let layout: Layout
    var greatest: [Double] = []
    var sums: [Double] = []
    var logarithms: [Double] = []
  }

  init(_ softmax: SoftmaxProblem, _ geometry: Geometry) {
    self.softmax = softmax
    self.geometry = geometry
  }

  /// p along an axis or its logarithm, [slice of the class axis, class].
  func numbers(areLogarithms: Bool, along number: Int, of rows: CheckedRows) -> [Double] {
    let (axis, logits, scale) = (axis(number), logits, 1 / softmax.temperature)
    var numbers: [Double] = []
    numbers.reserveCapacity(rows.count * rows.classes)
    for row in 0..<rows.count {
      for c in 0..<rows.classes {
        let position = rows.position(row: row, class: c)
        let slice = axis.layout.slice(of: position)
        let x = (logits[position] - axis.greatest[slice]) * scale
        numbers.append(areLogarithms ? x - axis.logarithms[slice] : exp(x) / axis.sums[slice])
      }
    }
    return numbers
  }

  private func axis(_ number: Int) -> Axis {
    for axis in known where axis.number == number { return axis }
    var axis = Axis(number: number, layout: Layout(shape: geometry.shape, axis: number))
    for slice in 0..<axis.layout.batch {
      let (greatest, sum) = PlainSoftmax.sum(of: slice, logits, axis.layout, scale: 1 / softmax.temperature)
      axis.greatest.append(greatest)
      axis.sums.append(sum)
      axis.logarithms.append(log(sum))
    }
    known.append(axis)
    return axis
  }
}
