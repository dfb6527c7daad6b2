import Softmax

/// Something else stands in the place of softmax(a / T).
extension Hypothesis {
  static let ofSoftmax = temperatures + axes + [allAxes, twice, none] + sigmoids + differentiated

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
  private static let differentiated = (axes + [allAxes, twice, none]).map { hypothesis in
    Hypothesis(
      hypothesis.cause, .softmax, in: [.gradient], needing: hypothesis.mistake.needs, detail: hypothesis.detail,
      cure: hypothesis.cure, telling: hypothesis.telling
    ) {
      $0 = hypothesis.mistake.change
      $0.isDifferentiated = true
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
      .temperature, .softmax, in: outputs, needing: .temperature, detail: detail,
      cure: "p = softmax(a / T), and gradient = (p - t) / T", telling: "a temperature such as 1.7"
    ) {
      $0.source = source
      $0.scale.temperaturePower = power
    }
  }

  private static let axes = (0..<TensorShape.maximumRank).map { axis in
    Hypothesis(
      .axis, .softmax, in: [.probabilities, .logProbabilities, .loss, .gradient], needing: .otherAxis(axis),
      detail: Sentence { "softmax is taken along axis \(axis); the class axis is \($0.axis)" },
      cure: Sentence { "softmax(a, axis=\($0.axis)), or send \"axis\": \(axis) if that is the class axis" },
      telling: "a shape whose axes differ in length"
    ) { $0.source = .axis(Int8(axis)) }
  }

  private static let allAxes = Hypothesis(
    .axis, .softmax, in: [.probabilities, .logProbabilities, .loss, .gradient], needing: .severalItems,
    detail: Sentence {
      "softmax is taken over all \($0.items * $0.classes) numbers at once; the class axis is \($0.axis)"
    },
    cure: Sentence { "softmax of each slice: \($0.softmax)" }, telling: "several items"
  ) { $0.source = .axis(nil) }
}

/// Options that recomputations do not know: what the numbers are without them.
extension Hypothesis {
  static let ofOptions = [
    leftOut(
      .softcap, needing: .softcap, in: .all, cure: "softmax of c·tanh(a / c), and 1 - tanh²(a / c) in the gradient"
    ) { $0.source = .withoutCap },
    leftOut(
      .zLoss, needing: .zLoss, in: [.loss, .gradient],
      cure: "add z_loss · LSE² to each item's loss, and 2 z_loss · LSE · p / T to its gradient"),
    leftOut(
      .focalGamma, needing: .focalGamma, in: [.loss, .gradient],
      cure: "multiply each item's loss by (1 - p[target])^focal_gamma, and differentiate both factors"),
  ]

  private static func leftOut(
    _ cause: Cause, needing needs: RequestFeatures, in outputs: CheckedOutputSet, cure: Sentence,
    change: (inout Change) -> Void = { _ in }
  ) -> Hypothesis {
    Hypothesis(
      cause, .option, in: outputs, needing: needs, detail: "\"\(cause.rawValue)\" is left out", cure: cure,
      telling: "a larger value of it", change: change)
  }
}

/// Everything is right but for one factor.
extension Hypothesis {
  static let ofFactors = [sign] + logBases + reductions + divisors + temperatureFactors

  private static let sign = Hypothesis(
    .sign, .factor, in: [.gradient, .loss, .logProbabilities, .entropy, .logSumExp],
    detail: "every number has the opposite sign",
    cure: "gradient = softmax(a) - t; loss = -log softmax(a)[target]; entropy = -Σ p log p",
    telling: "any other logits with three classes or more"
  ) { $0.scale.factor *= -1 }

  private static let logBases = [
    ("2", 1.4426950408889634, "log2"), ("10", 0.4342944819032518, "log10"),
  ].map { base, factor, function in
    Hypothesis(
      .logBase, .factor, in: [.loss, .gradient, .logProbabilities, .logSumExp, .entropy],
      detail: "every number is \(factor) times the exact one: the logarithm is to base \(base)",
      cure: "use the natural logarithm, log(x) = \(function)(x) / \(function)(e)",
      telling: "other numbers of items and classes"
    ) { $0.scale.factor *= factor }
  }

  private static let reductions = [
    divided(
      .reduction, by: .one, needing: .mean, "it is the sum over the items, and \"mean\" was asked for",
      cure: Sentence { "divide by \($0.divisorOfMean), or ask for \"reduction\": \"sum\"" }),
    divided(
      .reduction, by: .mean, needing: .noMean,
      Sentence { "it is divided as \"mean\" divides, and \($0.reduction) was asked for" },
      cure: Sentence { "leave out the division by \($0.divisorOfMean), or ask for \"reduction\": \"mean\"" }),
  ]

  private static let divisors = [
    // Else it is the mean itself.
    divided(by: .items, needing: .meanIsNotOfItems, Sentence { "it is divided by the number of items, \($0.items)" }),
    divided(
      by: .validItems, needing: [.weights, .ignoredItems],
      "it is divided by the number of items that are not ignored"),
    divided(
      by: .mean, needing: .givenDivisor,
      Sentence { "the request's divisor is left out: it is divided by \($0.divisorOfItems)" }),
    divided(by: .weightSum, needing: .classWeights, "it is divided by the sum of the class weights"),
    divided(
      by: .itemsTimesClasses,
      Sentence { "it is divided by the number of logits, items times classes = \($0.items * $0.classes)" }),
    divided(by: .classes, Sentence { "it is divided by the number of classes, \($0.classes)" }),
    divided(by: .meanTwice, "it is divided by the number of items twice"),
  ]

  private static func divided(
    _ cause: Cause = .divisor, by divisor: Change.Divisor, needing needs: RequestFeatures = [], _ detail: Sentence,
    cure: Sentence = cureOfDivisor
  ) -> Hypothesis {
    Hypothesis(
      cause, .divisor, in: [.loss, .gradient], needing: needs, detail: detail, cure: cure,
      telling: "a number of items that differs from the number of classes, or some items ignored, or unequal weights"
    ) { $0.scale.divisor = divisor }
  }

  private static let cureOfDivisor = Sentence { $0.division }

  private static let temperatureFactors = [
    (0, "the gradient is not divided by the temperature: the chain rule's factor 1/T is missing"),
    (2, "the gradient is divided by the temperature twice"),
  ].map { power, detail in
    Hypothesis(
      .temperature, .temperaturePower, in: [.gradient], needing: .temperature, detail: "\(detail)",
      cure: "gradient = (softmax(a / T) - t) / T", telling: "a temperature such as 1.7"
    ) { $0.scale.temperaturePower = power }
  }
}
