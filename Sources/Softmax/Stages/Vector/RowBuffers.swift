internal import Allocation
internal import VectorKernels

/// A row of double-double numbers as the kernels keep it, in one array: the high parts, padded to whole vectors, and
/// behind them the low parts.
struct DoubleDoubleBuffer: Sendable {
  var numbers: [Double] = []  // [2][padded classes]

  /// Sees that there is room for a row of so many classes; what was there is then of no use.
  mutating func makeRoom(for classes: Int) {
    let count = 2 * paddedCount(classes)
    guard numbers.count != count else { return }
    numbers = []
    numbers = [Double](repeating: 0, largeCount: count)
  }

  var high: Span<Double> {
    @_lifetime(borrow self) get { numbers.span.extracting(first: numbers.count / 2) }
  }

  var low: Span<Double> {
    @_lifetime(borrow self) get { numbers.span.extracting(last: numbers.count / 2) }
  }

  subscript(position: Int) -> DoubleDouble {
    get { DoubleDouble(high: numbers[position], low: numbers[numbers.count / 2 + position]) }
    set {
      numbers[position] = newValue.high
      numbers[numbers.count / 2 + position] = newValue.low
    }
  }
}
