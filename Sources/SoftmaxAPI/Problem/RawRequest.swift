import SoftmaxCore

/// A request as a wire delivers it: named tensors, numbers and strings, syntactically sound, their meaning not yet looked at.
///
/// Every wire reads into this value and notes in `faults` what it could not read; ``validated(for:limits:)`` does the rest.
struct RawRequest: Sendable {
  /// A rectangular tensor; a bare number has the shape [].
  struct Tensor: Sendable {
    var shape: TensorShape
    /// Row-major, the product of `shape` values; infinities and NaN are possible.
    var values: [Double]
  }

  /// The members that the request holds, those that could not be read among them.
  var present = MemberSet(rawValue: 0)

  var logits: Tensor?
  var target: Tensor?
  var weight: Tensor?
  var sampleWeight: Tensor?
  var upstream: Tensor?

  var axis: Double?
  var temperature: Double?
  var dtype: String?
  var ignoreIndex: Double?
  var labelSmoothing: Double?
  var reduction: String?

  /// The outputs asked for, in order; nil where one could not be read.
  var outputs: [String?]?

  var faults = FaultList()
  /// Whether there were more logits than allowed; then `logits` is nil.
  var hasTooManyLogits = false
}
