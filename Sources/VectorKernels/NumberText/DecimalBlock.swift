/// Eight numbers being written as text, one in each lane: their decimals, and the parts that make up their texts.
///
/// In memory it is rows of eight words, in the order of ``Field``.
@frozen
public struct DecimalBlock: BitwiseCopyable, Sendable {
  /// What a row holds. Text is words whose lowest byte comes first. Negative numbers are in two's complement.
  @frozen
  public enum Field: Int, CaseIterable, Sendable {
    /// A number's magnitude is (10·tens + last) · 10^exponent with last < 10. A normal number has 10^14 ≤ tens < 10^16;
    /// zero is 0 · 10^-15. The last digit is kept apart, since it is found separately and sixteen digits fill two
    /// words.
    case tens, last, exponent
    /// 1 for a number with a minus sign.
    case sign
    /// The seventeen digits as text: the first eight, the next eight, and the last.
    case head, middle, end
    /// 1 where the first of the seventeen digits is a zero.
    case lead
    /// `head` without that zero; and the same with a point after its first digit.
    case first, pointed
    /// The number of digits without zeros at the front and at the end: at least one; none for zero.
    case count
    /// The power of ten of the first digit that is not zero.
    case power
    /// 1 where this lane could not be decided; then its other fields mean nothing.
    case undecided
  }

  @usableFromInline
  var rows = InlineArray<13, Words>(repeating: .zero)

  @inlinable
  public init() {}

  @inlinable @inline(__always)
  public subscript(field: Field) -> Words {
    get { rows[field.rawValue] }
    set { rows[field.rawValue] = newValue }
  }
}
