/// How a recomputation differs from what was asked for: each value but the defaults is a mistake.
struct Change: Sendable, Hashable {
  /// What stands where the probabilities should.
  enum Source: Sendable, Hashable {
    case given
    /// softmax(a), the temperature forgotten.
    case withoutTemperature
    /// softmax(aT).
    case timesTemperature
    /// Softmax along another axis.
    case axis(Int)
    /// softmax(softmax(a/T)).
    case twice
    /// a/T itself.
    case logits
  }

  /// What is done to the probabilities before they are used.
  enum Handling: Sendable, Hashable {
    case given
    /// log(p + ε).
    case epsilon(Double)
    /// Not below δ, and where it is `twoSided` not above 1 - δ.
    case clipped(Double, twoSided: Bool)
    /// e^x / Σ e^x without a shift, in a format whose exponentials overflow and underflow.
    case unshifted(ExponentRange)
    /// What is below a threshold is 0.
    case flushed(Double)
    /// Logits past a format's greatest number are infinite.
    case beyond(Double)

    /// Whether a constant of it makes it any little different from none.
    var isNearNone: Bool {
      switch self {
      case .epsilon, .clipped: true
      case .given, .unshifted, .flushed, .beyond: false
      }
    }
  }

  enum Smoothing: Sendable, Hashable {
    case given, none
    /// ε/(C-1) for each class but the target, 1-ε for the target.
    case overOthers
    /// ε/C for each class but the target, 1-ε for the target.
    case withoutTarget
    /// The smoothed share without class weights.
    case unweighted
  }

  enum Weights: Sendable, Hashable {
    case given, none, squared
    /// Each class's own weight times p - t.
    case perClass
  }

  /// What an item with the target `ignore_index` counts as.
  enum Ignored: Sendable, Hashable {
    case given
    /// An item of a class.
    case asClass(Int)
    /// An item without a target: t = 0.
    case asNoClass
  }

  enum Divisor: Sendable, Hashable {
    /// What the reduction says, of the changed request.
    case given
    /// What the reduction says, of the request as it is.
    case unchanged
    case one, mean, items, validItems, weightSum, classes, itemsTimesClasses, meanTwice
  }

  var source = Source.given
  var handling = Handling.given
  var targetOffset = 0
  var smoothing = Smoothing.given
  var weights = Weights.given
  var ignored = Ignored.given
  var forgetsSampleWeights = false
  var divisor = Divisor.given
  /// Whether the gradient is that of the changed loss, as differentiation gives it, and not U p - u with another p.
  var isDifferentiated = false
  /// Which power of T the gradient is divided by.
  var temperaturePower = 1
  /// What everything is multiplied by.
  var factor = 1.0
}

/// Beyond which arguments e^x is infinite or zero in a format.
struct ExponentRange: Sendable, Hashable {
  let format: String
  /// The logarithm of the greatest number.
  let greatest: Double
  /// The logarithm of half of the least number.
  let least: Double

  static let binary64 = ExponentRange(format: "binary64", greatest: 709.782712893384, least: -745.1332191019411)
  static let binary32 = ExponentRange(format: "binary32", greatest: 88.72283935546875, least: -103.97208404541016)
  static let binary16 = ExponentRange(format: "binary16", greatest: 11.0898664884610, least: -17.3286795139986)
}
