import Glibc
import VectorKernels

/// How a recomputation differs from what was asked for: each value but the defaults is a mistake.
struct Change: Sendable, Hashable {
  /// What stands where the probabilities should.
  enum Source: Sendable, Hashable {
    case given
    /// softmax(a), the temperature forgotten.
    case withoutTemperature
    /// softmax(aT).
    case timesTemperature
    /// Softmax along another axis; nil for one over all axes at once.
    case axis(Int8?)
    /// softmax(softmax(a/T)).
    case twice
    /// a/T itself.
    case logits
    /// The sigmoid of each a/T by itself.
    case sigmoid
    /// Only as logarithms: a/T - Σ log(1 + e^(a/T)), of which a loss makes binary cross-entropy: with u of a class, and
    /// U - u of its complement.
    case binary
    /// softmax(a/T), the soft cap forgotten.
    case withoutCap
    /// softmax(a/T) over all classes, those too that `where` excludes.
    case withoutMask
    /// softmax(a/T), and itself in the place of its logarithm too.
    case withoutLogarithm
    /// softmax(a/T) of logits rounded to a format.
    case narrowed(BinaryFormat)
    /// log softmax(a/T) in the place of softmax(a/T).
    case logarithms
    /// e^x, x = (a - max a)/T, that is not divided by its sum; x in the place of its logarithm; and log Σ e^x, to which
    /// the maximum is not added.
    case unfinished
    /// softmax(-a/T).
    case negated
    /// 2^(a/T) in the place of e^(a/T).
    case powersOfTwo
    /// e^(x - m) / Σ e^x and e^x / Σ e^(x - m), x = a/T and m = max x: the maximum subtracted in one place alone.
    case shiftedNumerator, shiftedDenominator

    /// This and another change's. (A pattern and not ==: hundreds of pairs are made.)
    @inline(__always)
    func with(_ other: Source) -> Source { if case .given = other { self } else { other } }

    /// Whether it is looked for beside no other mistake.
    var isAlone: Bool {
      switch self {
      case .negated, .powersOfTwo, .shiftedNumerator, .shiftedDenominator: true
      default: false
      }
    }

    /// A small number of its own, by which tables are kept.
    var number: Int {
      switch self {
      case .given: 0
      case .withoutTemperature: 1
      case .timesTemperature: 2
      case .twice: 3
      case .logits: 4
      case .withoutCap: 5
      case .sigmoid: 6
      case .binary: 7
      case .withoutMask: 8
      case .withoutLogarithm: 9
      case .narrowed(let format): format == .binary32 ? 10 : format == .binary16 ? 17 : 18
      case .logarithms: 11
      case .unfinished: 12
      case .negated: 13
      case .powersOfTwo: 14
      case .shiftedNumerator: 15
      case .shiftedDenominator: 16
      case .axis(let axis): 19 + (axis.map { Int($0) + 1 } ?? 0)
      }
    }
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
    /// Below a format's normal range e^x and its quotient are rounded to multiples of the least number.
    case gradual(BinaryFormat)
    /// Logits past a format's greatest number are infinite.
    case beyond(Double)
    /// What makes of the gradient the difference quotient (L(a + h) - L(a)) / h of each logit, or the central one,
    /// (L(a + h) - L(a - h)) / 2h.
    case difference(Double, isCentral: Bool)

    /// The constants that people add and clip with.
    static let constants = [2.220446049250313e-16, 1e-15, 1e-12, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5]

    /// What is looked up for it.
    enum Needs {
      case none, probabilities, sums, leastProbabilities
    }

    var needs: Needs {
      switch self {
      case .given: .none
      case .epsilon, .clipped, .gradual, .beyond, .difference: .probabilities
      case .unshifted: .sums
      case .flushed: .leastProbabilities
      }
    }

    /// Whether a constant of it can make it differ as little as one likes from no handling.
    var isNearNone: Bool {
      switch self {
      case .epsilon, .clipped, .difference: true
      case .given, .unshifted, .flushed, .gradual, .beyond: false
      }
    }

    /// Whether digits are lost one by one.
    var isGradual: Bool { if case .gradual = self { true } else { false } }
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
  enum Ignored: Int, Sendable, CaseIterable {
    case given
    /// An item of the class that Python's index `ignore_index` names, which counts from the end where it is negative;
    /// and where there is none, of the class that `ignore_index` is clamped to.
    case asClass
    /// An item of class 0, or of the last class where that is class 0.
    case asOther
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

  /// What is made of the target, and of what weighs it.
  struct Target: Sendable, Hashable {
    /// How many classes after its own an item's target is taken for.
    var offset: Int8 = 0
    var smoothing = Smoothing.given
    var weights = Weights.given
    var ignored = Ignored.given
    var forgetsSampleWeights = false
    var forgetsUpstream = false
    /// The target is not subtracted: each u is 0, though U is not.
    var isForgotten = false
    /// The entropy of the target's probabilities is left out of the loss.
    var leavesOutEntropy = false

    /// This and another change's.
    func with(_ other: Target) -> Target {
      Target(
        offset: other.offset == 0 ? offset : other.offset,
        smoothing: other.smoothing == .given ? smoothing : other.smoothing,
        weights: other.weights == .given ? weights : other.weights,
        ignored: other.ignored == .given ? ignored : other.ignored,
        forgetsSampleWeights: forgetsSampleWeights || other.forgetsSampleWeights,
        forgetsUpstream: forgetsUpstream || other.forgetsUpstream,
        isForgotten: isForgotten || other.isForgotten,
        leavesOutEntropy: leavesOutEntropy || other.leavesOutEntropy)
    }
  }

  /// What the numbers are multiplied by, besides all else.
  struct Scale: Sendable, Hashable {
    var factor = 1.0
    /// Which power of T the gradient is divided by.
    var temperaturePower: Int8 = 1
    var divisor = Divisor.given
    /// Whether all is multiplied by T².
    var isTimesSquare = false

    /// The factor, and T² where that is one.
    func factor(_ temperature: Double) -> Double { isTimesSquare ? factor * temperature * temperature : factor }

    /// The factor, and 1/T as often as the power says.
    func numerator(_ temperature: Double) -> Double {
      let factor = factor(temperature)
      return switch temperaturePower {
      case 0: factor
      case 1: factor / temperature
      case -1: factor * temperature
      default: factor * pow(temperature, Double(-temperaturePower))
      }
    }

    /// This scale and another change's.
    func with(_ other: Scale) -> Scale {
      Scale(
        factor: factor * other.factor,
        temperaturePower: other.temperaturePower == 1 ? temperaturePower : other.temperaturePower,
        divisor: other.divisor == .given ? divisor : other.divisor,
        isTimesSquare: isTimesSquare || other.isTimesSquare)
    }
  }

  /// What the gradient is made of.
  enum Derivation: Sendable, Hashable {
    /// U p - u.
    case given
    /// The gradient of the changed loss, as differentiation gives it, and not U p - u with another p.
    case ofChangedLoss
    /// The diagonal of softmax's Jacobian alone: -u (1 - p).
    case diagonal
    /// The gradient with respect to p, no Jacobian of softmax: -u / p.
    case withoutJacobian
    /// The target added: U p + u.
    case addedTarget
  }

  var scale = Scale()
  var target = Target()
  var source = Source.given
  var derivation = Derivation.given
  var isDifferentiated: Bool { derivation == .ofChangedLoss }
  var handling = Handling.given

  /// Whether it may differ as little as one likes from no change.
  var isNearNone: Bool { if case .narrowed = source { true } else { handling.isNearNone } }

  /// This change and another one about other things.
  func with(_ other: Change) -> Change {
    var both = self
    both.source = source.with(other.source)
    if case .given = other.handling {} else { both.handling = other.handling }
    if other.derivation != .given { both.derivation = other.derivation }
    both.target = target.with(other.target)
    both.scale = scale.with(other.scale)
    return both
  }
}

/// Where a format's exponentials end: those of larger arguments are infinite, and of smaller ones zero.
struct ExponentRange: Sendable, Hashable {
  /// The logarithm of the greatest number.
  let greatest: Double
  /// The logarithm of half of the least number.
  let least: Double

  init(_ format: BinaryFormat) {
    greatest = log(format.greatestFinite)
    least = Double(format.leastExponent - 1) * log(2)
  }
}
