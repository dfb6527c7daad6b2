import NumericJSON
import Softmax
import VectorKernels

extension CheckReport {
  /// The report as JSON.
  func json(_ level: KernelLevel) -> [UInt8] {
    var writer = JSONWriter(capacity: 1024 * (1 + outputs.count + findings.count), level: level)
    writer.beginObject()
    writer.name("passes")
    writer.boolean(passes)
    writer.name("outputs")
    writer.beginObject()
    for output in outputs {
      writer.name(output.output.name)
      write(output, to: &writer)
    }
    writer.endObject()
    writer.name("findings")
    writer.beginArray()
    for finding in findings { write(finding, to: &writer) }
    writer.endArray()
    writer.endObject()
    return writer.finish()
  }

  private func write(_ report: OutputReport, to writer: inout JSONWriter) {
    writer.beginObject()
    writer.name("passes")
    writer.boolean(report.passes)
    writer.name("count")
    writer.integer(report.count)
    writer.name("out_of_tolerance")
    writer.integer(report.outOfTolerance)
    writer.name("share_exact")
    writer.number(report.shareExact)
    writer.name("max_ulp")
    if let whole = Int(exactly: report.maximumULPs) {
      writer.integer(whole)
    } else {
      writer.number(report.maximumULPs)
    }
    writer.name("max_relative_error")
    writer.number(report.maximumRelativeError)
    writer.name("max_absolute_error")
    writer.number(report.maximumAbsoluteError)
    writer.name("worst")
    writer.beginArray()
    for place in report.worst {
      writer.beginObject()
      writer.name("pointer")
      writer.string(pointer(report.output, place.position))
      writer.name("candidate")
      writer.number(place.candidate, format: format)
      writer.name("exact")
      writer.number(place.exact, format: format)
      writer.endObject()
    }
    writer.endArray()
    writer.endObject()
  }

  private func write(_ finding: Finding, to writer: inout JSONWriter) {
    writer.beginObject()
    writer.name("cause")
    writer.string(finding.cause.rawValue)
    writer.name("output")
    writer.string(finding.output.name)
    writer.name("detail")
    writer.string(finding.detail)
    writer.name("cure")
    writer.string(finding.cure)
    if let tellApart = finding.tellApart {
      writer.name("tell_apart")
      writer.string(tellApart)
    }
    writer.name("evidence")
    write(finding.evidence, of: finding.output, to: &writer)
    writer.endObject()
  }

  private func write(_ evidence: Finding.Evidence, of output: Output, to writer: inout JSONWriter) {
    writer.beginObject()
    writer.name("compared")
    writer.integer(evidence.compared)
    writer.name("max_relative_error")
    writer.number(evidence.relativeError)
    writer.name("max_absolute_error")
    writer.number(evidence.absoluteError)
    if let position = evidence.position {
      writer.name("worst")
      writer.beginObject()
      writer.name("pointer")
      writer.string(pointer(output, position))
      writer.name("candidate")
      writer.number(evidence.candidate, format: format)
      writer.name("recomputed")
      writer.number(evidence.recomputed)
      writer.endObject()
    }
    writer.endObject()
  }

  /// Where a number of the caller's stands in the request.
  private func pointer(_ output: Output, _ position: Int) -> String {
    let shape = outputs.first { $0.output == output }?.shape ?? []
    return JSONPointer.text(of: .candidate(output, Geometry.indices(of: position, in: shape)))
  }
}
