import Glibc
import Softmax
import VectorKernels

/// What is said of mistakes that explain the numbers, or that nothing does.
extension OutputSearch {
  /// A finding for each hypothesis of an explanation.
  func findings(of explanation: Explanation, besides others: Int) -> [Finding] {
    let hypotheses = explanation.mistakes.map(\.hypothesis)
    let details = hypotheses.map { $0.detail.text(facts) }
    return zip(hypotheses, details).map { hypothesis, detail in
      let rest = details.filter { $0 != detail }
      let together = rest.isEmpty ? "" : "; and, together with it, \(rest.joined(separator: ", and "))"
      var finding = finding(
        hypothesis.cause, detail: detail + together, cure: hypothesis.cure.text(facts), explanation.agreement)
      if others > 0 {
        let agreeing = "\(others) other finding\(others == 1 ? " agrees" : "s agree")"
        finding.tellApart = Finding.tellingApart(by: hypothesis.telling, agreeing)
      }
      return finding
    }
  }

  /// That the numbers agree with the exact ones in every digit that they have, beside what agrees far better: in
  /// arithmetic of more digits some mistake agrees by chance.
  func rightInDigits(_ base: Agreement) throws(ComputationError) -> [Finding] {
    let printed = arithmetic
    (arithmetic, printedArithmetic) = (ownArithmetic, printed)
    let found = try mistake(beside: base)
    (arithmetic, printedArithmetic) = (printed, nil)
    let right = try roundingFindings(base)
    return found.map { beside(right.first, $0) } ?? right
  }

  /// Names the transposed order too, where it agrees as well: a few classes and items fit both.
  func withTransposed(_ found: [Finding]) throws(ComputationError) -> [Finding] {
    guard var other = try transposed(besides: true) else { return found }
    other.tellApart = Finding.tellingApart(by: "a number of items that differs from the number of classes")
    return found + [other]
  }

  /// Names beside mistakes that the numbers may be right, and rounded to a few decimals: what is 0 for that needs no
  /// range to make it so.
  func beside(_ rounded: Finding?, _ found: [Finding]) -> [Finding] {
    guard var rounded else { return found }
    rounded.tellApart = Finding.tellingApart(by: "all digits that your language prints")
    var mistakes = found.filter { $0.cause != .underflow }
    if mistakes.isEmpty { rounded.tellApart = nil }
    for place in mistakes.indices { mistakes[place].tellApart = mistakes[place].tellApart ?? rounded.tellApart }
    return mistakes + [rounded]
  }

  func finding(_ cause: Cause, detail: String, cure: String, _ agreement: Agreement) -> Finding {
    finding(
      cause, detail: detail, cure: cure,
      Finding.Evidence(
        compared: agreement.compared, relativeError: agreement.relativeError, absoluteError: agreement.absoluteError,
        position: agreement.worst.place.map { self.position(of: $0) }, candidate: agreement.worst.candidate,
        recomputed: agreement.worst.recomputed))
  }

  func finding(_ cause: Cause, detail: String, cure: String, _ evidence: Finding.Evidence) -> Finding {
    Finding(
      cause: cause, output: candidate.output, detail: "\(candidate.output.name): \(detail)", cure: cure,
      evidence: evidence)
  }

  var unexplained: Finding {
    let steps =
      candidate.output.isLossOrGradient && facts.features.contains(.indices)
      ? "the output \"derivation\" of /gradient" : "the outputs of /softmax"
    let isSmall = facts.items == 1 && facts.classes <= 3
    return unexplained(
      "nothing that is known here explains the numbers",
      cure: (isSmall ? "" : "send a single slice of three logits without options, and ")
        + "compare each step with \(steps)")
  }

  var unexplainedBesideOptions: Finding {
    let options = Hypothesis.ofOptions.filter { facts.features.contains($0.mistake.needs) }
    guard !options.isEmpty else { return unexplained }
    let names = listed(options.map { quoted($0.cause.rawValue) })
    return unexplained(
      "no factor explains the numbers, and beside \(names) other mistakes are not looked for",
      cure: "leave out \(names) in your code and in the request: then all mistakes are looked for")
  }

  /// That nothing explains the numbers, with how far they are from the exact ones.
  private func unexplained(_ detail: String, cure: String) -> Finding {
    let worst = report.worst.first
    return finding(
      .unexplained, detail: detail, cure: cure,
      Finding.Evidence(
        compared: report.count, relativeError: report.maximumRelativeError, absoluteError: report.maximumAbsoluteError,
        position: worst?.position, candidate: worst?.candidate ?? 0, recomputed: worst?.exact ?? 0))
  }
}

/// What the arithmetic alone explains: no mistake in the formula.
extension OutputSearch {
  /// The formula is right as far as the numbers tell: what is left is rounding, and what cancels.
  func roundingFindings(_ base: Agreement) throws(ComputationError) -> [Finding] {
    if base.way == .lenient, !base.isFlushed {
      if let finding = try roundedLogits(besides: base) { return [finding] }
      if let finding = try cutShort() { return finding }
    }
    func saying(_ cause: Cause, _ detail: String, cure: String) -> [Finding] {
      [finding(cause, detail: detail, cure: cure, base)]
    }
    let format = arithmetic.format
    if hasOtherSign {
      return saying(
        .cancellation,
        "a number has a sign that none of this output can have, though it is as near as rounding explains: "
          + "digits cancel, or the formula is wrong",
        cure: cureOfCancellation)
    }
    if let digits = arithmetic.digits, base.way == .careful, !base.isFlushed {
      return saying(
        .precision,
        "the numbers agree with the exact ones in every digit that they have (\(digits.significant) at most): "
          + Self.isRight,
        cure:
          "send all digits that your language prints, or allow \(report.sufficientTolerance(decimals: digits.decimals))"
      )
    }
    if base.isFlushed {
      return saying(
        .underflow, "\(Self.isRight), and numbers below the normal range of \(format.name) are flushed to 0",
        cure: "let the arithmetic keep subnormal numbers, or allow \(report.sufficientAbsoluteTolerance)")
    }
    if base.way == .lenient {
      return saying(
        .precision,
        "\(Self.isRight): what \(format.name) rounds of |a/T| up to \(rows.magnitude), and of sums, "
          + "is as large as these differences",
        cure: "subtract the largest logit before anything else is done, or compute in a longer format")
    }
    var found: [Finding] = []
    if base.way == .usual {
      let what =
        candidate.output == .gradient
        ? "where p is near the target's share, p - t keeps the error of p"
        : "near p = 1 the logarithm keeps the error of p, and tends to 0"
      found += saying(.cancellation, "\(Self.isRight), and digits cancel: \(what)", cure: cureOfCancellation)
    }
    if format.precision < report.format.precision || found.isEmpty {
      found += saying(
        .precision,
        "the numbers agree with the exact ones as well as arithmetic in \(format.name) does: " + Self.isRight,
        cure: precisionCure)
    }
    return found
  }

  /// What explains the numbers by their digits, where these alone make them less exact; nil where they do not.
  private func cutShort() throws(ComputationError) -> [Finding]? {
    guard arithmetic.digits == nil, digits != nil else { return nil }
    arithmetic.digits = digits
    defer { arithmetic.digits = nil }
    let base = try isBesideOptions ? scaled(by: 1)?.agreement : agreementAsAsked()
    guard let base, base.way == .careful else { return nil }
    return try roundingFindings(base)
  }

  /// What explains the numbers as those of logits that a format has rounded first; nil where nothing does.
  /// - Parameter base: how well the formula as it is agrees; nil where it does not. Then it takes the evidence of a
  ///   pair, since a format can make the numbers differ as little as one likes.
  func roundedLogits(besides base: Agreement? = nil) throws(ComputationError) -> Finding? {
    for format in Self.shorterFormats where format.precision <= arithmetic.format.precision {
      let change = Change(source: .narrowed(format))
      guard try mayBeRounded(format), try spots.mayAgree(change, arithmetic),
        let agreement = try agreement(under: change), agreement.way != .lenient,
        let type = DataType.allCases.first(where: { $0.format == format })
      else { continue }
      if base == nil, try !evidence(for: change, agreement).suffices(isPair: true) { continue }
      let own = DataType.allCases.first { $0.format == arithmetic.format && $0.format != report.format }
      let dtype = own.map { " and \"dtype\" \(quoted($0.rawValue))" } ?? ""
      return finding(
        .precision, detail: "\(Self.isRight), of logits that \(format.name) has rounded first",
        cure: "round them here too, by \"input_dtype\" \(quoted(type.rawValue))\(dtype), "
          + "or keep them in a longer format", agreement)
    }
    return nil
  }

  /// Whether a format rounds the logits, none of them to infinity, and by as much as the numbers are off: no p moves
  /// by more than 2u max |a/T| of itself, and no logarithm by more than that.
  private func mayBeRounded(_ format: BinaryFormat) throws(ComputationError) -> Bool {
    let moved = expm1(2 * format.unit * rows.largestShift(.given))
    guard try report.maximumAbsoluteError <= 4 * moved * largestGain() / asked.operations.typical else { return false }
    return !format.holds(rows.logits)
      && rows.logits.allSatisfy { !$0.isFinite || format.nearest(to: $0).isFinite }
  }

  /// No more is known: numbers that are wrong by less than arithmetic rounds look the same.
  private static let isRight = "the formula is right as far as can be told"

  private var cureOfCancellation: String {
    "1 - p[y] is the sum of p over the other classes than y; "
      + "log p = a - m - log1p(Σ exp(a - m) over the other classes than the largest), m = max(a); "
      + "or allow \(report.sufficientAbsoluteTolerance)"
  }

  /// Whether any number has a sign that the output never has: a loss is not negative, whatever the logits.
  var hasOtherSign: Bool {
    switch candidate.output {
    case .probabilities, .entropy, .loss: numbers.contains { $0 < 0 }
    case .logProbabilities: numbers.contains { $0 > 0 }
    case .logSumExp, .gradient: false
    }
  }

  private var precisionCure: String {
    guard arithmetic.format.precision < report.format.precision else {
      return "allow what the format's arithmetic rounds: \(report.sufficientTolerance)"
    }
    return "compute in a longer format" + orSendingFormat
  }

  /// The other cure of arithmetic in a shorter format, where the request has a name for that.
  private var orSendingFormat: String {
    let types = DataType.allCases.filter {
      $0.format == arithmetic.format || fitsBfloat16 && $0.format == .bfloat16
    }
    return types.isEmpty ? "" : ", or send \"dtype\" \(types.map { quoted($0.rawValue) }.joined(separator: " or "))"
  }

  static let shorterFormats = [BinaryFormat.binary32, .binary16, .bfloat16]

  /// What right arithmetic in one of some formats makes of the numbers, where that is shorter than theirs seems to be
  /// and holds them all, though they are too few or too short to show it; nil where none does.
  func roundedInShorterFormat(_ formats: [BinaryFormat]) throws(ComputationError) -> [Finding]? {
    let own = arithmetic
    defer { (arithmetic, fitsBfloat16) = (own, false) }
    for shorter in formats where shorter.precision < own.format.precision {
      guard shorter.holds(numbers), formatsOfAll.contains(shorter) else { continue }
      arithmetic = CandidateArithmetic(shorter)
      fitsBfloat16 =
        shorter == .binary16 && formatsOfAll.contains(.bfloat16) && BinaryFormat.bfloat16.holds(numbers)
      guard let agreement = try agreementAsAsked(), agreement.isTelling, !agreement.isFlushed else { continue }
      // Numbers as short as 0.5 or 0.75 are of every format: they must be as near as right numbers mostly are.
      guard hasDigitsOfItsOwn || agreement.misfit.usual <= 0.125 else { continue }
      return try roundingFindings(agreement)
    }
    return nil
  }

  /// What explains numbers that are all as short as 0.75 and 1.0 as the exact ones, rounded to a few decimals.
  func roundedToDecimals() throws(ComputationError) -> Finding? {
    guard arithmetic.digits == nil, !isZero, let short = DecimalDigits(ofShort: numbers, arithmetic.format) else {
      return nil
    }
    arithmetic.digits = short
    defer { arithmetic.digits = nil }
    let agreement = try isBesideOptions ? scaled(by: 1)?.agreement : agreementAsAsked()
    guard let agreement, agreement.way == .careful, !agreement.isFlushed, agreement.isTelling else { return nil }
    return finding(
      .precision, detail: "every number is the exact one, rounded to \(short.decimals) decimals: " + Self.isRight,
      cure:
        "send all digits that your language prints, or allow \(report.sufficientTolerance(decimals: short.decimals))",
      agreement)
  }

  /// What explains numbers with few digits as those of right arithmetic in binary16 or bfloat16, printed, where the
  /// request does not say so.
  func printedInShorterFormat() throws(ComputationError) -> Finding? {
    guard let digits, !tables.request.namesFormat else { return nil }
    let own = arithmetic
    defer { (arithmetic, fitsBfloat16) = (own, false) }
    for format in formatsOfAll where format.precision < BinaryFormat.binary32.precision {
      arithmetic = CandidateArithmetic(format)
      arithmetic.digits = digits
      guard digits.mayBe(of: format, numbers), let agreement = try agreementAsAsked(), agreement.isTelling,
        agreement.way != .lenient, !agreement.isFlushed, try speaksForFormat(agreement, digits)
      else { continue }
      fitsBfloat16 = format == .binary16 && formatsOfAll.contains(.bfloat16) && digits.mayBe(of: .bfloat16, numbers)
      return shorterPrecision(agreement)
    }
    return nil
  }

  /// Whether that right numbers of a format agree is no chance: how near they are, and that as printed they are of it.
  private func speaksForFormat(
    _ agreement: Agreement, _ digits: DecimalDigits
  ) throws(ComputationError) -> Bool {
    var (bits, seen) = (0.0, Set<Double>())
    let (numbers, arithmetic) = (numbers, arithmetic)
    try asked.forEach { place, term in
      let size = numbers[place].magnitude
      guard size > 0, size.isFinite, seen.insert(size).inserted else { return true }
      bits += max(0, log2(size / arithmetic.allowance(numbers[place], term, agreement)))
      if digits.tell(format: arithmetic.format) {
        bits += max(0, log2(arithmetic.unit * size / digits.resolution(of: size)))
      }
      return bits < WeightOfEvidence.leastOfOne
    }
    return bits >= WeightOfEvidence.leastOfOne
  }

  /// Whether one number at least is not as short as 0.5 or 0.75.
  private var hasDigitsOfItsOwn: Bool { numbers.contains { $0.isFinite && $0.significandWidth >= 4 } }

  /// Arithmetic in binary32 before arithmetic in a longer format, or before the numbers were printed.
  func shorterPrecision() throws(ComputationError) -> Finding? {
    let own = arithmetic
    defer { arithmetic = own }
    // In another format's arithmetic few numbers are exact.
    guard own.format.precision > BinaryFormat.binary32.precision, report.shareExact < 0.5 else { return nil }
    arithmetic = CandidateArithmetic(.binary32)
    arithmetic.digits = own.digits
    guard let agreement = try agreementAsAsked(), agreement.isTelling, !agreement.isPastRange else { return nil }
    return shorterPrecision(agreement)
  }

  /// The same, of how well the numbers agree in that arithmetic.
  func shorterPrecision(_ agreement: Agreement) -> Finding {
    finding(
      .precision,
      detail: "the numbers agree with the exact ones as well as arithmetic in \(arithmetic.format.name) does, "
        + "and no better",
      cure: "compute in \(report.format.name) from the logits on\(orSendingFormat)", agreement)
  }
}
