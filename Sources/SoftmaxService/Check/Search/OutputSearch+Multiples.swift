import Glibc
import Softmax
import VectorKernels

/// Numbers that are the same multiple of the exact ones: none of it, or so many times.
extension OutputSearch {
  /// What explains the numbers, and that every one of them is 0; nil where neither is so. Zeros that rounding or the
  /// range of a format explains are no sign that nothing was computed.
  func withZeros(_ found: [Finding]?, besideOptions: Bool = false) -> [Finding]? {
    guard mayBeMissing(found?.map(\.cause) ?? [], besideOptions: besideOptions) else { return found }
    var zeros = finding(
      .zero, detail: "every number is 0",
      cure: candidate.output == .gradient
        ? "see whether the gradient was computed (backward), cleared before it was read (zero_grad), or cut off from "
          + "the logits (detach, no_grad)"
        : "see whether the numbers were computed, and whether they are stored as integers",
      Finding.Evidence(
        compared: report.count, relativeError: 0, absoluteError: 0, position: nil, candidate: 0, recomputed: 0))
    guard let found else { return [zeros] }
    zeros.tellApart =
      "other findings agree as well with these numbers; to tell them apart, send logits such as [2, 1, 0.1]"
    return [zeros] + found
  }

  /// Whether every number is 0, and neither rounding nor the range of a format explains that.
  /// - Parameter causes: what explains the numbers.
  func mayBeMissing(_ causes: [Cause], besideOptions: Bool = false) -> Bool {
    // Where the exact numbers are small, right ones may be 0: p in binary16, and 1 - p, of which a logarithm or an
    // option such as (1 - p)^focal_gamma is taken, in more formats.
    let least = candidate.output == .gradient && !besideOptions ? 0x1p-24 : 0x1p-6
    return isZero && !causes.contains { [.precision, .cancellation, .underflow].contains($0) }
      && report.maximumAbsoluteError >= least * (factor(of: Change()) ?? 1).magnitude
  }

  /// That every number is the exact one times a factor.
  /// - Parameter besideOptions: whether recomputations do not know an option of the request.
  mutating func multiple(besideOptions: Bool = false) throws(ComputationError) -> Finding? {
    guard isFinite, let (factor, isSimple) = ratio(),
      let (agreement, evidence) = try besideOptions ? scaled(by: factor) : recomputed(times: factor)
    else { return nil }
    // The numbers of a gradient's slice sum to 0: one of them follows from the others. Where all exact numbers are
    // equal, any constant is a multiple. And one number says nothing of a factor that is taken from it.
    let width = width
    let slices = (0..<rows.count).count { row in
      candidate.output == .gradient && (0..<width).contains { exact[row * width + $0] != 0 }
    }
    let numbers = exact.filter { $0 != 0 }
    let free = min(numbers.count - slices, Set(numbers).count) - (isSimple ? 0 : 1)
    let share = Double(free) / Double(numbers.count)
    guard evidence.bits * share >= WeightOfEvidence.leastOfPair else { return nil }
    return finding(
      .factor, detail: "every number is \(Self.rounded(factor)) times the exact one",
      cure:
        "see what multiplies the numbers, or adds them up more than once: a gradient that is not cleared before the "
        + "next backward pass, a factor of the loss, a sum that is not divided by", agreement)
  }

  /// How many times the exact number the caller's is where it is largest, and whether that is a whole number up to 16,
  /// or one divided by such.
  private func ratio() -> (factor: Double, isSimple: Bool)? {
    let places = exact.indices.filter { exact[$0].isFinite }
    guard let place = places.max(by: { exact[$0].magnitude < exact[$1].magnitude }) else { return nil }
    let ratio = found[place] / exact[place]
    // Nearer to 1 is rounding.
    guard (0x1p-300...0x1p300).contains(ratio.magnitude), (ratio - 1).magnitude > 0x1p-6 else { return nil }
    let slack = arithmetic.interval(found[place], scaledTerm(place, ratio), .none) / exact[place].magnitude
    let whole = (ratio.magnitude < 1 ? 1 / ratio : ratio).rounded()
    let simple = ratio.magnitude < 1 ? 1 / whole : whole
    let isSimple = (2...16).contains(whole.magnitude) && (ratio - simple).magnitude <= slack
    return (isSimple ? simple : ratio, isSimple)
  }

  private mutating func recomputed(
    times factor: Double
  ) throws(ComputationError) -> (Agreement, WeightOfEvidence)? {
    var change = Change()
    change.scale.factor = factor
    guard try probes.mayAgree(change, arithmetic), let agreement = try agreement(under: change) else { return nil }
    return (agreement, try evidence(for: change, agreement, base: nil, enough: .infinity))
  }

  /// How well the exact numbers agree, each times a factor, and what speaks for it; nil where they do not.
  func scaled(by factor: Double) -> (Agreement, WeightOfEvidence)? {
    guard let agreement = agreement(withExactTimes: factor) else { return nil }
    var evidence = WeightOfEvidence(arithmetic, isRight: false)
    for place in found.indices {
      evidence.add(
        found[place], exact: exact[place],
        allowed: arithmetic.interval(found[place], scaledTerm(place, factor), agreement),
        right: arithmetic.interval(found[place], scaledTerm(place, 1), .none), isNear: false)
    }
    return (agreement, evidence)
  }

  /// A factor to six digits.
  private static func rounded(_ factor: Double) -> String {
    let scale = pow(10, 5 - log10(factor.magnitude).rounded(.down))
    return text(of: scale < 1 ? factor : (factor * scale).rounded() / scale)
  }
}
