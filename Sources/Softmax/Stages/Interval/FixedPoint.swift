/// Fixed-point arithmetic on limbs that count units of 2^(2-F), F = 64 N: numbers in [0, 4), a unit an "ulp".
enum FixedPoint<L: Limbs> {
  /// `a · b` rounded down, short of the exact product by less than 1 + N 2^-60 ulps.
  ///
  /// Columns of the product below N-2 are left out: each of them adds less than N 2^-62 ulps, a carry included.
  @inline(__always) static func product(_ a: L, _ b: L) -> L { L.fixedProduct(a, b) }

  /// `1 / n` rounded down.
  static func inverse(of n: UInt64, like zero: L) -> L {
    var result = zero
    result[zero.count - 1] = 1 << 62
    result.divide(by: n)
    return result
  }

  /// A number in [0, 4), rounded down.
  static func fixed(_ x: BigFloat<L>) -> L {
    x.sign == 0 ? x.limbs.zeros : x.limbs.shiftedRight(by: min(2 &- x.exponent, 64 &* x.limbs.count))
  }

  /// The interval `[x - below, x + above]` times 2^power; it lies in [0, 4).
  static func interval(_ x: L, below: UInt64, above: UInt64, power: Int) -> Interval<L> {
    var low = x
    if low.subtract(below) { low = x.zeros }
    var high = x
    // Bounds are far below the top limb, whose two leading bits are zero or one: nothing runs over.
    _ = high.add(above)
    return Interval(
      BigFloat(fraction: low, exponent: power &+ 2), BigFloat(fraction: high, exponent: power &+ 2))
  }
}

/// A sum of 128-bit products, for the columns of a long multiplication.
struct ColumnSum {
  private var low: UInt64 = 0
  private var middle: UInt64 = 0
  private var high: UInt64 = 0

  @inline(__always) mutating func add(_ a: UInt64, _ b: UInt64) {
    let product = a.multipliedFullWidth(by: b)
    let (first, one) = low.addingReportingOverflow(product.low)
    low = first
    // A product's high word is below 2^64 - 1, so that the carry fits it.
    let (second, two) = middle.addingReportingOverflow(product.high &+ (one ? 1 : 0))
    middle = second
    high = high &+ (two ? 1 : 0)
  }

  /// The column's own word; what is left belongs to the next.
  @inline(__always) mutating func next() -> UInt64 {
    let word = low
    low = middle
    middle = high
    high = 0
    return word
  }
}

extension FixedLimbs {
  /// The six upper columns of the nine, written out: loops over so few cost more than the products.
  @inline(__always) static func fixedProduct(_ a: FixedLimbs, _ b: FixedLimbs) -> FixedLimbs {
    let (a0, a1, a2, a3, a4) = (a[0], a[1], a[2], a[3], a[4])
    let (b0, b1, b2, b3, b4) = (b[0], b[1], b[2], b[3], b[4])
    var column = ColumnSum()
    column.add(a0, b3)
    column.add(a1, b2)
    column.add(a2, b1)
    column.add(a3, b0)
    _ = column.next()
    column.add(a0, b4)
    column.add(a1, b3)
    column.add(a2, b2)
    column.add(a3, b1)
    column.add(a4, b0)
    let word4 = column.next()
    column.add(a1, b4)
    column.add(a2, b3)
    column.add(a3, b2)
    column.add(a4, b1)
    let word5 = column.next()
    column.add(a2, b4)
    column.add(a3, b3)
    column.add(a4, b2)
    let word6 = column.next()
    column.add(a3, b4)
    column.add(a4, b3)
    let word7 = column.next()
    column.add(a4, b4)
    let word8 = column.next()
    let word9 = column.next()
    var result = FixedLimbs()
    result[0] = word5 &<< 2 | word4 &>> 62
    result[1] = word6 &<< 2 | word5 &>> 62
    result[2] = word7 &<< 2 | word6 &>> 62
    result[3] = word8 &<< 2 | word7 &>> 62
    result[4] = word9 &<< 2 | word8 &>> 62
    return result
  }
}

extension WideLimbs {
  /// Over spans, since an array's subscript would hold on to the array anew for each limb.
  static func fixedProduct(_ a: WideLimbs, _ b: WideLimbs) -> WideLimbs {
    let count = a.count
    var result = a.zeros
    let first = a.span
    let second = b.span
    var column = ColumnSum()
    var below: UInt64 = 0
    for k in (count &- 2)..<(2 &* count) {
      for i in max(0, k &- count &+ 1)..<min(k &+ 1, count) { column.add(first[i], second[k &- i]) }
      let word = column.next()
      if k >= count { result[k &- count] = word &<< 2 | below &>> 62 }
      below = word
    }
    return result
  }
}
