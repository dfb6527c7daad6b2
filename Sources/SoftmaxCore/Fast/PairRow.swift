internal import Kernels

/// A row of pairs as the kernels keep it, in one array: the heads, padded to whole vectors, and behind them the rests.
struct PairRow: Sendable {
  var numbers: [Double] = []  // [2][padded classes]

  /// Sees that there is room for a row of so many classes; what was there is then of no use.
  mutating func makeRoom(for classes: Int) {
    let count = 2 * paddedCount(classes)
    guard numbers.count != count else { return }
    numbers = []
    numbers.append(addingCapacity: count) { output in output.append(repeating: 0, count: count) }
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
