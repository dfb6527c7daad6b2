import Softmax
import VectorKernels

/// What the arithmetic alone explains: no mistake in the formula.
extension OutputSearch {
  /// The formula is right as far as the numbers tell: what is left is rounding, and what cancels.
  func roundingFindings(_ base: Agreement) -> [Finding] {
    if hasOtherSign { return [rounds(toOtherSign: base)] }
    if let digits = arithmetic.digits, base.way == .careful, !base.isFlushed { return [digitsAreFew(digits, base)] }
    if base.isFlushed { return [smallNumbersAreZero(base)] }
    if base.way == .lenient { return [everyDigitIsRounded(base)] }
    var found: [Finding] = []
    if base.way == .usual {
      found.append(
        finding(
          .cancellation, detail: Self.cancellation(in: candidate.output), cure: Self.cureOfCancellation, base))
    }
    if arithmetic.format.precision < report.format.precision || found.isEmpty {
      found.append(
        finding(
          .precision,
          detail: "the numbers agree with the exact ones as well as arithmetic in \(arithmetic.format.name) does: "
            + Self.isRight,
          cure: precisionCure(base), base))
    }
    return found
  }

  /// No more is known: numbers that are wrong by less than arithmetic rounds look the same.
  private static let isRight = "the formula is right as far as can be told"

  private static let cureOfCancellation =
    "1 - p[y] is the sum of p over the other classes than y; "
    + "log p = a - m - log1p(Σ exp(a - m) over the other classes than the largest), m = max(a)"

  /// Whether any number has a sign that the output never has: a loss is not negative, whatever the logits.
  private var hasOtherSign: Bool {
    switch candidate.output {
    case .probabilities, .entropy, .loss: found.contains { $0 < 0 }
    case .logProbabilities: found.contains { $0 > 0 }
    case .logSumExp, .gradient: false
    }
  }

  private func rounds(toOtherSign base: Agreement) -> Finding {
    finding(
      .cancellation,
      detail: "a number has a sign that none of this output can have, though it is as near as rounding explains: "
        + "digits cancel, or the formula is wrong",
      cure: Self.cureOfCancellation, base)
  }

  private func digitsAreFew(_ digits: DecimalDigits, _ base: Agreement) -> Finding {
    finding(
      .precision,
      detail: "the numbers agree with the exact ones in every digit that they have (\(digits.significant) at most): "
        + Self.isRight,
      cure: "send all digits that your language prints, or allow \"atol\" \(report.sufficientTolerance)", base)
  }

  private func smallNumbersAreZero(_ base: Agreement) -> Finding {
    finding(
      .underflow,
      detail: "\(Self.isRight), and numbers below the normal range of \(arithmetic.format.name) are flushed to 0",
      cure: "let the arithmetic keep subnormal numbers, or allow \"atol\" \(arithmetic.leastNormal)", base)
  }

  private func everyDigitIsRounded(_ base: Agreement) -> Finding {
    finding(
      .precision,
      detail: "\(Self.isRight): what \(arithmetic.format.name) rounds "
        + "of |a/T| up to \(rows.magnitudes.max() ?? 0), and of sums, is as large as these differences",
      cure: "subtract the largest logit before anything else is done, or compute in a longer format", base)
  }

  private func precisionCure(_ base: Agreement) -> String {
    guard arithmetic.format.precision < report.format.precision else {
      return "allow what the format's arithmetic rounds: \"rtol\" \(2 * base.relativeError)"
    }
    let type = DataType.allCases.first { $0.format == arithmetic.format }
    return "compute in a longer format" + (type.map { ", or send \"dtype\" \(quoted($0.rawValue))" } ?? "")
  }

  private static func cancellation(in output: CheckedOutput) -> String {
    switch output {
    case .gradient:
      "\(isRight), and digits cancel: where p is near the target's share, p - t keeps the error of p"
    case .loss, .logProbabilities, .logSumExp, .entropy, .probabilities:
      "\(isRight), and digits cancel: near p = 1 the logarithm keeps the error of p, and tends to 0"
    }
  }

  static let shorterFormats = [BinaryFormat.binary32, .binary16, .bfloat16]

  /// What right arithmetic in one of some formats makes of the numbers, where that is shorter than theirs seems to be
  /// and holds them all, though they are too few or too short to show it; nil where none does.
  mutating func roundedInShorterFormat(_ formats: [BinaryFormat]) throws(ComputationError) -> [Finding]? {
    let own = arithmetic
    defer { arithmetic = own }
    for shorter in formats where shorter.precision < own.format.precision {
      guard shorter.holds(found) else { continue }
      arithmetic = CandidateArithmetic(shorter)
      guard let agreement = try agreementAsAsked(), agreement.isTelling, !agreement.isFlushed else { continue }
      // Numbers as short as 0.5 or 0.75 are of every format: they must be as near as right numbers mostly are.
      guard hasDigitsOfItsOwn || agreement.misfit.usual <= 0.125 else { continue }
      return roundingFindings(agreement)
    }
    return nil
  }

  /// Whether one number at least is not as short as 0.5 or 0.75.
  private var hasDigitsOfItsOwn: Bool { found.contains { $0.isFinite && $0.significandWidth >= 4 } }

  /// Arithmetic in binary32 before arithmetic in a longer format, or before the numbers were printed.
  mutating func shorterPrecision() throws(ComputationError) -> Finding? {
    let own = arithmetic
    defer { arithmetic = own }
    // In another format's arithmetic few numbers are exact.
    guard own.format.precision > BinaryFormat.binary32.precision, report.shareExact < 0.5 else { return nil }
    arithmetic = CandidateArithmetic(.binary32)
    arithmetic.digits = own.digits
    guard let agreement = try agreementAsAsked(), agreement.isTelling else { return nil }
    return finding(
      .precision,
      detail: "the numbers agree with the exact ones as well as arithmetic in binary32 does, and no better",
      cure: "compute in \(report.format.name) from the logits on", agreement)
  }
}
