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
