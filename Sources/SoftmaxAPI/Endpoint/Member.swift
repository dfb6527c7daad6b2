/// Everything that a request may name: inputs (tensors), parameters (scalars), and the list of outputs. The raw value is the
/// name on every wire.
enum Member: String, Sendable, CaseIterable {
  // Inputs.
  case logits
  case target
  case weight
  case sampleWeight = "sample_weight"
  case upstream
  // Parameters.
  case axis
  case temperature
  case dtype
  case ignoreIndex = "ignore_index"
  case labelSmoothing = "label_smoothing"
  case reduction
  // What to answer.
  case outputs

  var name: String { rawValue }
}

/// A set of members, as cheap as an integer.
struct MemberSet: OptionSet, Sendable {
  let rawValue: UInt16

  init(rawValue: UInt16) { self.rawValue = rawValue }

  init(_ member: Member) {
    self.init(rawValue: 1 << Self.place(of: member))
  }

  func contains(_ member: Member) -> Bool { contains(MemberSet(member)) }

  private static func place(of member: Member) -> UInt16 {
    switch member {
    case .logits: 0
    case .target: 1
    case .weight: 2
    case .sampleWeight: 3
    case .upstream: 4
    case .axis: 5
    case .temperature: 6
    case .dtype: 7
    case .ignoreIndex: 8
    case .labelSmoothing: 9
    case .reduction: 10
    case .outputs: 11
    }
  }
}

/// Everything that a request may ask for. The raw value is the name on every wire.
enum Output: String, Sendable, CaseIterable {
  case probabilities
  case logProbabilities = "log_probabilities"
  case logSumExp = "log_sum_exp"
  case entropy
  case argmax
  case jacobian
  case loss
  case gradient
  case derivation

  var name: String { rawValue }
}
