/// Eight numbers on their way to text, a lane each: their decimals, and the parts that their texts are put together from.
///
/// It is laid out as rows of eight words, in the order of ``Row``.
@frozen
public struct DecimalBlock: BitwiseCopyable, Sendable {
  /// Parts of text are words whose lowest byte comes first, and digits are characters. Negative numbers are in two's
  /// complement.
  @frozen
  public enum Row: Int, CaseIterable, Sendable {
    /// A number's magnitude is (10 tens + last) · 10^exponent, last < 10. A normal number has 10^14 <= tens < 10^16; zero is
    /// 0 · 10^-15. Since the last digit is found apart from the others, and sixteen fill two words, they are not put together.
    case tens, last, exponent
    /// 1 for a number with a minus sign.
    case sign
    /// The first eight digits of seventeen, the next eight, and the last.
    case head, middle, end
    /// 1 where the first of the seventeen is a zero.
    case lead
    /// `head` without that zero; and with a point behind its first digit.
    case first, pointed
    /// How many digits there are but for zeros at the front and at the end: one or more; of zero none.
    case count
    /// The power of ten of the first digit that is not zero.
    case power
    /// 1 where nothing else in the lane means anything.
    case undecided
  }

  @usableFromInline
  var rows = InlineArray<13, Words>(repeating: .zero)

  @inlinable
  public init() {}

  @inlinable @inline(__always)
  public subscript(row: Row) -> Words {
    get { rows[row.rawValue] }
    set { rows[row.rawValue] = newValue }
  }
}
