/// Eight numbers' digits on their way to binary64, a lane each, laid out as rows of eight words in the order of ``Row``.
///
/// A number has 19 digits, zeros at the end counted, with the point behind the first to the seventh; digits are bytes of
/// 0...9, the first in the lowest.
@frozen
public struct DigitBlock: BitwiseCopyable, Sendable {
  @frozen
  public enum Row: Int, CaseIterable, Sendable {
    /// Eight digits, eight more, and three behind a zero.
    case first, second, third
    /// How many stand before the point; and for so many the first 64 bits of 10^q, by which the 19 digits are multiplied.
    case integerDigits, power
    /// The highest bit is set for a negative number.
    case sign
    /// Where the number stands in its text.
    case position
    /// The number's bits, unless it is `undecided`, which is 1 where more of the power must be known, and for zero.
    case pattern, undecided
  }

  @usableFromInline
  var rows = InlineArray<9, Words>(repeating: .zero)

  @inlinable
  public init() {}

  @inlinable @inline(__always)
  public subscript(row: Row) -> Words {
    get { rows[row.rawValue] }
    set { rows[row.rawValue] = newValue }
  }
}
