import Softmax

/// Everything is right except for one factor.
extension Hypothesis {
  static let ofFactors = [sign] + logBases + reductions + divisors + temperatureFactors + [distillation]

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
      .reduction, by: .one, needing: [.mean], "it is the sum over the items, and \"mean\" was asked for",
      cure: Sentence { "divide by \($0.divisorOfMean), or ask for \"reduction\": \"sum\"" }),
    divided(
      .reduction, by: .mean, needing: [.noMean],
      Sentence { "it is divided as \"mean\" divides, and \($0.reduction) was asked for" },
      cure: Sentence { "leave out the division by \($0.divisorOfMean), or ask for \"reduction\": \"mean\"" }),
  ]

  private static let divisors = [
    // Else it is the mean itself.
    divided(by: .items, needing: [.meanIsNotOfItems], Sentence { "it is divided by the number of items, \($0.items)" }),
    divided(
      by: .validItems, needing: [.weights, .ignoredItems],
      "it is divided by the number of items that are not ignored"),
    divided(
      by: .mean, needing: [.givenDivisor],
      Sentence { "the request's divisor is left out: it is divided by \($0.divisorOfItems)" }),
    divided(by: .weightSum, needing: [.classWeights], "it is divided by the sum of the class weights"),
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
      .temperature, .temperaturePower, in: [.gradient], needing: [.temperature], detail: "\(detail)",
      cure: "gradient = (softmax(a / T) - t) / T", telling: "a temperature such as 1.7"
    ) { $0.scale.temperaturePower = power }
  }

  private static let distillation = Hypothesis(
    .factor, .factor, in: [.loss, .gradient], needing: [.temperature],
    detail: Sentence { "every number is T² = \(text(of: $0.squaredTemperature)) times the exact one" },
    cure: Sentence {
      "leave T² out; or, where it is meant, as in distillation (Hinton, Vinyals and Dean, 2015), "
        + "send \"upstream\" \(text(of: $0.squaredTemperature)) for the gradient, and compare the loss before it"
    },
    telling: "a temperature such as 1.7"
  ) { $0.scale.isTimesSquare = true }
}

/// The target, or what weighs it, is taken otherwise.
extension Hypothesis {
  static let ofTargets =
    offsets + [forgotten, divergence] + derivations + smoothings + weights + ignored + sampleWeights + [upstream]

  private static let lossOutputs: CheckedOutputSet = [.loss, .gradient]

  private static let offsets = [
    (
      -1, "each target is taken for the class before it: as if the classes were counted from 1",
      "index p[target], not p[target - 1]; a target that counts from 1 (R, Julia, MATLAB, Lua) is sent as target - 1"
    ),
    (
      1, "each target is taken for the class after it: as if 1 were added for classes counted from 1",
      "index p[target], not p[target + 1]: classes are counted from 0 here"
    ),
  ].map { offset, detail, cure in
    Hypothesis(
      .targetOffset, .target, in: lossOutputs, needing: [.indices, .severalClasses], detail: "\(detail)",
      cure: "\(cure)",
      telling: "three classes or more, logits such as [2, 1, 0.1], and a target in the middle"
    ) { $0.target.offset = offset }
  }

  private static let forgotten = Hypothesis(
    .noTarget, .target, in: [.gradient], detail: "the target is not subtracted: it is p where p - t should be",
    cure: Sentence {
      $0.features.contains(.indices)
        ? "subtract 1 at the target's class: gradient = p - onehot(target)" : "gradient = p - target"
    },
    telling: "three classes or more, and logits such as [2, 1, 0.1]"
  ) { $0.target.isForgotten = true }

  private static let divergence = Hypothesis(
    .divergence, .target, in: [.loss], needing: [.distribution],
    detail: "it is the KL divergence from the target: the target's entropy -Σ t log t is left out",
    cure: "add the target's entropy, or compare with the output \"kl_divergence\" of /loss; the gradient is the same",
    telling: "a target such as [0.7, 0.2, 0.1]"
  ) { $0.target.leavesOutEntropy = true }

  private static let derivations = [
    (
      Cause.sign, Change.Derivation.addedTarget, "the target is added: it is p + t where p - t should be",
      "gradient = p - t: the derivative of -log p[target] is negative at the target"
    ),
    (
      .jacobian, .diagonal,
      "only the diagonal of softmax's Jacobian is used: the chain rule's sum over the classes is left out",
      "dL/da[i] = Σ_l dL/dp[l] · p[l](1[l = i] - p[i]) over every class l: that is p[i] - t[i]"
    ),
    (
      .jacobian, .withoutJacobian,
      "it is the gradient with respect to p, -t/p, and not to the logits: softmax's Jacobian is left out",
      "dL/da[i] = Σ_l dL/dp[l] · p[l](1[l = i] - p[i]): that is p[i] - t[i]"
    ),
  ].map { cause, derivation, detail, cure in
    Hypothesis(
      cause, .derivation, in: [.gradient], detail: "\(detail)", cure: "\(cure)",
      telling: "three classes or more, and logits such as [2, 1, 0.1]"
    ) {
      $0.derivation = derivation
      // The factor 1/T is the Jacobian's.
      if derivation == .withoutJacobian { $0.scale.temperaturePower = 0 }
    }
  }

  private static let smoothings = [
    smoothed(.none, "label smoothing is left out", telling: "a smoothing such as 0.3"),
    smoothed(
      .overOthers, needing: [.indices], "ε is spread over the C - 1 other classes, not over all C",
      telling: "a few classes, a smoothing of 0.3"),
    smoothed(
      .withoutTarget, needing: [.indices], "the target's class does not get its share ε / C",
      telling: "a few classes, a smoothing of 0.3"),
    smoothed(
      .unweighted, needing: [.classWeights], "the smoothed share ε / C is not multiplied by the class weights",
      telling: "very unequal class weights"),
  ]

  private static func smoothed(
    _ smoothing: Change.Smoothing, needing needs: [RequestFeature] = [], _ detail: Sentence, telling: String
  ) -> Hypothesis {
    Hypothesis(
      .smoothing, .smoothing, in: lossOutputs, needing: RequestFeatures(needs + [.smoothing]), detail: detail,
      cure: Sentence {
        switch (hasIndices: $0.features.contains(.indices), hasWeights: $0.features.contains(.classWeights)) {
        case (true, false): "t = (1 - ε) onehot(target) + ε / C"
        case (true, true): "u = w[target] (1 - ε) onehot(target) + ε / C w"
        case (false, false): "t = (1 - ε) target + ε / C"
        case (false, true): "u = w ((1 - ε) target + ε / C)"
        }
      },
      telling: telling
    ) { $0.target.smoothing = smoothing }
  }

  private static let weights = [
    weighed(.none, "the class weights are left out"),
    weighed(.squared, "the class weights are applied twice, in the divisor too"),
    weighed(.none, dividedBy: .unchanged, "the class weights are left out, but not in the divisor"),
    weighed(.squared, dividedBy: .unchanged, "the class weights are applied twice"),
    weighed(
      .perClass, "each class's own weight multiplies p - t; it must be the target's for all classes", in: [.gradient]),
  ]

  private static func weighed(
    _ weights: Change.Weights, dividedBy divisor: Change.Divisor = .given, _ detail: Sentence,
    in outputs: CheckedOutputSet = lossOutputs
  ) -> Hypothesis {
    Hypothesis(
      // The weights count in the mean's divisor where they are the targets'.
      .weight, .weights, in: outputs,
      needing: divisor == .unchanged ? [.ownMean, .indices, .classWeights] : [.classWeights], detail: detail,
      cure: Sentence {
        $0.features.contains(.indices)
          ? "multiply each item by w[target], once, and \($0.division)"
          : "multiply each class's term by its weight, once, and \($0.division)"
      },
      telling: "very unequal class weights, and every class a target"
    ) {
      $0.target.weights = weights
      $0.scale.divisor = divisor
    }
  }

  private static let ignored = [
    counted(.asClass) {
      "ignored items are counted, as class \($0.ignoredClass)\($0.ignoresClass ? "" : ": a clamped target")"
    },
    counted(.asOther, needing: [.otherIgnoredClass]) {
      "ignored items are counted, as class \($0.otherIgnoredClass): a clamped target"
    },
    // They add nothing to a loss: it is divided by more, which without weights is the number of items.
    Array(
      counted(.asNoClass, in: [.loss], needing: [.ownMean, .weights]) { _ in
        "ignored items are counted, as items without a class"
      }.prefix(1)),
    counted(.asNoClass, in: [.gradient]) { _ in
      "ignored items are counted, as items without a class: their gradient is p"
    },
  ].flatMap { $0 }

  private static func counted(
    _ ignored: Change.Ignored, in outputs: CheckedOutputSet = lossOutputs, needing needs: [RequestFeature] = [],
    _ detail: @escaping @Sendable (RequestFacts) -> String
  ) -> [Hypothesis] {
    [(Change.Divisor.given, ""), (.unchanged, ", though the divisor leaves them out")].map { divisor, more in
      Hypothesis(
        .ignoreIndex, .ignored, in: outputs, needing: RequestFeatures(needs + divisor.needs + [.ignoredItems]),
        detail: Sentence { detail($0) + more },
        cure: Sentence { "keep = target != ignore_index: only these items count; then \($0.division)" },
        telling: "several items ignored, with logits of their own"
      ) {
        $0.target.ignored = ignored
        $0.scale.divisor = divisor
      }
    }
  }

  private static let sampleWeights = [(Change.Divisor.given, ""), (.unchanged, ", but not in the divisor")].map {
    divisor, more in
    Hypothesis(
      .sampleWeight, .sampleWeights, in: lossOutputs, needing: RequestFeatures(divisor.needs + [.sampleWeights]),
      detail: "the sample weights are forgotten\(more)",
      cure: Sentence { "multiply each item by its sample weight, and \($0.division)" },
      telling: "very unequal sample weights"
    ) {
      $0.target.forgetsSampleWeights = true
      $0.scale.divisor = divisor
    }
  }

  private static let upstream = Hypothesis(
    .upstream, .upstream, in: [.gradient], needing: [.upstream], detail: "the upstream gradient is left out",
    cure: "multiply the gradient of each item by its upstream gradient",
    telling: "an upstream gradient such as 1.7"
  ) { $0.target.forgetsUpstream = true }
}

extension Change.Divisor {
  /// What a request must have for a mistake to leave its divisor as it is: one that the mistake would change.
  fileprivate var needs: [RequestFeature] { self == .unchanged ? [.ownMean] : [] }
}

/// Options that recomputations do not know: what the numbers are without them.
extension Hypothesis {
  static let ofOptions = [
    leftOut(
      .softcap, needing: [.softcap], in: .all, cure: "softmax of c·tanh(a / c), and 1 - tanh²(a / c) in the gradient"
    ) { $0.source = .withoutCap },
    leftOut(
      .zLoss, needing: [.zLoss], in: [.loss, .gradient],
      cure: "add z_loss · LSE² to each item's loss, and 2 z_loss · LSE · p / T to its gradient"),
    leftOut(
      .focalGamma, needing: [.focalGamma], in: [.loss, .gradient],
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
