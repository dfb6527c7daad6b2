/// A row's largest logit and the lowest index that holds it.
@frozen
public struct RowMaximum: Sendable, Hashable {
  public var value: Double
  public var index: Int

  @inlinable @inline(__always)
  public init(value: Double, index: Int) {
    self.value = value
    self.index = index
  }
}

extension VectorLoops {
  /// - Parameter row: [classes], not empty, no NaN.
  @inlinable @inline(__always)
  public static func maximum(_ row: Span<Double>) -> RowMaximum {
    guard row.count > 0 else { return RowMaximum(value: -.infinity, index: 0) }
    var best = load(row, 0, absent: -.infinity)
    var places = indices(from: 0)
    var start = 8
    while start < row.count {
      let next = load(row, start, absent: -.infinity)
      let above = next .> best
      best.replace(with: next, where: above)
      places.replace(with: indices(from: start), where: above)
      start &+= 8
    }
    var value = best[0]
    var place = places[0]
    var lane = 1
    while lane < 8 {
      if best[lane] > value || (best[lane] == value && places[lane] < place) {
        value = best[lane]
        place = places[lane]
      }
      lane &+= 1
    }
    return RowMaximum(value: value, index: Int(place))
  }
}
