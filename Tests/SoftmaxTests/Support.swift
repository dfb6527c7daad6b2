import VectorKernels

@testable import Softmax

/// Whether the sum of some numbers is within `bound` of one that is known far better, relatively.
func isClose(_ parts: [Double], _ truth: Interval<FixedLimbs>, within bound: Double) -> Bool {
  let big = IntervalArithmetic.standard
  let difference = parts.reduce(-truth) { $0 + big.exact($1) }
  let allowed = (truth * big.exact(bound)).lower
  return !(allowed < difference.upper) && !(allowed < (-difference).upper)
}

func isClose(_ pair: DoubleDouble, _ truth: Interval<FixedLimbs>, within bound: Double) -> Bool {
  isClose([pair.high, pair.low], truth, within: bound)
}

/// Rows as a tensor with the classes along the last axis, or along the first.
func tensor(_ rows: [[Double]], isLast: Bool) -> (numbers: [Double], layout: Layout) {
  let classes = rows[0].count
  guard !isLast else { return (rows.flatMap { $0 }, Layout(shape: [rows.count, classes], axis: 1)) }
  return ((0..<classes).flatMap { c in rows.map { $0[c] } }, Layout(shape: [classes, rows.count], axis: 0))
}
