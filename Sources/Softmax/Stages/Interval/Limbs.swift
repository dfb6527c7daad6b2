/// Where a big significand's 64-bit words lie, the least significant first.
///
/// The algorithms are written once over this protocol. ``FixedLimbs`` keeps the width that nearly every hard case needs
/// without touching the heap; ``WideLimbs`` takes any width.
protocol Limbs: Sendable {
  /// How many limbs there are; the same for all numbers of one computation.
  var count: Int { get }
  subscript(index: Int) -> UInt64 { get set }
  /// As many limbs, all zero.
  var zeros: Self { get }
  /// `a · b` where both count units of 2^(2-F), F = 64 N, as ``FixedPoint`` says: what series spend their time on.
  static func fixedProduct(_ a: Self, _ b: Self) -> Self
}

/// 320 bits in place: 256 that the interval stage starts with and 64 to lose in an exponential or a sum.
struct FixedLimbs: Limbs {
  private var words: InlineArray<5, UInt64>

  init() { words = InlineArray(repeating: 0) }

  @inline(__always) var count: Int { 5 }
  @inline(__always) var zeros: FixedLimbs { FixedLimbs() }
  @inline(__always) subscript(index: Int) -> UInt64 {
    get { words[index] }
    set { words[index] = newValue }
  }
}

/// Any number of limbs, on the heap.
struct WideLimbs: Limbs {
  private var words: [UInt64]

  init(count: Int) { words = [UInt64](repeating: 0, count: count) }

  @inline(__always) var count: Int { words.count }
  @inline(__always) var span: Span<UInt64> {
    @_lifetime(borrow self) get { words.span }
  }
  var zeros: WideLimbs { WideLimbs(count: words.count) }
  @inline(__always) subscript(index: Int) -> UInt64 {
    get { words[index] }
    set { words[index] = newValue }
  }
}

extension Limbs {
  /// The limb at `index`, zero outside.
  @inline(__always) func limb(_ index: Int) -> UInt64 {
    index >= 0 && index < count ? self[index] : 0
  }

  /// The limb at `index` of this number shifted right by `64 * words + bits`; index -1 is the limb below the point.
  @inline(__always) func shiftedRight(_ words: Int, _ bits: Int, at index: Int) -> UInt64 {
    let low = limb(index &+ words)
    guard bits > 0 else { return low }
    return low &>> UInt64(bits) | limb(index &+ words &+ 1) &<< UInt64(64 &- bits)
  }

  /// This number shifted right by `shift` bits, what falls off lost.
  func shiftedRight(by shift: Int) -> Self {
    var result = zeros
    let words = shift / 64
    let bits = shift % 64
    for i in 0..<count { result[i] = shiftedRight(words, bits, at: i) }
    return result
  }

  /// Adds a small number at the low end; returns the carry out of the top.
  @inline(__always) mutating func add(_ small: UInt64) -> Bool {
    var carry = small
    for i in 0..<count {
      let (sum, overflow) = self[i].addingReportingOverflow(carry)
      self[i] = sum
      if !overflow { return false }
      carry = 1
    }
    return true
  }

  /// Subtracts a small number at the low end; returns the borrow out of the top.
  @inline(__always) mutating func subtract(_ small: UInt64) -> Bool {
    var borrow = small
    for i in 0..<count {
      let (difference, overflow) = self[i].subtractingReportingOverflow(borrow)
      self[i] = difference
      if !overflow { return false }
      borrow = 1
    }
    return true
  }

  /// Adds; returns the carry out of the top.
  @inline(__always) mutating func add(_ other: Self) -> Bool {
    var carry: UInt64 = 0
    for i in 0..<count {
      let (first, one) = self[i].addingReportingOverflow(other[i])
      let (second, two) = first.addingReportingOverflow(carry)
      self[i] = second
      carry = one || two ? 1 : 0
    }
    return carry == 1
  }

  /// Subtracts; returns the borrow out of the top.
  @inline(__always) mutating func subtract(_ other: Self) -> Bool {
    var borrow: UInt64 = 0
    for i in 0..<count {
      let (first, one) = self[i].subtractingReportingOverflow(other[i])
      let (second, two) = first.subtractingReportingOverflow(borrow)
      self[i] = second
      borrow = one || two ? 1 : 0
    }
    return borrow == 1
  }

  /// Divides by a small number, rounding down.
  mutating func divide(by divisor: UInt64) {
    var remainder: UInt64 = 0
    for i in stride(from: count - 1, through: 0, by: -1) {
      (self[i], remainder) = divisor.dividingFullWidth((remainder, self[i]))
    }
  }

  /// Multiplies by a small number; returns what runs out of the top.
  mutating func multiply(by factor: UInt64) -> UInt64 {
    var carry: UInt64 = 0
    for i in 0..<count {
      let (high, low) = self[i].multipliedFullWidth(by: factor)
      let (sum, overflow) = low.addingReportingOverflow(carry)
      self[i] = sum
      carry = high &+ (overflow ? 1 : 0)
    }
    return carry
  }

  /// How many zero bits lead.
  @inline(__always) var leadingZeroBits: Int {
    for i in stride(from: count - 1, through: 0, by: -1) where self[i] != 0 {
      return 64 &* (count &- 1 &- i) &+ self[i].leadingZeroBitCount
    }
    return 64 &* count
  }

  /// The index of the lowest limb that is not zero; the highest one's where all are.
  @inline(__always) var firstNonzero: Int {
    for i in 0..<(count &- 1) where self[i] != 0 { return i }
    return count &- 1
  }

  /// Whether this number is less than another of the same count.
  @inline(__always) func isLess(than other: Self) -> Bool {
    for i in stride(from: count - 1, through: 0, by: -1) where self[i] != other[i] {
      return self[i] < other[i]
    }
    return false
  }
}

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
