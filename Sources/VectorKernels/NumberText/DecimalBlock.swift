public import CVector

/// Eight numbers being written as text, one in each lane: their decimals, and how these become their texts.
///
/// In memory it is rows of eight words, in the order of ``Field``.
@frozen
public struct DecimalBlock: BitwiseCopyable, Sendable {
  /// What a row holds. Negative numbers are in two's complement.
  @frozen
  public enum Field: Int, CaseIterable, Sendable {
    /// A number's magnitude is (10·tens + last) · 10^exponent with last < 10. A normal number has 10^14 ≤ tens < 10^16;
    /// zero is 0 · 10^-15. The last digit is kept apart, since it is found separately and sixteen digits fill two
    /// words.
    case tens, last, exponent
    /// 1 for a number with a minus sign.
    case sign
    /// 1 where this lane could not be decided; then its other fields mean nothing.
    case undecided
    /// Two rows: for each lane in turn, two words with its first eight digits and its second eight, a digit in a byte,
    /// the first in the highest.
    case digits, moreDigits
    /// Two rows: for each lane in turn, the second eight digits once more, and a word that is the seventeenth.
    case lastDigits, moreLastDigits
    /// Where the ``TextLayout`` of the text begins in the table.
    case layout
    /// Bytes of the text before its tail.
    case length
    /// Which of the tails ends the text.
    case tail
  }

  @usableFromInline
  var rows = InlineArray<12, Words>(repeating: .zero)
  /// Where the powers of ten begin that served the last numbers; at first, those of numbers from 1e-10 to 1e5.
  @usableFromInline
  var window: UInt64 = 302

  @inlinable
  public init() {}

  @inlinable @inline(__always)
  public subscript(field: Field) -> Words {
    get { rows[field.rawValue] }
    set { rows[field.rawValue] = newValue }
  }
}

/// Where each byte of a number's text comes from: 32 indices, 128 where it is no digit, and then 32 bytes whose bits it
/// has besides. The first 16 indices are into the lane's words in the rows `digits`, the others into those in
/// `lastDigits`.
///
/// There are two layouts for each power of ten in plain notation and two for numbers with an exponent, by the sign.
/// What else a text may be comes after them.
public enum TextLayout {
  /// The powers of ten of a first digit for which a number is in plain notation: from -`below` on, so many.
  @inlinable
  public static var plainPowers: (below: UInt64, count: UInt64) { (4, 20) }
  /// Bytes of a layout.
  @inlinable
  public static var size: Int { 64 }
}

/// What a text ends with, for each power of ten of a first digit: in plain notation a comma, else the exponent's text
/// and a comma.
public enum TextTail {
  /// The powers of ten that a number's first digit may have.
  public static var powers: ClosedRange<Int> { -324...308 }
  @inlinable
  static var leastPower: UInt64 { 0 &- 324 }
  /// The place of one that is a comma: that of 10^0.
  @inlinable
  public static var comma: UInt64 { 0 &- leastPower }
}

/// The tables by which texts are put together. They outlive whoever reads them.
@frozen @safe
public struct TextTables: @unchecked Sendable {
  /// The first 124 bits of 10^q for q in -293...323, rounded down: the upper 60 bits. The four bits of room make the
  /// product's integer part end at a word's end.
  @usableFromInline
  let upperPowers: UnsafePointer<UInt64>
  /// And the lower 64.
  @usableFromInline
  let lowerPowers: UnsafePointer<UInt64>
  /// The last of the powers from which sixteen can be read.
  @inlinable
  static var lastWindow: UInt64 { 617 - 16 }
  /// Each layout's ``TextLayout/size`` bytes.
  @usableFromInline
  let layouts: UnsafePointer<UInt8>
  /// At most seven bytes of text each, the first in the lowest; the highest byte is the text's length.
  @usableFromInline
  let tails: UnsafePointer<UInt64>

  public init(
    upperPowers: UnsafePointer<UInt64>, lowerPowers: UnsafePointer<UInt64>, layouts: UnsafePointer<UInt8>,
    tails: UnsafePointer<UInt64>
  ) {
    unsafe self.upperPowers = upperPowers
    unsafe self.lowerPowers = lowerPowers
    unsafe self.layouts = layouts
    unsafe self.tails = tails
  }
}

extension VectorLoops {
  /// Writes the texts of some of a block's numbers, each with a comma, and returns where they end.
  ///
  /// - Parameters:
  ///   - block: one whose lanes are all decided.
  ///   - lanes: some of 0..<8.
  ///   - tables: what the block's rows `layout` and `tail` point into.
  ///   - start: room for 32 bytes from the beginning of each text on, and for eight from its tail on.
  @inlinable @inline(never)
  public static func writeTexts(
    of block: UnsafePointer<DecimalBlock>, _ lanes: Range<Int>, _ tables: TextTables,
    to start: UnsafeMutablePointer<UInt8>
  ) -> UnsafeMutablePointer<UInt8> {
    let rows = unsafe UnsafePointer<UInt8>(OpaquePointer(block))
    let digits = unsafe rows + 64 &* DecimalBlock.Field.digits.rawValue
    let lastDigits = unsafe rows + 64 &* DecimalBlock.Field.lastDigits.rawValue
    var cursor = unsafe start
    for lane in lanes {
      let layout = Int(truncatingIfNeeded: unsafe word(.layout, lane, of: block))
      unsafe vector_pick(digits + 16 &* lane, lastDigits + 16 &* lane, tables.layouts + layout, cursor)
      let tail = unsafe tables.tails[Int(truncatingIfNeeded: word(.tail, lane, of: block))]
      unsafe cursor += Int(truncatingIfNeeded: word(.length, lane, of: block))
      unsafe UnsafeMutableRawPointer(cursor).storeBytes(of: tail.littleEndian, as: UInt64.self)
      unsafe cursor += Int(truncatingIfNeeded: tail &>> 56)
    }
    return unsafe cursor
  }

  /// A word of a lane. It is loaded from memory, because reading it through the vector would copy the vector.
  @inlinable @inline(__always)
  static func word(_ field: DecimalBlock.Field, _ lane: Int, of block: UnsafePointer<DecimalBlock>) -> UInt64 {
    unsafe UnsafeRawPointer(block).load(fromByteOffset: 64 &* field.rawValue &+ 8 &* lane, as: UInt64.self)
  }
}
