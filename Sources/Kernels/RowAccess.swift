extension Kernel {
  /// Elements `start ..< start + 8` of a row; `absent` stands for those past its end.
  ///
  /// Unchecked, because every loop here runs over `0 ..< row.count` by eights and a checked access keeps eight loads from
  /// becoming one.
  @inlinable @inline(__always)
  static func load(_ row: borrowing Span<Double>, _ start: Int, absent: Double) -> Vector {
    if start &+ 8 <= row.count {
      return unsafe Vector(
        row[unchecked: start], row[unchecked: start &+ 1], row[unchecked: start &+ 2], row[unchecked: start &+ 3],
        row[unchecked: start &+ 4], row[unchecked: start &+ 5], row[unchecked: start &+ 6], row[unchecked: start &+ 7])
    }
    let left = row.count &- start
    var vector = Vector(repeating: absent)
    unsafe vector[0] = row[unchecked: start]
    if left > 1 { unsafe vector[1] = row[unchecked: start &+ 1] }
    if left > 2 { unsafe vector[2] = row[unchecked: start &+ 2] }
    if left > 3 { unsafe vector[3] = row[unchecked: start &+ 3] }
    if left > 4 { unsafe vector[4] = row[unchecked: start &+ 4] }
    if left > 5 { unsafe vector[5] = row[unchecked: start &+ 5] }
    if left > 6 { unsafe vector[6] = row[unchecked: start &+ 6] }
    return vector
  }

  /// Puts eight numbers at `start ..< start + 8`, or as many as the row has places left.
  @inlinable @inline(__always)
  static func store(_ vector: Vector, _ row: inout MutableSpan<Double>, _ start: Int) {
    let left = row.count &- start
    unsafe row[unchecked: start] = vector[0]
    if left >= 8 {
      unsafe row[unchecked: start &+ 1] = vector[1]
      unsafe row[unchecked: start &+ 2] = vector[2]
      unsafe row[unchecked: start &+ 3] = vector[3]
      unsafe row[unchecked: start &+ 4] = vector[4]
      unsafe row[unchecked: start &+ 5] = vector[5]
      unsafe row[unchecked: start &+ 6] = vector[6]
      unsafe row[unchecked: start &+ 7] = vector[7]
      return
    }
    if left > 1 { unsafe row[unchecked: start &+ 1] = vector[1] }
    if left > 2 { unsafe row[unchecked: start &+ 2] = vector[2] }
    if left > 3 { unsafe row[unchecked: start &+ 3] = vector[3] }
    if left > 4 { unsafe row[unchecked: start &+ 4] = vector[4] }
    if left > 5 { unsafe row[unchecked: start &+ 5] = vector[5] }
    if left > 6 { unsafe row[unchecked: start &+ 6] = vector[6] }
  }

  /// `start, start + 1, …` as numbers.
  @inlinable @inline(__always)
  static func indices(from start: Int) -> Vector { Vector(0, 1, 2, 3, 4, 5, 6, 7) + Double(start) }
}
