import SoftmaxCore

/// The scalars that steer a computation. Its initial values are the defaults: an option given at its default is as if it were
/// left out.
struct Parameters: Sendable, Equatable {
  /// The class axis as given, in [-rank, rank-1].
  var axis = -1
  /// T, finite and positive.
  var temperature = 1.0
  /// What results are rounded to.
  var dtype = DataType.float64
  /// The class index that makes an item count for nothing, as read.
  var ignoreIndex = -100.0
  /// ε, in [0, 1].
  var labelSmoothing = 0.0
  var reduction = ReductionName.mean

  /// Those that are numbers.
  static let areNumbers: [Member] = [.axis, .temperature, .ignoreIndex, .labelSmoothing]

  /// A parameter's default as JSON text.
  static func defaultText(of member: Member) -> String {
    let defaults = Parameters()
    return switch member {
    case .axis: "\(defaults.axis)"
    case .temperature: "\(Int(defaults.temperature))"
    case .dtype: "\"\(defaults.dtype.rawValue)\""
    case .ignoreIndex: "\(Int(defaults.ignoreIndex))"
    case .labelSmoothing: "\(Int(defaults.labelSmoothing))"
    case .reduction: "\"\(defaults.reduction.rawValue)\""
    default: ""
    }
  }
}

/// The names that `dtype` takes.
enum DataType: String, Sendable, CaseIterable {
  case float64
  case float32

  var format: ResultFormat { self == .float64 ? .binary64 : .binary32 }
}

/// The names that `reduction` takes.
enum ReductionName: String, Sendable, CaseIterable {
  case none
  case sum
  case mean

  var reduction: Reduction {
    switch self {
    case .none: .none
    case .sum: .sum
    case .mean: .mean
    }
  }
}
