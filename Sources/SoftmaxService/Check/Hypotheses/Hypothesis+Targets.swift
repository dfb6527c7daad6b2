import Softmax

/// The target, or what weighs it, is taken otherwise.
extension Hypothesis {
  static let ofTargets = offsets + smoothings + weights + ignored + sampleWeights

  private static let lossOutputs: CheckedOutputSet = [.loss, .gradient]

  private static let offsets = [
    (-1, "each target is taken for the class before it: as if the classes were counted from 1"),
    (1, "each target is taken for the class after it: as if 1 were added for classes counted from 1"),
  ].map { offset, detail in
    Hypothesis(
      .targetOffset, .target, in: lossOutputs, needing: [.indices, .severalClasses], detail: "\(detail)",
      cure: "classes are counted from 0 here: send target - 1 from R, Julia, MATLAB and Lua, and index p[target]",
      telling: "three classes or more, and a target in the middle"
    ) { $0.target.offset = offset }
  }

  private static let smoothings = [
    smoothed(.none, "label smoothing is left out", telling: "a smoothing such as 0.3"),
    smoothed(
      .overOthers, needing: .indices, "ε is spread over the C - 1 other classes, not over all C",
      telling: "a few classes, a smoothing of 0.3"),
    smoothed(
      .withoutTarget, needing: .indices, "the target's class does not get its share ε / C",
      telling: "a few classes, a smoothing of 0.3"),
    smoothed(
      .unweighted, needing: .classWeights, "the smoothed share ε / C is not multiplied by the class weights",
      telling: "very unequal class weights"),
  ]

  private static func smoothed(
    _ smoothing: Change.Smoothing, needing needs: RequestFeatures = [], _ detail: Sentence, telling: String
  ) -> Hypothesis {
    Hypothesis(
      .smoothing, .smoothing, in: lossOutputs, needing: needs.union(.smoothing), detail: detail,
      cure: "t = (1 - ε) onehot(target) + ε / C, and u = w[target] (1 - ε) onehot(target) + ε / C w", telling: telling
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
      .weight, .weights, in: outputs, needing: divisor.needs.union(.classWeights), detail: detail,
      cure: "multiply each item by w[target], once, and divide by the sum of these weights",
      telling: "very unequal class weights, and every class a target"
    ) {
      $0.target.weights = weights
      $0.scale.divisor = divisor
    }
  }

  private static let ignored = [
    counted(.asClass, needing: .ignoredClass) { "ignored items are counted, as class \($0.ignoredClass ?? 0)" },
    counted(.asNoClass) { _ in "ignored items are counted, as items without a class: their gradient is p" },
  ].flatMap { $0 }

  private static func counted(
    _ ignored: Change.Ignored, needing needs: RequestFeatures = [],
    _ detail: @escaping @Sendable (RequestFacts) -> String
  ) -> [Hypothesis] {
    [(Change.Divisor.given, ""), (.unchanged, ", though the divisor leaves them out")].map { divisor, more in
      Hypothesis(
        .ignoreIndex, .ignored, in: lossOutputs, needing: needs.union(divisor.needs).union(.ignoredItems),
        detail: Sentence { detail($0) + more },
        cure: "keep = target != ignore_index; sum and divide over the items kept",
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
      .sampleWeight, .sampleWeights, in: lossOutputs, needing: divisor.needs.union(.sampleWeights),
      detail: "the sample weights are forgotten\(more)",
      cure: "multiply each item by its sample weight, and divide by Σ s·w[target]",
      telling: "very unequal sample weights"
    ) {
      $0.target.forgetsSampleWeights = true
      $0.scale.divisor = divisor
    }
  }
}

extension Change.Divisor {
  /// What a request must have for a mistake to leave its divisor as it is: one that the mistake would change.
  fileprivate var needs: RequestFeatures { self == .unchanged ? .mean : [] }
}
