import HTTP
import NumericJSON
import VectorKernels

/// What the model check answers.
enum ReportOutput: String, Sendable, CaseIterable {
  /// Whether all numbers are within the tolerance, a single BOOL.
  case passes
  /// The report that `/check` answers, as a single text of JSON.
  case report

  var datatype: TensorDatatype {
    switch self {
    case .passes: .bool
    case .report: .bytes
    }
  }
}

/// Writes a report as an infer answer: JSON, then the bytes of the tensors that were asked for in binary, at a multiple
/// of eight.
struct InferReport {
  private let report: CheckReport
  private let model: String
  private let id: String?

  init(_ report: CheckReport, model: String, id: String?) {
    self.report = report
    self.model = model
    self.id = id
  }

  /// - Parameter requested: the outputs asked for; all where none is.
  func response(_ requested: RequestedOutputs, _ level: KernelLevel, wire: OpenInferenceWire) -> Response {
    let text = report.json(level, wire: wire)
    let outputs = requested.named.compactMap { ReportOutput(rawValue: $0.name) }
    var (bytes, isBinary): ([UInt8], Bool) = ([], false)
    var writer = JSONWriter(capacity: 512 + text.count, level: level)
    writer.beginInferAnswer(of: model, id: id)
    for output in outputs.isEmpty ? ReportOutput.allCases : outputs {
      writer.beginTensor(output.rawValue, output.datatype, shape: [])
      if requested.form(of: output.rawValue).isBinary {
        isBinary = true
        let own = binary(output, text)
        writer.endTensor(inBinary: own.count)
        bytes += own
      } else {
        writer.name("data")
        writer.beginArray()
        switch output {
        case .passes: writer.boolean(report.passes)
        case .report: writer.string(String(decoding: text, as: UTF8.self))
        }
        writer.endArray()
        writer.endObject()
      }
    }
    let json = writer.endInferAnswer(isFollowed: isBinary)
    return .inferAnswer(json + bytes, jsonBytes: isBinary ? json.count : nil)
  }

  private func binary(_ output: ReportOutput, _ text: [UInt8]) -> [UInt8] {
    switch output {
    case .passes: return [report.passes ? 1 : 0]
    case .report:
      var bytes: [UInt8] = []
      bytes.append(element: text)
      return bytes
    }
  }
}
