import Softmax
import VectorKernels

/// Something else stands in the place of softmax(a / T).
extension Hypothesis {
  static let ofSoftmax =
    temperatures + axes + [allAxes, twice, none] + sigmoids + differentiated + [noLogarithm] + otherForms + [mask]
    + otherPowers

  private static let twice = Hypothesis(
    .softmaxTwice, .softmax, in: .all,
    detail: "softmax is taken twice: of probabilities instead of logits",
    cure: "pass the logits; a cross-entropy that takes logits takes softmax itself",
    telling: "logits that differ by 10 and more"
  ) { $0.source = .twice }

  private static let none = Hypothesis(
    .noSoftmax, .softmax, in: [.probabilities, .logProbabilities, .loss, .gradient],
    detail: "softmax is not taken: the logits stand where probabilities, or their logarithms, should",
    cure: Sentence { "\($0.softmax); log p = a - logsumexp(a)" },
    telling: "logits whose exponentials do not sum to 1"
  ) { $0.source = .logits }

  private static let noLogarithm = Hypothesis(
    .noLogarithm, .softmax, in: [.loss],
    detail: "the logarithm is left out: it is the loss -p[target], as of an NLL loss that is given probabilities",
    cure: "loss = -log softmax(a)[target]; pass log_softmax(a) to a loss that takes logarithms",
    telling: "other logits, with three classes or more"
  ) { $0.source = .withoutLogarithm }

  /// A step too many or too few between the logits, their probabilities and the logarithms.
  private static let otherForms = [
    Hypothesis(
      .noLogarithm, .softmax, in: [.logProbabilities],
      detail: "the logarithm is left out: these are the probabilities", cure: "log p = a - logsumexp(a)",
      telling: "other logits"
    ) { $0.source = .withoutLogarithm },
    Hypothesis(
      .noLogarithm, .softmax, in: [.logSumExp], detail: "the logarithm is left out: it is the sum Σ exp(a)",
      cure: "logsumexp(a) = m + log(Σ exp(a - m)), m = max(a)", telling: "other logits"
    ) { $0.source = .withoutLogarithm },
    Hypothesis(
      .noExponential, .softmax, in: [.probabilities],
      detail: "the exponential is left out: these are the logarithms, log p",
      cure: "p = exp(log p), or send them as \"log_probabilities\"", telling: "logits such as [2, 1, 0.1]"
    ) { $0.source = .logarithms },
    Hypothesis(
      .noMaximum, .softmax, in: [.logSumExp],
      detail: "the largest logit, which was subtracted, is not added again: it is log Σ exp(a - m), m = max(a)",
      cure: "logsumexp(a) = m + log(Σ exp(a - m)), m = max(a)", telling: "other logits"
    ) { $0.source = .unfinished },
    Hypothesis(
      .noSum, .softmax, in: [.probabilities, .gradient],
      detail: "the sum is left out: it is exp(a - m) where exp(a - m) / Σ exp(a - m) should be, m = max(a)",
      cure: Sentence { $0.softmax }, telling: "logits such as [2, 1, 0.1]"
    ) { $0.source = .unfinished },
    Hypothesis(
      .noSum, .softmax, in: [.logProbabilities, .loss],
      detail: "the sum's logarithm is left out: it is a - m where a - m - log Σ exp(a - m) should be, m = max(a)",
      cure: "log p = a - m - log(Σ exp(a - m)), m = max(a)", telling: "logits such as [2, 1, 0.1]"
    ) { $0.source = .unfinished },
  ]

  private static let mask = Hypothesis(
    .mask, .softmax, in: .all, needing: [.mask],
    detail: "the mask is left out: softmax is taken over all classes, those too that \"where\" excludes",
    cure: "a[~where] = -inf before softmax", telling: "large logits at the classes that \"where\" excludes"
  ) { $0.source = .withoutMask }

  /// Other powers in the place of e^(a - m).
  private static let otherPowers = [
    (Cause.sign, Change.Source.negated, "softmax is taken of -a", "any other logits with three classes or more"),
    (.logBase, .powersOfTwo, "2^a stands where e^a should", "logits that differ by 10 and more"),
    (
      .noMaximum, .shiftedNumerator, "the largest logit is subtracted in the numerator alone: exp(a - m) / Σ exp(a)",
      "logits such as [2, 1, 0.1]"
    ),
    (
      .noMaximum, .shiftedDenominator,
      "the largest logit is subtracted in the denominator alone: exp(a) / Σ exp(a - m)", "logits such as [2, 1, 0.1]"
    ),
  ].map { cause, source, detail, telling in
    Hypothesis(
      cause, .softmax, in: [.probabilities, .logProbabilities, .loss, .gradient], detail: "\(detail)",
      cure: Sentence { $0.softmax }, telling: telling
    ) { $0.source = source }
  }

  private static let sigmoids = [
    Hypothesis(
      .sigmoid, .softmax, in: [.probabilities, .logProbabilities, .gradient],
      detail: "sigmoid is taken of each logit by itself, where softmax takes all classes of a slice together",
      cure: Sentence { $0.softmax }, telling: "logits whose exponentials do not sum to 1"
    ) { $0.source = .sigmoid },
    Hypothesis(
      .sigmoid, .softmax, in: [.loss],
      detail: "it is binary cross-entropy: with p = sigmoid(a), the -log(1 - p) of all other classes are added",
      cure: "loss = -log softmax(a)[target]", telling: "logits whose exponentials do not sum to 1"
    ) { $0.source = .binary },
  ]

  /// What differentiation makes of these losses.
  private static let differentiated = (axes + [allAxes, twice, none, noLogarithm]).map { hypothesis in
    Hypothesis(
      hypothesis.cause, .softmax, in: [.gradient], needing: hypothesis.mistake.needs, detail: hypothesis.detail,
      cure: hypothesis.cure, telling: hypothesis.telling
    ) {
      $0 = hypothesis.mistake.change
      $0.derivation = .ofChangedLoss
    }
  }

  private static let temperatures = [
    scaled(
      .withoutTemperature, temperaturePower: 0, "the temperature is forgotten: softmax is taken of a", in: .all),
    scaled(
      .withoutTemperature, temperaturePower: 1,
      "softmax is taken of a without the temperature, though the gradient is divided by it"),
    scaled(.timesTemperature, temperaturePower: -1, "the logits are multiplied by the temperature", in: .all),
    scaled(
      .timesTemperature, temperaturePower: 1,
      "the logits are multiplied by the temperature, and the gradient is divided by it"),
    scaled(
      .timesTemperature, temperaturePower: 0,
      "the logits are multiplied by the temperature, and the gradient is not divided by it"),
  ]

  private static func scaled(
    _ source: Change.Source, temperaturePower power: Int8, _ detail: Sentence,
    in outputs: CheckedOutputSet = [.gradient]
  ) -> Hypothesis {
    Hypothesis(
      .temperature, .softmax, in: outputs, needing: [.temperature], detail: detail,
      cure: "p = softmax(a / T), and gradient = (p - t) / T", telling: "a temperature such as 1.7"
    ) {
      $0.source = source
      $0.scale.temperaturePower = power
    }
  }

  private static let axes = (0..<TensorShape.maximumRank).map { axis in
    Hypothesis(
      .axis, .softmax, in: [.probabilities, .logProbabilities, .loss, .gradient],
      needing: [RequestFeature.otherAxes[axis]],
      detail: Sentence { "softmax is taken along axis \(axis); the class axis is \($0.axis)" },
      cure: Sentence { "softmax(a, axis=\($0.axis)), or send \"axis\": \(axis) if that is the class axis" },
      telling: "a shape whose axes differ in length"
    ) { $0.source = .axis(Int8(axis)) }
  }

  private static let allAxes = Hypothesis(
    .axis, .softmax, in: [.probabilities, .logProbabilities, .loss, .gradient], needing: [.severalItems],
    detail: Sentence {
      "softmax is taken over all \($0.items * $0.classes) numbers at once; the class axis is \($0.axis)"
    },
    cure: Sentence { "softmax of each slice: \($0.softmax)" }, telling: "several items"
  ) { $0.source = .axis(nil) }
}

/// The formula is right, and its numbers are spoiled: by constants that are to protect them, or by the range of a
/// format.
extension Hypothesis {
  static let ofArithmetic =
    epsilons + clippings + overflows + differentiatedOverflows + underflows + differentiatedUnderflows
    + gradualUnderflows + logitsBeyond + differences

  private static let ofLogarithms: CheckedOutputSet = [.logProbabilities, .entropy, .loss, .gradient]
  private static let ofProbabilities: CheckedOutputSet = [
    .probabilities, .logProbabilities, .entropy, .loss, .gradient,
  ]

  private static let epsilons = Change.Handling.constants.map { epsilon in
    Hypothesis(
      .epsilon, .handling, in: ofLogarithms, detail: "\(epsilon) is added inside the logarithm: log(p + \(epsilon))",
      cure: "log p = a - logsumexp(a), which needs no protection",
      telling: "logits such as [0, 40], where p is far below \(epsilon)"
    ) { $0.handling = .epsilon(epsilon) }
  }

  private static let clippings = Change.Handling.constants.flatMap { least in
    [false, true].map { isTwoSided in
      Hypothesis(
        .clipping, .handling, in: ofProbabilities,
        detail: "probabilities are clipped to [\(least), \(isTwoSided ? "1 - \(least)" : "1")]",
        cure: "log p = a - logsumexp(a), which needs no clipping",
        telling: "logits such as [0, 40], where p is far below \(least)"
      ) { $0.handling = .clipped(least, twoSided: isTwoSided) }
    }
  }

  private static let formats = [BinaryFormat.binary64, .binary32, .binary16]
  /// Numbers of bfloat16 end before binary32's, whose normal range it has.
  private static let underflowFormats = [.bfloat16] + formats
  private static let cureOfOverflow = Sentence { "subtract the largest logit of each slice first: \($0.softmax)" }

  private static let overflows = formats.map { format in
    let range = ExponentRange(format)
    return Hypothesis(
      .overflow, .handling, of: format, in: .all,
      detail: Sentence { _ in
        "exponentials of the logits as they are leave the range of \(format.name): "
          + "e^x is infinite beyond x = \(range.greatest) and 0 below \(range.least), and ∞/∞ and 0/0 are NaN"
      },
      cure: cureOfOverflow, telling: rangeTelling
    ) { $0.handling = .unshifted(range) }
  }

  /// Where e^x overflows p is NaN, and where p underflows it is 0, and its logarithm's derivative NaN.
  private static let rangeTelling = "the logits [[800, 0], [0, -800]], with the targets [0, 0]"

  private static let differentiatedOverflows = formats.map { format in
    let range = ExponentRange(format)
    return Hypothesis(
      .overflow, .handling, of: format, in: [.gradient],
      detail: Sentence { _ in
        "differentiating e^x / Σ e^x divides by (Σ e^x)², which is infinite in \(format.name) "
          + "beyond x = \(range.greatest / 2): of p - t only -t is left"
      },
      cure: cureOfOverflow, telling: rangeTelling
    ) {
      $0.handling = .unshifted(range)
      $0.derivation = .ofChangedLoss
    }
  }

  private static let differentiatedUnderflows = underflows.map { underflow in
    Hypothesis(
      .underflow, .handling, of: underflow.mistake.range, in: [.gradient],
      detail: Sentence { underflow.detail.text($0) + ", whose derivative is NaN for its whole slice" },
      cure: underflow.cure, telling: underflow.telling
    ) {
      $0 = underflow.mistake.change
      $0.derivation = .ofChangedLoss
    }
  }

  private static let logitsBeyond = [BinaryFormat.binary32, .binary16].map { format in
    Hypothesis(
      .overflow, .handling, of: format, in: .all,
      detail: "logits past \(format.greatestFinite) are infinite in \(format.name), and ∞ - ∞ is NaN",
      cure: "compute in a longer format, or scale the logits by the temperature first",
      telling: "logits of usual size"
    ) { $0.handling = .beyond(format.greatestFinite) }
  }

  /// What is made of probabilities that became 0: they themselves are right then, in their format.
  private static let underflows = underflowFormats.flatMap { format in
    // Half of the least number is rounded to 0.
    let least = format == .binary64 ? .leastNonzeroMagnitude : power(format.leastExponent - 1)
    let normal = format.leastNormalExponent
    return [
      (least, detailOfGradual(format)),
      (power(normal), "they are flushed to 0 below 2^\(normal), and so log p is -Infinity"),
    ].map { threshold, detail in underflow(format, in: ofLogarithms, detail, .flushed(threshold)) }
  }

  /// The same by the digits that are left of a logarithm.
  private static let gradualUnderflows = underflowFormats.map { format in
    underflow(format, in: [.logProbabilities, .loss], detailOfGradual(format), .gradual(format))
  }

  private static func detailOfGradual(_ format: BinaryFormat) -> String {
    "they lose digits below 2^\(format.leastNormalExponent), and become 0 below the least number; "
      + "log p loses the digits too, and then is -Infinity"
  }

  private static func underflow(
    _ format: BinaryFormat, in outputs: CheckedOutputSet, _ detail: String, _ handling: Change.Handling
  ) -> Hypothesis {
    Hypothesis(
      .underflow, .handling, of: format, in: outputs,
      detail: "probabilities underflow: in \(format.name) \(detail)",
      cure: "log p = a - logsumexp(a) stays finite, and exact; compute losses from it, not from p",
      telling: rangeTelling
    ) { $0.handling = handling }
  }

  private static let differences = [1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6].flatMap { step in
    [
      (false, "(L(a + h) - L(a)) / h", "which is off by about h/2"),
      (true, "(L(a + h) - L(a - h)) / 2h", "which is off by about h²/6"),
    ].map { isCentral, quotient, error in
      Hypothesis(
        .difference, .handling, in: [.gradient],
        detail: "it is the difference quotient \(quotient) with h = \(step), and not the derivative",
        cure: "gradient = softmax(a) - t; as a test of it, allow for the quotient, \(error)",
        telling: "logits such as [2, 1, 0.1]"
      ) { $0.handling = .difference(step, isCentral: isCentral) }
    }
  }

  private static func power(_ exponent: Int) -> Double { Double(sign: .plus, exponent: exponent, significand: 1) }
}
