import Glibc
import NumericJSON
import Softmax
import VectorKernels

/// What /check answers.
struct CheckReport: Sendable {
  let outputs: [OutputReport]
  let findings: [Finding]
  let format: BinaryFormat

  var passes: Bool { outputs.allSatisfy(\.passes) }
}

extension CheckRequest {
  /// Computes the exact numbers, compares, and looks for the causes of what is out of tolerance.
  /// - Throws: ``RequestError/cancelled``, or that there is no memory.
  func report(_ execution: Execution, _ memory: WorkingMemory) throws(RequestError) -> CheckReport {
    try memory.ask(toCheck: geometry.layout.count, outputs: candidates.count)
    do throws(ComputationError) {
      let exact = try exactNumbers(execution)
      var reports: [OutputReport] = []
      for candidate in candidates {
        let report = try OutputReport(
          candidate, exact: exact[candidate.output] ?? [], format: format, tolerance: tolerance, execution)
        reports.append(report)
      }
      guard reports.contains(where: { !$0.passes }) else {
        return CheckReport(outputs: reports, findings: [], format: format)
      }
      var search = FindingSearch(self, exact, execution)
      return CheckReport(outputs: reports, findings: try search.findings(of: reports), format: format)
    } catch {
      throw error == .cancelled ? .cancelled : .inconsistency
    }
  }

  /// The correctly rounded numbers of each candidate's output.
  private func exactNumbers(_ execution: Execution) throws(ComputationError) -> ExactNumbers {
    var exact = ExactNumbers()
    let outputs = candidates.map(\.output)
    let ofSoftmax = outputs.filter { !$0.isLossOrGradient }
    if !ofSoftmax.isEmpty {
      let numbers = try softmax.numbers(of: ofSoftmax.map(\.inCatalogue).softmaxOutputs, execution)
      for (output, numbers) in zip(ofSoftmax, numbers) { exact[output] = numbers }
    }
    let others = outputs.filter(\.isLossOrGradient)
    if let problem = loss?.problem, !others.isEmpty {
      let counts = ShortList(count: others.count) { others[$0] == .loss ? problem.lossCount : geometry.layout.count }
      let numbers = try ResultBuffer.arrays(counts) { buffers throws(ComputationError) in
        func buffer(_ output: CheckedOutput) -> ResultBuffer? { others.firstIndex(of: output).map { buffers[$0] } }
        let buffers = LossBuffers(loss: buffer(.loss), gradient: buffer(.gradient))
        try problem.lossAndGradient(upstream: loss?.upstream, into: buffers, execution)
      }
      for (output, numbers) in zip(others, numbers) { exact[output] = numbers }
    }
    return exact
  }
}

typealias ExactNumbers = [CheckedOutput: [Double]]

/// A cause that explains an output of the caller's, as a recomputation showed.
struct Finding: Sendable {
  let cause: Cause
  let output: CheckedOutput
  /// What is wrong, in a sentence.
  let detail: String
  /// What to do, as a formula or a line of code.
  let cure: String
  /// Which request tells this finding from the others that agree too; nil where no other agrees.
  var tellApart: String?
  let evidence: Evidence

  /// What ``tellApart`` says.
  /// - Parameters:
  ///   - request: what shows this mistake alone, in a sentence after "send".
  ///   - agreeing: that others agree.
  static func tellingApart(by request: String, _ agreeing: String = "other findings agree") -> String {
    "\(agreeing) as well with these numbers; to tell them apart, send \(request)"
  }

  /// How the numbers bear it out.
  struct Evidence: Sendable {
    /// How many of the caller's numbers were compared with the recomputed ones.
    let compared: Int
    /// What is left between the two: the largest relative error, and the absolute one.
    let relativeError: Double
    let absoluteError: Double
    /// Where most is left, and what was recomputed there.
    let position: Int?
    let candidate: Double
    let recomputed: Double
  }
}

extension CheckReport {
  /// The report as JSON.
  /// - Parameter wire: what says where in its request a number stands.
  func json(_ level: KernelLevel, wire: any Wire) -> [UInt8] {
    var writer = JSONWriter(capacity: 1024 * (1 + outputs.count + findings.count), level: level)
    writer.object { writer in
      writer.member("passes", passes)
      writer.object("outputs") { writer in
        for output in outputs { write(output, wire, to: &writer) }
      }
      writer.array("findings") { writer in
        for finding in findings { write(finding, wire, to: &writer) }
      }
    }
    return writer.finish()
  }

  private func write(_ report: OutputReport, _ wire: any Wire, to writer: inout JSONWriter) {
    writer.object(report.output.name) { writer in
      writer.member("passes", report.passes)
      writer.member("count", report.count)
      writer.member("out_of_tolerance", report.outOfTolerance)
      writer.member("share_exact", report.shareExact)
      if let whole = Int(exactly: report.maximumULPs) {
        writer.member("max_ulp", whole)
      } else {
        writer.member("max_ulp", report.maximumULPs)
      }
      writer.member("max_relative_error", report.maximumRelativeError)
      writer.member("max_absolute_error", report.maximumAbsoluteError)
      writer.array("worst") { writer in
        for place in report.worst {
          writer.object { writer in
            writer.member("pointer", Self.pointer(report.output, place.position, in: report.shape, wire))
            writer.member("candidate", place.candidate, format: format)
            writer.member("exact", place.exact, format: format)
          }
        }
      }
    }
  }

  private func write(_ finding: Finding, _ wire: any Wire, to writer: inout JSONWriter) {
    let evidence = finding.evidence
    writer.object { writer in
      writer.member("cause", finding.cause.rawValue)
      writer.member("output", finding.output.name)
      writer.member("detail", finding.detail)
      writer.member("cure", finding.cure)
      if let tellApart = finding.tellApart { writer.member("tell_apart", tellApart) }
      writer.object("evidence") { writer in
        writer.member("compared", evidence.compared)
        writer.member("max_relative_error", evidence.relativeError)
        writer.member("max_absolute_error", evidence.absoluteError)
        guard let position = evidence.position else { return }
        writer.object("worst") { writer in
          let shape = outputs.first { $0.output == finding.output }?.shape ?? []
          writer.member("pointer", Self.pointer(finding.output, position, in: shape, wire))
          writer.member("candidate", evidence.candidate, format: format)
          writer.member("recomputed", evidence.recomputed)
        }
      }
    }
  }

  /// Where a number of the caller's stands in the request.
  private static func pointer(
    _ output: CheckedOutput, _ position: Int, in shape: TensorShape, _ wire: any Wire
  ) -> String {
    wire.locate(.candidate(output, Geometry.indices(of: position, in: shape)))
  }
}

/// How near a caller's numbers for one output are to the exact ones.
struct OutputReport: Sendable {
  /// How far one of the numbers is from the exact one.
  struct Deviation: Sendable {
    /// Row-major.
    let position: Int
    let candidate: Double
    let exact: Double
    let relativeError: Double
    let isOutOfTolerance: Bool

    /// Whether it is the more interesting one: out of tolerance, then by relative error.
    func isWorse(than other: Deviation) -> Bool {
      if isOutOfTolerance != other.isOutOfTolerance { return isOutOfTolerance }
      return relativeError > other.relativeError
    }
  }

  /// How many of the worst deviations are told.
  static let mostDeviations = 3

  let output: CheckedOutput
  let shape: TensorShape
  let format: BinaryFormat
  private(set) var count = 0
  private(set) var outOfTolerance = 0
  private(set) var exactCount = 0
  /// The most steps of the format from the correctly rounded value; ∞ for NaN.
  private(set) var maximumULPs = 0.0
  private(set) var maximumRelativeError = 0.0
  private(set) var maximumAbsoluteError = 0.0
  /// The worst first; numbers that are exact are never among them.
  private(set) var worst: [Deviation] = []

  var passes: Bool { outOfTolerance == 0 }
  var shareExact: Double { Double(exactCount) / Double(count) }

  /// The least tolerances that let all numbers pass, each beside the request's other one.
  private var needed = (relative: 0.0, absolute: 0.0)

  /// A member of the request that lets all numbers pass: a relative tolerance, where a small one does.
  var sufficientTolerance: String {
    needed.relative <= 0.125 ? "\"rtol\" \(Self.roundedUp(needed.relative))" : sufficientAbsoluteTolerance
  }

  /// The same of numbers that were printed with so many digits after the point: half a unit of the last one, or hardly
  /// more, where that does. A relative tolerance would have to be that of the smallest number, and let any of the
  /// others pass.
  func sufficientTolerance(decimals: Int) -> String {
    guard let half = Double("5e-\(decimals + 1)"), needed.absolute <= 2 * half else { return sufficientTolerance }
    return needed.absolute <= half ? "\"atol\" \(half)" : sufficientAbsoluteTolerance
  }

  var sufficientAbsoluteTolerance: String { "\"atol\" \(Self.roundedUp(needed.absolute))" }

  /// A tolerance rounded up to two digits, though not near the least numbers, whose powers of ten vanish.
  private static func roundedUp(_ tolerance: Double) -> Double {
    guard tolerance > 1e-300, tolerance.isFinite else { return tolerance }
    let exponent = Int(log10(tolerance).rounded(.down)) - 1
    let digits = (tolerance / pow(10, Double(exponent))).rounded(.up)
    return max(tolerance, Double("\(Int(digits))e\(exponent)") ?? 0)
  }

  /// - Parameter exact: the correctly rounded values, as many as the candidate's.
  /// - Throws: ``ComputationError/cancelled``.
  init(
    _ candidate: CheckRequest.Candidate, exact: [Double], format: BinaryFormat, tolerance: Tolerance,
    _ execution: Execution
  ) throws(ComputationError) {
    output = candidate.output
    shape = candidate.shape
    self.format = format
    count = exact.count
    for position in exact.indices {
      if position & 0xFFFF == 0xFFFF, execution.isCancelled() { throw .cancelled }
      let (number, exact) = (candidate.values[position], exact[position])
      if number == exact {
        exactCount += 1
      } else {
        note(number, exact: exact, at: position, tolerance)
      }
    }
  }

  private mutating func note(
    _ candidate: Double, exact: Double, at position: Int, _ tolerance: Tolerance
  ) {
    // NaN is as far from every number as ∞ is.
    let difference = (candidate - exact).magnitude
    let absolute = difference.isNaN ? .infinity : difference
    let ratio = absolute / exact.magnitude
    let deviation = Deviation(
      position: position, candidate: candidate, exact: exact, relativeError: ratio.isNaN ? .infinity : ratio,
      isOutOfTolerance: !tolerance.allows(candidate, for: exact))
    if deviation.isOutOfTolerance {
      outOfTolerance += 1
      // And a little more, for what comparing rounds.
      let more = absolute * 0x1p-50
      needed.relative = max(needed.relative, (absolute - tolerance.absolute + more) / exact.magnitude)
      needed.absolute = max(needed.absolute, absolute - tolerance.relative * exact.magnitude + more)
    }
    maximumULPs = max(maximumULPs, format.ulps(from: candidate, to: exact))
    maximumRelativeError = max(maximumRelativeError, deviation.relativeError)
    maximumAbsoluteError = max(maximumAbsoluteError, absolute)
    if worst.count == Self.mostDeviations, !deviation.isWorse(than: worst[worst.count - 1]) { return }
    worst.insert(deviation, at: worst.firstIndex { deviation.isWorse(than: $0) } ?? worst.count)
    if worst.count > Self.mostDeviations { worst.removeLast() }
  }
}

extension BinaryFormat {
  /// How many steps from one number of the format to the next lead from `a` to `b`; the two zeros are one number.
  ///
  /// Infinity is the step after the greatest finite number.
  /// - Parameters: two numbers of the format.
  /// - Returns: ∞ where one of them is NaN.
  @inline(__always)
  func ulps(from a: Double, to b: Double) -> Double {
    if a.isNaN || b.isNaN { return .infinity }
    let (one, other) = (steps(to: a.magnitude), steps(to: b.magnitude))
    return a.sign == b.sign ? Double(one > other ? one - other : other - one) : Double(one + other)
  }

  /// How many steps lead from 0 to a magnitude. Below 2^63, so that a sum of two fits.
  @inline(__always)
  private func steps(to magnitude: Double) -> UInt64 {
    // The exponent and the significand side by side are such a number, in binary64 of every magnitude.
    precision == 53 ? magnitude.bitPattern : steps(toShorter: magnitude)
  }

  private func steps(toShorter magnitude: Double) -> UInt64 {
    if magnitude == .infinity { return steps(toShorter: greatestFinite) + 1 }
    // But for where the exponents begin.
    let bits = magnitude.bitPattern >> UInt64(53 - precision)
    let ofLeastNormal = UInt64(leastNormalExponent + 1023) << UInt64(precision - 1)
    if bits >= ofLeastNormal { return bits - ofLeastNormal + 1 << UInt64(precision - 1) }
    return UInt64(Double(sign: .plus, exponent: precision - 1 - leastNormalExponent, significand: magnitude))
  }

  /// The least normal number.
  var leastNormal: Double { Double(sign: .plus, exponent: leastNormalExponent, significand: 1) }

  /// The unit roundoff u, 2^-p for p bits.
  var unit: Double { Double(sign: .plus, exponent: -precision, significand: 1) }
}
