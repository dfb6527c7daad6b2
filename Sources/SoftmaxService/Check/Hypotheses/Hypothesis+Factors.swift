import Softmax

/// Everything is right but for one factor.
extension Hypothesis {
  static func ofFactors(_ facts: RequestFacts) -> [Hypothesis] {
    [sign] + logBases + divisors(facts) + temperatureFactors(facts)
  }

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

  private static func divisors(_ facts: RequestFacts) -> [Hypothesis] {
    let mean = facts.hasIndices && facts.hasWeights ? "the sum of the targets' weights" : "the number of items"
    var found: [Hypothesis] = []
    func add(_ cause: Cause, _ divisor: Change.Divisor, detail: String, cure: String) {
      found.append(
        Hypothesis(
          cause, .divisor, in: [.loss, .gradient], detail: detail, cure: cure,
          telling: "a number of items that differs from the number of classes, some items ignored, unequal weights"
        ) { $0.scale.divisor = divisor })
    }
    if facts.reduction == .mean {
      add(
        .reduction, .one, detail: "it is the sum over the items, and \"mean\" was asked for",
        cure: "divide by \(mean), or ask for \"reduction\": \"sum\"")
    } else {
      add(
        .reduction, .mean, detail: "it is divided as \"mean\" divides, and \(facts.reduction) was asked for",
        cure: "leave out the division by \(mean), or ask for \"reduction\": \"mean\"")
    }
    let cure =
      facts.reduction == .mean
      ? "divide by D = Σ s·w[target] over the items that are not ignored (class indices), or Σ s (probabilities)"
      : "divide by nothing"
    let isWeighted = facts.hasWeights || facts.hasSampleWeights
    // Else it is the mean itself.
    if isWeighted || facts.hasIgnored {
      add(.divisor, .items, detail: "it is divided by the number of items, \(facts.items)", cure: cure)
    }
    if isWeighted, facts.hasIgnored {
      add(.divisor, .validItems, detail: "it is divided by the number of items that are not ignored", cure: cure)
    }
    if facts.hasWeights {
      add(.divisor, .weightSum, detail: "it is divided by the sum of the class weights", cure: cure)
    }
    add(
      .divisor, .itemsTimesClasses,
      detail: "it is divided by the number of logits, items times classes = \(facts.items * facts.classes)", cure: cure)
    add(.divisor, .classes, detail: "it is divided by the number of classes, \(facts.classes)", cure: cure)
    add(.divisor, .meanTwice, detail: "it is divided by the number of items twice", cure: cure)
    return found
  }

  private static func temperatureFactors(_ facts: RequestFacts) -> [Hypothesis] {
    guard facts.temperature != 1 else { return [] }
    return [
      (0, "the gradient is not divided by the temperature: the chain rule's factor 1/T is missing"),
      (2, "the gradient is divided by the temperature twice"),
    ].map { power, detail in
      Hypothesis(
        .temperature, .temperaturePower, in: [.gradient], detail: detail,
        cure: "gradient = (softmax(a / T) - t) / T", telling: "a temperature such as 1.7"
      ) { $0.scale.temperaturePower = power }
    }
  }
}
