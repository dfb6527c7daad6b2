import SoftmaxCore

/// Named outputs in the order asked for, whatever the wire.
struct Answer: Sendable {
  enum Value: Sendable {
    /// Row-major, of a shape; a bare number for the shape [].
    case numbers([Double], shape: [Int])
    case integers([Int], shape: [Int])
    case derivation(Derivation)
  }

  var outputs: [(name: Output, value: Value)]
  /// What every number was rounded to.
  let format: ResultFormat
}
