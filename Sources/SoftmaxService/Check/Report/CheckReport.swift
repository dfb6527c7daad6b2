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
      var findings: [Finding] = []
      guard reports.contains(where: { !$0.passes }) else {
        return CheckReport(outputs: reports, findings: findings, format: format)
      }
      var search = FindingSearch(self, exact, execution)
      for (candidate, report) in zip(candidates, reports) where !report.passes {
        findings += try search.findings(of: candidate, report)
      }
      return CheckReport(outputs: reports, findings: findings, format: format)
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
    writer.beginObject()
    writer.member("passes", passes)
    writer.name("outputs")
    writer.beginObject()
    for output in outputs {
      writer.name(output.output.name)
      write(output, wire, to: &writer)
    }
    writer.endObject()
    writer.name("findings")
    writer.beginArray()
    for finding in findings {
      write(finding, in: shape(of: finding.output), wire, to: &writer)
    }
    writer.endArray()
    writer.endObject()
    return writer.finish()
  }

  private func shape(of output: CheckedOutput) -> TensorShape {
    outputs.indices.first { outputs[$0].output == output }.map { outputs[$0].shape } ?? []
  }

  private func write(_ report: OutputReport, _ wire: any Wire, to writer: inout JSONWriter) {
    writer.beginObject()
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
    writer.name("worst")
    writer.beginArray()
    for place in report.worst {
      writer.beginObject()
      writer.member("pointer", Self.pointer(report.output, place.position, in: report.shape, wire))
      writer.member("candidate", place.candidate, format: format)
      writer.member("exact", place.exact, format: format)
      writer.endObject()
    }
    writer.endArray()
    writer.endObject()
  }

  private func write(_ finding: Finding, in shape: TensorShape, _ wire: any Wire, to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("cause", finding.cause.rawValue)
    writer.member("output", finding.output.name)
    writer.member("detail", finding.detail)
    writer.member("cure", finding.cure)
    if let tellApart = finding.tellApart {
      writer.member("tell_apart", tellApart)
    }
    writer.name("evidence")
    write(finding.evidence, to: &writer) {
      Self.pointer(finding.output, $0, in: shape, wire)
    }
    writer.endObject()
  }

  private func write(
    _ evidence: Finding.Evidence, to writer: inout JSONWriter, pointer: (_ position: Int) -> String
  ) {
    writer.beginObject()
    writer.member("compared", evidence.compared)
    writer.member("max_relative_error", evidence.relativeError)
    writer.member("max_absolute_error", evidence.absoluteError)
    if let position = evidence.position {
      writer.name("worst")
      writer.beginObject()
      writer.member("pointer", pointer(position))
      writer.member("candidate", evidence.candidate, format: format)
      writer.member("recomputed", evidence.recomputed)
      writer.endObject()
    }
    writer.endObject()
  }

  /// Where a number of the caller's stands in the request.
  private static func pointer(
    _ output: CheckedOutput, _ position: Int, in shape: TensorShape, _ wire: any Wire
  ) -> String {
    wire.locate(.candidate(output, Geometry.indices(of: position, in: shape)))
  }
}
