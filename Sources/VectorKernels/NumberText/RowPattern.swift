/// Where the rows of a matrix end among the numbers of its text.
@frozen
public struct RowPattern: Sendable, Hashable {
  /// How many numbers a row has; `Int.max` where a row's end is not to be passed.
  public let length: Int
  /// How many numbers of the row came before.
  public var column: Int

  @inlinable
  public init(length: Int = .max, column: Int = 0) {
    self.length = length
    self.column = column
  }

  /// Counts more numbers.
  /// - Parameter isAtEnd: the last of them may end a row whose end was not passed.
  /// - Returns: how many rows' ends were passed.
  @inlinable
  public mutating func advance(by count: Int, isAtEnd: Bool) -> Int {
    column &+= count
    guard column >= length else { return 0 }
    var rows = column / length
    column %= length
    if isAtEnd, column == 0 {
      rows &-= 1
      column = length
    }
    return rows
  }
}
