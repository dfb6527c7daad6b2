import Softmax
import VectorKernels

/// The formula is right, and its numbers are spoiled: by constants that are to protect them, or by the range of a
/// format.
extension Hypothesis {
  static let ofArithmetic =
    epsilons + clippings + overflows + differentiatedOverflows + underflows + differentiatedUnderflows + logitsBeyond

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

  private static let ranges = [ExponentRange.binary64, .binary32, .binary16]
  private static let cureOfOverflow = Sentence { "subtract the largest logit of each slice first: \($0.softmax)" }

  private static let overflows = ranges.map { range in
    Hypothesis(
      .overflow, .handling, of: range.format, in: .all,
      detail: Sentence { _ in
        "exponentials of the logits as they are leave the range of \(range.format.name): "
          + "e^x is infinite beyond x = \(range.greatest) and 0 below \(range.least), and ∞/∞ and 0/0 are NaN"
      },
      cure: cureOfOverflow, telling: "logits such as [800, 0]"
    ) { $0.handling = .unshifted(range) }
  }

  private static let differentiatedOverflows = ranges.map { range in
    Hypothesis(
      .overflow, .handling, of: range.format, in: [.gradient],
      detail: Sentence { _ in
        "differentiating e^x / Σ e^x divides by (Σ e^x)², "
          + "which is infinite in \(range.format.name) beyond x = \(range.greatest / 2): of p - t only -t is left"
      },
      cure: cureOfOverflow, telling: "logits such as [800, 0]"
    ) {
      $0.handling = .unshifted(range)
      $0.isDifferentiated = true
    }
  }

  private static let differentiatedUnderflows = underflows.map { underflow in
    Hypothesis(
      .underflow, .handling, of: underflow.mistake.range, in: [.gradient],
      detail: Sentence { underflow.detail.text($0) + ", whose derivative is NaN for its whole slice" },
      cure: underflow.cure, telling: underflow.telling
    ) {
      $0 = underflow.mistake.change
      $0.isDifferentiated = true
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

  private static let underflows = [BinaryFormat.binary64, .binary32, .binary16].flatMap { format in
    // Half of the least number is rounded to 0.
    let least = format == .binary64 ? .leastNonzeroMagnitude : power(format.leastExponent - 1)
    return [
      (least, "become 0 below the least number"),
      (power(format.leastNormalExponent), "are flushed to 0 below 2^\(format.leastNormalExponent)"),
    ].map { threshold, detail in
      Hypothesis(
        .underflow, .handling, of: format, in: ofProbabilities,
        detail: "probabilities underflow: in \(format.name) they \(detail), and so log p is -Infinity",
        cure: "log p = a - logsumexp(a) stays finite; compute losses from it, not from p",
        telling: "logits such as [0, -800]"
      ) { $0.handling = .flushed(threshold) }
    }
  }

  private static func power(_ exponent: Int) -> Double { Double(sign: .plus, exponent: exponent, significand: 1) }
}
