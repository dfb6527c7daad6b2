import Softmax

/// Something else stands in the place of softmax(a / T).
extension Hypothesis {
  static let ofSoftmax = temperatures + axes + [twice, none] + differentiated

  private static let outputs: OutputSet = [
    .probabilities, .logProbabilities, .logSumExp, .entropy, .loss, .gradient,
  ]

  private static let twice = Hypothesis(
    .softmaxTwice, .softmax, in: outputs,
    detail: "softmax is taken twice: of probabilities instead of logits",
    cure: "pass the logits; a cross-entropy that takes logits takes softmax itself",
    telling: "logits that differ by 10 and more"
  ) { $0.source = .twice }

  private static let none = Hypothesis(
    .noSoftmax, .softmax, in: [.probabilities, .logProbabilities, .loss, .gradient],
    detail: "softmax is not taken: the logits stand where probabilities, or their logarithms, should",
    cure: "p = exp(a - max(a)); p /= p.sum(), and log p = a - logsumexp(a)",
    telling: "logits whose exponentials do not sum to 1"
  ) { $0.source = .logits }

  /// What differentiation makes of these losses.
  private static let differentiated = (axes + [twice, none]).map { hypothesis in
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
      .withoutTemperature, temperaturePower: 0, "the temperature is forgotten: softmax is taken of a", in: outputs),
    scaled(
      .withoutTemperature, temperaturePower: 1,
      "softmax is taken of a without the temperature, though the gradient is divided by it"),
    scaled(.timesTemperature, temperaturePower: -1, "the logits are multiplied by the temperature", in: outputs),
    scaled(
      .timesTemperature, temperaturePower: 1,
      "the logits are multiplied by the temperature, and the gradient is divided by it"),
    scaled(
      .timesTemperature, temperaturePower: 0,
      "the logits are multiplied by the temperature, and the gradient is not divided by it"),
  ]

  private static func scaled(
    _ source: Change.Source, temperaturePower power: Int8, _ detail: Sentence, in outputs: OutputSet = [.gradient]
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
}
