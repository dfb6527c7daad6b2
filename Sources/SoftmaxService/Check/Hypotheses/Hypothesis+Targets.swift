import Softmax

/// The target, or what weighs it, is taken otherwise.
extension Hypothesis {
  private static let lossOutputs: OutputSet = [.loss, .gradient]

  static func ofTargets(_ facts: RequestFacts) -> [Hypothesis] {
    offsets(facts) + smoothings(facts) + weights(facts) + ignored(facts) + sampleWeights(facts)
  }

  private static func offsets(_ facts: RequestFacts) -> [Hypothesis] {
    guard facts.hasIndices, facts.classes > 1 else { return [] }
    return [
      (-1, "each target is taken for the class before it: as if the classes were counted from 1"),
      (1, "each target is taken for the class after it: as if 1 were added for classes counted from 1"),
    ].map { offset, detail in
      Hypothesis(
        .targetOffset, .target, in: lossOutputs, detail: detail,
        cure: "classes are counted from 0 here: send target - 1 from R, Julia, MATLAB and Lua, and index p[target]",
        telling: "three classes or more, and a target in the middle"
      ) { $0.target.offset = offset }
    }
  }

  private static func smoothings(_ facts: RequestFacts) -> [Hypothesis] {
    guard facts.smoothing > 0 else { return [] }
    let cure = "t = (1 - ε) onehot(target) + ε / C, and u = w[target] (1 - ε) onehot(target) + ε / C w"
    var found: [Hypothesis] = []
    func add(_ smoothing: Change.Smoothing, _ detail: String, _ telling: String) {
      found.append(
        Hypothesis(.smoothing, .smoothing, in: lossOutputs, detail: detail, cure: cure, telling: telling) {
          $0.target.smoothing = smoothing
        })
    }
    add(.none, "label smoothing is left out", "a smoothing such as 0.3")
    if facts.hasIndices {
      add(.overOthers, "ε is spread over the C - 1 other classes, not over all C", "a few classes, a smoothing of 0.3")
      add(.withoutTarget, "the target's class does not get its share ε / C", "a few classes, a smoothing of 0.3")
    }
    if facts.hasWeights {
      add(.unweighted, "the smoothed share ε / C is not multiplied by the class weights", "very unequal class weights")
    }
    return found
  }

  private static func weights(_ facts: RequestFacts) -> [Hypothesis] {
    guard facts.hasWeights else { return [] }
    let cure = "multiply each item by w[target], once, and divide by the sum of these weights"
    var found: [Hypothesis] = []
    func add(_ detail: String, _ outputs: OutputSet = lossOutputs, _ change: (inout Change) -> Void) {
      found.append(
        Hypothesis(
          .weight, .weights, in: outputs, detail: detail, cure: cure,
          telling: "very unequal class weights, and every class a target", change: change))
    }
    add("the class weights are left out") { $0.target.weights = .none }
    add("the class weights are applied twice, in the divisor too") { $0.target.weights = .squared }
    if facts.reduction == .mean {
      add("the class weights are left out, but not in the divisor") {
        $0.target.weights = .none
        $0.scale.divisor = .unchanged
      }
      add("the class weights are applied twice") {
        $0.target.weights = .squared
        $0.scale.divisor = .unchanged
      }
    }
    add("each class's own weight multiplies p - t; it must be the target's for all classes", [.gradient]) {
      $0.target.weights = .perClass
    }
    return found
  }

  private static func ignored(_ facts: RequestFacts) -> [Hypothesis] {
    guard facts.hasIgnored else { return [] }
    let cure = "keep = target != ignore_index; sum and divide over the items kept"
    var found: [Hypothesis] = []
    func add(_ detail: String, _ ignored: Change.Ignored) {
      for divisor in facts.reduction == .mean ? [Change.Divisor.given, .unchanged] : [.given] {
        found.append(
          Hypothesis(
            .ignoreIndex, .ignored, in: lossOutputs,
            detail: detail + (divisor == .unchanged ? ", though the divisor leaves them out" : ""), cure: cure,
            telling: "several items ignored, with logits of their own"
          ) {
            $0.target.ignored = ignored
            $0.scale.divisor = divisor
          })
      }
    }
    if let index = facts.ignoredClass { add("ignored items are counted, as class \(index)", .asClass) }
    add("ignored items are counted, as items without a class: their gradient is p", .asNoClass)
    return found
  }

  private static func sampleWeights(_ facts: RequestFacts) -> [Hypothesis] {
    guard facts.hasSampleWeights else { return [] }
    return [Change.Divisor.given, .unchanged].prefix(facts.reduction == .mean ? 2 : 1).map { divisor in
      Hypothesis(
        .sampleWeight, .sampleWeights, in: lossOutputs,
        detail: "the sample weights are forgotten" + (divisor == .unchanged ? ", but not in the divisor" : ""),
        cure: "multiply each item by its sample weight, and divide by Σ s·w[target]",
        telling: "very unequal sample weights"
      ) {
        $0.target.forgetsSampleWeights = true
        $0.scale.divisor = divisor
      }
    }
  }
}
