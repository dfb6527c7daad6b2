/// `count` rounded up to whole vectors: what a kernel's working memory for a row of `count` holds.
@inlinable @inline(__always)
public func paddedCount(_ count: Int) -> Int { (count &+ 7) & ~7 }

extension VectorLoops {
  /// Elements `start ..< start + 8` of working memory, whose count is a whole number of vectors.
  ///
  /// Unchecked, because every loop here has checked that count first and runs over it by eights; a checked access keeps
  /// eight loads from becoming one.
  @inlinable @inline(__always)
  static func load(_ memory: Span<Double>, _ start: Int) -> Vector {
    unsafe Vector(
      memory[unchecked: start], memory[unchecked: start &+ 1], memory[unchecked: start &+ 2],
      memory[unchecked: start &+ 3], memory[unchecked: start &+ 4], memory[unchecked: start &+ 5],
      memory[unchecked: start &+ 6], memory[unchecked: start &+ 7])
  }

  /// Elements `start ..< start + 8` of a row, `start` inside it; `absent` stands for those past its end.
  @inlinable @inline(__always)
  static func load(_ row: Span<Double>, _ start: Int, absent: Double) -> Vector {
    if start &+ 8 <= row.count { return load(row, start) }
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

  /// Puts eight numbers at `start ..< start + 8` of working memory.
  @inlinable @inline(__always)
  static func store(_ vector: Vector, _ memory: inout MutableSpan<Double>, _ start: Int) {
    unsafe memory[unchecked: start] = vector[0]
    unsafe memory[unchecked: start &+ 1] = vector[1]
    unsafe memory[unchecked: start &+ 2] = vector[2]
    unsafe memory[unchecked: start &+ 3] = vector[3]
    unsafe memory[unchecked: start &+ 4] = vector[4]
    unsafe memory[unchecked: start &+ 5] = vector[5]
    unsafe memory[unchecked: start &+ 6] = vector[6]
    unsafe memory[unchecked: start &+ 7] = vector[7]
  }

  /// Puts eight numbers at `start ..< start + 8` of a row, or as many as it has places left.
  @inlinable @inline(__always)
  static func store(_ vector: Vector, row: inout MutableSpan<Double>, _ start: Int) {
    let left = row.count &- start
    if left >= 8 { return store(vector, &row, start) }
    var lane = 0
    while lane < left {
      unsafe row[unchecked: start &+ lane] = vector[lane]
      lane &+= 1
    }
  }

  /// `start, start + 1, …` as numbers.
  @inlinable @inline(__always)
  static func indices(from start: Int) -> Vector { Vector(0, 1, 2, 3, 4, 5, 6, 7) + Double(start) }
}
