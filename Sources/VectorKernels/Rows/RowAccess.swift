/// `count` rounded up to whole vectors: what a kernel's working memory for a row of `count` holds.
@inlinable @inline(__always)
public func paddedCount(_ count: Int) -> Int { (count &+ 7) & ~7 }

extension VectorLoops {
  /// Elements `start ..< start + 8` of working memory, whose count is a whole number of vectors.
  ///
  /// Unchecked, because every loop here has checked that count first and runs over it by eights. As bytes, because the
  /// compiler makes two loads of half a vector out of eight numbers, and goes on in halves.
  @inlinable @inline(__always)
  static func load(_ memory: Span<Double>, _ start: Int) -> Vector {
    unsafe memory.bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: start &* 8, as: Vector.self)
  }

  /// The same of working memory that is being written.
  @inlinable @inline(__always)
  static func load(_ memory: borrowing MutableSpan<Double>, _ start: Int) -> Vector {
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
    var bytes = unsafe memory.mutableBytes
    unsafe bytes.storeBytes(of: vector, toUncheckedByteOffset: start &* 8, as: Vector.self)
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

  /// The end of a block that begins at `start`: after 64 vectors, or at `end`.
  ///
  /// Sums are made by blocks: each lane adds up a block's terms, and the blocks join a more precise sum. The bounds of
  /// sums count on 64 terms at most.
  @inlinable @inline(__always)
  static func endOfBlock(from start: Int, to end: Int) -> Int { start &+ min(64 &* 8, end &- start) }

  /// `start, start + 1, …` as numbers.
  @inlinable @inline(__always)
  static func indices(from start: Int) -> Vector { Vector(0, 1, 2, 3, 4, 5, 6, 7) + Double(start) }
}

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

/// How a row's logits become the arguments of exp: z = (a - maximum)/temperature.
@frozen
public struct RowShift: Sendable {
  public var maximum: Double
  public var temperature: Double
  /// 1/temperature, rounded.
  public var inverse: Double
  /// z is within `relative·|z| + absolute`: exact at temperature 1; at other powers of two too, unless it underflows.
  public var relative: Double
  public var absolute: Double

  /// The temperatures that z may be divided by.
  public static let temperatures = 0x1p-900...0x1p500

  /// - Parameter temperature: one of ``temperatures``.
  @inlinable @inline(__always)
  public init(maximum: Double, temperature: Double) {
    self.maximum = maximum
    self.temperature = temperature
    inverse = 1 / temperature
    relative = temperature.significandBitPattern == 0 ? 0 : 0x1p-98
    absolute = relative == 0 ? (temperature > 1 ? 0x1p-1073 : 0) : 0x1p-1071 * max(1, inverse)
  }

  /// What is known of z that were computed before, except for their rests: within an absolute error.
  @inlinable @inline(__always)
  public init(known error: Double) {
    self.init(maximum: 0, temperature: 1)
    absolute = error
  }
}

extension VectorLoops {
  /// The row's maximum.
  ///
  /// - Parameter row: [classes], not empty, no NaN.
  @inlinable @inline(never)
  public static func maximum(_ row: Span<Double>) -> RowMaximum {
    guard row.count > 0 else { return RowMaximum(value: -.infinity, index: 0) }
    var best = load(row, 0, absent: -.infinity)
    var places = indices(from: 0)
    var start = 8
    while start < row.count {
      let next = load(row, start, absent: -.infinity)
      let above = isBelow(best, next)
      best = choose(next, else: best, where: above)
      places = choose(indices(from: start), else: places, where: above)
      start &+= 8
    }
    return first(of: best, at: places)
  }

  /// The first class from `start` on whose logit is above a bound, or the number of classes.
  ///
  /// - Parameters:
  ///   - row: [classes], no NaN.
  ///   - start: in `0...classes`.
  @inlinable @inline(never)
  public static func firstIndex(of row: Span<Double>, from start: Int, above bound: Double) -> Int {
    precondition(start >= 0)
    var start = start
    while start &+ 64 <= row.count {
      var highest = load(row, start)
      var next = start &+ 8
      while next < start &+ 64 {
        let logits = load(row, next)
        highest = choose(logits, else: highest, where: isBelow(highest, logits))
        next &+= 8
      }
      if highest.max() > bound { break }
      start &+= 64
    }
    while unsafe start < row.count && row[unchecked: start] <= bound { start &+= 1 }
    return start
  }

  /// The largest lane, and the lowest of the places that belong to such lanes.
  @inlinable @inline(__always)
  static func first(of best: Vector, at places: Vector) -> RowMaximum {
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

  /// z = (a - maximum)/temperature as a pair with `|low| ≤ 2^-50 |high|`.
  ///
  /// Edge Cases: where a is -∞ or a - maximum overflows, the pair is not finite. The callers mask such lanes.
  ///
  /// Error Bounds: exact at temperature 1, by TwoSum. Otherwise 22u² |z| < 2^-100 |z|:
  /// - the quotient q = d.high·inverse is within 2.01u of d.high/temperature;
  /// - d.high - p is exact (Sterbenz), p being the high part of q·temperature;
  /// - subtracting the product's low part and adding d.low are two roundings of at most u·5u|d.high| each;
  /// - the correction's own factor and its rounding are 2u of at most 6u|z|.
  ///
  /// Where something underflows, at most 2^-170: each part of z may lose 2^-1074, and the product q·temperature
  /// 2^-1073, so that z loses that over the temperature. A row where such a z is close to zero has S near 2 or above.
  @inlinable @inline(__always)
  static func shifted(_ a: Vector, _ shift: RowShift) -> VectorPair {
    shifted(a, less: Vector(repeating: shift.maximum), shift)
  }

  /// The same, and more by elements `start ..< start + 8` of the rests, if there are any: where they are not empty, the
  /// shift is by 0 and the temperature 1.
  @inlinable @inline(__always)
  static func shifted(_ a: Vector, rests: Span<Double>, from start: Int, _ shift: RowShift) -> VectorPair {
    shifted(a, less: Vector(repeating: shift.maximum), rests: rests, from: start, shift)
  }

  /// The same where each lane has a maximum of its own.
  @inlinable @inline(__always)
  static func shifted(
    _ a: Vector, less maximum: Vector, rests: Span<Double>, from start: Int, _ shift: RowShift
  ) -> VectorPair {
    var z = shifted(a, less: maximum, shift)
    if rests.count > 0 { z.low += load(rests, start) }
    return z
  }

  /// The same without rests.
  @inlinable @inline(__always)
  static func shifted(_ a: Vector, less maximum: Vector, _ shift: RowShift) -> VectorPair {
    overTemperature(VectorPair(sum: a, maximum.negated), shift)
  }

  /// A difference over the temperature, likewise.
  @inlinable @inline(__always)
  static func overTemperature(_ d: VectorPair, _ shift: RowShift) -> VectorPair {
    if shift.temperature == 1 { return d }
    let q = d.high * shift.inverse
    let p = Multiplier.product(q, Vector(repeating: shift.temperature))
    return VectorPair(high: q, low: (((d.high - p.high) - p.low) + d.low) * shift.inverse)
  }
}
