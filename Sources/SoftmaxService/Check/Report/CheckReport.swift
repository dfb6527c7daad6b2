import NumericJSON
import Softmax
import VectorKernels

/// What /check answers.
struct CheckReport: Sendable {
  let outputs: [OutputReport]
  let findings: [Finding]
  let format: ResultFormat

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
      var search = FindingSearch(self, exact, execution)
      var findings: [Finding] = []
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
    let outputs = candidates.map(\.output)
    var exact = ExactNumbers()
    let softmaxOutputs = outputs.compactMap { $0.softmaxOutput() }
    if !softmaxOutputs.isEmpty {
      let result = try softmax.solve(softmaxOutputs, execution)
      exact[.probabilities] = result.probabilities
      exact[.logProbabilities] = result.logProbabilities
      exact[.logSumExp] = result.logSumExp
      exact[.entropy] = result.entropy
    }
    let (wantsLoss, wantsGradient) = (outputs.contains(.loss), outputs.contains(.gradient))
    if let loss, wantsLoss || wantsGradient {
      let result = try loss.problem.lossAndGradient(
        upstream: loss.upstream, loss: wantsLoss, gradient: wantsGradient, execution)
      exact[.loss] = result.loss
      exact[.gradient] = result.gradient
    }
    return exact
  }
}

typealias ExactNumbers = [Output: [Double]]
