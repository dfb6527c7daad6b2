internal import Kernels

/// Where each output of softmax stands in the one array that all are made in; `nil` for those not asked for.
struct SoftmaxPlaces {
  let probabilities: Range<Int>?
  let logProbabilities: Range<Int>?
  let logSumExp: Range<Int>?
  let entropy: Range<Int>?
  let jacobian: Range<Int>?
  /// Indices as numbers, which they are exactly.
  let argmax: Range<Int>?
  /// How many numbers there are in all.
  let count: Int
  private let layout: Layout

  init(_ outputs: SoftmaxOutputs, _ layout: Layout) {
    var end = 0
    func place(_ output: SoftmaxOutputs, _ count: Int) -> Range<Int>? {
      guard outputs.contains(output) else { return nil }
      end += count
      return (end - count)..<end
    }
    self.layout = layout
    probabilities = place(.probabilities, layout.count)
    logProbabilities = place(.logProbabilities, layout.count)
    logSumExp = place(.logSumExp, layout.batch)
    entropy = place(.entropy, layout.batch)
    jacobian = place(.jacobian, layout.count * layout.classes)
    argmax = place(.argmax, layout.batch)
    count = end
  }

  /// Where item n's number at a position of an output stands.
  func place(of output: SoftmaxOutputs, item n: Int, at position: Int) -> Int? {
    switch output {
    case .probabilities: probabilities.map { $0.lowerBound + layout.start(of: n) + position * layout.inner }
    case .logProbabilities: logProbabilities.map { $0.lowerBound + layout.start(of: n) + position * layout.inner }
    case .logSumExp: logSumExp.map { $0.lowerBound + n }
    case .entropy: entropy.map { $0.lowerBound + n }
    default: jacobian.map { $0.lowerBound + n * layout.classes * layout.classes + position }
    }
  }

  /// The outputs as arrays of their own. The first of them, most often the only one, keeps the memory.
  func result(of numbers: consuming [Double]) -> SoftmaxResult {
    var result = SoftmaxResult()
    if let argmax { result.argmax = SoftmaxPlaces.take(argmax, from: &numbers).map { Int($0) } }
    if let jacobian { result.jacobian = SoftmaxPlaces.take(jacobian, from: &numbers) }
    if let entropy { result.entropy = SoftmaxPlaces.take(entropy, from: &numbers) }
    if let logSumExp { result.logSumExp = SoftmaxPlaces.take(logSumExp, from: &numbers) }
    if let logProbabilities { result.logProbabilities = SoftmaxPlaces.take(logProbabilities, from: &numbers) }
    if let probabilities { result.probabilities = SoftmaxPlaces.take(probabilities, from: &numbers) }
    return result
  }

  /// Takes away the output at the end.
  private static func take(_ place: Range<Int>, from numbers: inout [Double]) -> [Double] {
    guard place.lowerBound > 0 else { return numbers }
    defer { numbers.removeLast(place.count) }
    return Array(numbers[place])
  }
}

extension SoftmaxProblem {
  /// The first stage of softmax for one item: answers what it can prove, and says what it cannot.
  /// - Returns: how many outputs are left open, and NaN.
  func settle(
    _ n: Int, _ places: SoftmaxPlaces, on shelf: Shelf<Double>, _ row: inout FastRow, _ gatherer: inout Gatherer,
    _ poll: inout Poll
  ) throws(ComputationError) -> Int {
    try gatherer.read(logits, n) { logits throws(ComputationError) in
      // 2^exponent is more than 1/T: what the Jacobian's entries may be above a probability.
      row.read(logits, exponent: places.jacobian == nil ? 0 : max(0, 2 - Int(temperature.exponent)))
      if let place = places.argmax { shelf[place.lowerBound + n] = Double(row.top.index) }
      var open = 0
      if let place = places.probabilities {
        layout.write(shelf, from: place.lowerBound, n) { out in
          open += row.probabilities(into: &out)
        }
      }
      if let place = places.logProbabilities {
        layout.write(shelf, from: place.lowerBound, n) { out in
          open += row.logProbabilities(logits, into: &out)
        }
      }
      if let place = places.logSumExp {
        let result = row.logSumExp
        shelf[place.lowerBound + n] = result
        if result.isNaN { open += 1 }
      }
      if let place = places.entropy {
        let result = row.entropy(logits)
        shelf[place.lowerBound + n] = result
        if result.isNaN { open += 1 }
      }
      if let place = places.jacobian {
        for l in 0..<layout.classes {
          try poll.spend(FastRow.cost(layout.classes))
          let start = place.lowerBound + (n * layout.classes + l) * layout.classes
          shelf.write(start..<(start + layout.classes)) { out in
            open += row.jacobian(l, isMasked: logits[l] == -.infinity, into: &out)
          }
        }
      }
      return open
    }
  }
}
