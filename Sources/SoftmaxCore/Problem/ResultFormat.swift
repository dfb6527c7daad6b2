/// The format that every result is rounded to, once, from the real value.
public enum ResultFormat: Sendable, Hashable {
  /// IEEE 754 binary64.
  case binary64
  /// IEEE 754 binary32: each result is a `Float`, held in a `Double`.
  case binary32
}
