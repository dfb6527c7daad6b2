/// What kind of mistake a finding names. The names are part of the contract.
enum Cause: String, Sendable, CaseIterable {
  case sign, reduction, divisor, temperature, axis
  case softmaxTwice = "softmax_twice"
  case noSoftmax = "no_softmax"
  case targetOffset = "target_offset"
  case smoothing, weight
  case ignoreIndex = "ignore_index"
  case sampleWeight = "sample_weight"
  case logBase = "log_base"
  case epsilon, clipping, precision, cancellation, overflow, underflow, order, unexplained
}
