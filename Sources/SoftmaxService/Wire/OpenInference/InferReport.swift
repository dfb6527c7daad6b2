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
      writer.beginObject()
      writer.name("name")
      writer.string(output.rawValue)
      writer.name("datatype")
      writer.string(output.datatype.rawValue)
      writer.name("shape")
      writer.beginArray()
      writer.endArray()
      if requested.form(of: output.rawValue).isBinary {
        isBinary = true
        let own = binary(output, text)
        writer.name("parameters")
        writer.beginObject()
        writer.name("binary_data_size")
        writer.integer(own.count)
        writer.endObject()
        bytes += own
      } else {
        writer.name("data")
        writer.beginArray()
        switch output {
        case .passes: writer.boolean(report.passes)
        case .report: writer.string(String(decoding: text, as: UTF8.self))
        }
        writer.endArray()
      }
      writer.endObject()
    }
    writer.endArray()
    writer.endObject()
    var body = writer.finish()
    guard isBinary else { return Response(.ok, .json, body: body) }
    while body.count % 8 != 0 { body.append(UInt8(ascii: " ")) }
    let length = body.count
    return Response(.ok, .octets, body: body + bytes, fields: [.inferenceHeaderContentLength: "\(length)"])
  }

  private func binary(_ output: ReportOutput, _ text: [UInt8]) -> [UInt8] {
    switch output {
    case .passes: return [report.passes ? 1 : 0]
    case .report:
      // A text comes after its length in 32 bits.
      let length = UInt32(truncatingIfNeeded: text.count)
      return [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: length >> $0) } + text
    }
  }
}

extension JSONWriter {
  /// Writes what stands before the tensors of an infer answer.
  mutating func beginInferAnswer(of model: String, id: String?) {
    beginObject()
    name("model_name")
    string(model)
    name("model_version")
    string(ModelDocuments.version)
    if let id {
      name("id")
      string(id)
    }
    name("outputs")
    beginArray()
  }
}
