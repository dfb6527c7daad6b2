import Softmax

/// Something else stands in the place of softmax(a / T).
extension Hypothesis {
  static func ofSoftmax(_ facts: RequestFacts) -> [Hypothesis] {
    temperatures(facts) + axes(facts) + [twice, none] + differentiated(facts)
  }

  private static let twice = Hypothesis(
    .softmaxTwice, .softmax, in: [.probabilities, .logProbabilities, .logSumExp, .entropy, .loss, .gradient],
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
  private static func differentiated(_ facts: RequestFacts) -> [Hypothesis] {
    (axes(facts) + [twice, none]).map { hypothesis in
      Hypothesis(
        hypothesis.cause, .softmax, in: [.gradient], detail: hypothesis.detail, cure: hypothesis.cure,
        telling: hypothesis.telling
      ) {
        $0 = hypothesis.mistake.change
        $0.isDifferentiated = true
      }
    }
  }

  private static func temperatures(_ facts: RequestFacts) -> [Hypothesis] {
    guard facts.temperature != 1 else { return [] }
    let outputs: OutputSet = [.probabilities, .logProbabilities, .logSumExp, .entropy, .loss, .gradient]
    let (cure, telling) = ("p = softmax(a / T), and gradient = (p - t) / T", "a temperature such as 1.7")
    return [
      Hypothesis(
        .temperature, .softmax, in: outputs, detail: "the temperature is forgotten: softmax is taken of a", cure: cure,
        telling: telling
      ) {
        $0.source = .withoutTemperature
        $0.scale.temperaturePower = 0
      },
      Hypothesis(
        .temperature, .softmax, in: [.gradient],
        detail: "softmax is taken of a without the temperature, though the gradient is divided by it", cure: cure,
        telling: telling
      ) { $0.source = .withoutTemperature },
      Hypothesis(
        .temperature, .softmax, in: outputs, detail: "the logits are multiplied by the temperature", cure: cure,
        telling: telling
      ) {
        $0.source = .timesTemperature
        $0.scale.temperaturePower = -1
      },
      Hypothesis(
        .temperature, .softmax, in: [.gradient],
        detail: "the logits are multiplied by the temperature, and the gradient is divided by it", cure: cure,
        telling: telling
      ) { $0.source = .timesTemperature },
      Hypothesis(
        .temperature, .softmax, in: [.gradient],
        detail: "the logits are multiplied by the temperature, and the gradient is not divided by it", cure: cure,
        telling: telling
      ) {
        $0.source = .timesTemperature
        $0.scale.temperaturePower = 0
      },
    ]
  }

  private static func axes(_ facts: RequestFacts) -> [Hypothesis] {
    facts.shape.indices.filter { $0 != facts.axis && facts.shape[$0] > 1 }.map { axis in
      Hypothesis(
        .axis, .softmax, in: [.probabilities, .logProbabilities, .loss, .gradient],
        detail: "softmax is taken along axis \(axis); the class axis is \(facts.axis)",
        cure: "softmax(a, axis=\(facts.axis)), or send \"axis\": \(axis) if that is the class axis",
        telling: "a shape whose axes differ in length"
      ) { $0.source = .axis(Int8(axis)) }
    }
  }
}
