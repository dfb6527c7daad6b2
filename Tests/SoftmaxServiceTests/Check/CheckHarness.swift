import HTTP
import NumericJSON
import Testing

@testable import SoftmaxService

/// A report as a client reads it.
struct ParsedReport {
  struct NotAReport: Error {}

  struct Output: Equatable {
    var passes = false
    var count = 0
    var outOfTolerance = 0
    var shareExact = 0.0
    var maximumULPs = 0.0
    var relativeError = 0.0
    var absoluteError = 0.0
    var pointers: [String] = []
  }

  struct Finding {
    var cause = ""
    var output = ""
    var detail = ""
    var cure = ""
    var tellApart: String?
    var relativeError = 0.0
  }

  var passes = false
  var outputs: [String: Output] = [:]
  var findings: [Finding] = []

  /// The causes of an output's findings.
  func causes(of output: String) -> [String] { findings.filter { $0.output == output }.map(\.cause) }

  init(_ response: Response) throws {
    guard response.status == .ok else { throw NotAReport() }
    var reader = JSONReader(response.body.span)
    try reader.beginObject()
    while let name = try reader.nextMember()?.text {
      switch name {
      case "passes": passes = try reader.readBoolean()
      case "outputs":
        try reader.beginObject()
        while let output = try reader.nextMember()?.text { outputs[output] = try Self.output(&reader) }
      case "findings":
        try reader.beginArray()
        while try reader.nextElement() { findings.append(try Self.finding(&reader)) }
      default: throw NotAReport()
      }
    }
    try reader.finish()
  }

  @_lifetime(reader: copy reader)
  private static func output(_ reader: inout JSONReader) throws -> Output {
    var output = Output()
    try reader.beginObject()
    while let name = try reader.nextMember()?.text {
      switch name {
      case "passes": output.passes = try reader.readBoolean()
      case "count": output.count = Int(try number(&reader))
      case "out_of_tolerance": output.outOfTolerance = Int(try number(&reader))
      case "share_exact": output.shareExact = try number(&reader)
      case "max_ulp": output.maximumULPs = try number(&reader)
      case "max_relative_error": output.relativeError = try number(&reader)
      case "max_absolute_error": output.absoluteError = try number(&reader)
      case "worst":
        try reader.beginArray()
        while try reader.nextElement() {
          try reader.beginObject()
          while let name = try reader.nextMember()?.text {
            if name == "pointer" { output.pointers.append(try reader.readString()) } else { try reader.skipValue() }
          }
        }
      default: throw NotAReport()
      }
    }
    return output
  }

  @_lifetime(reader: copy reader)
  private static func finding(_ reader: inout JSONReader) throws -> Finding {
    var finding = Finding()
    try reader.beginObject()
    while let name = try reader.nextMember()?.text {
      switch name {
      case "cause": finding.cause = try reader.readString()
      case "output": finding.output = try reader.readString()
      case "detail": finding.detail = try reader.readString()
      case "cure": finding.cure = try reader.readString()
      case "tell_apart": finding.tellApart = try reader.readString()
      case "evidence":
        try reader.beginObject()
        while let name = try reader.nextMember()?.text {
          if name == "max_relative_error" {
            finding.relativeError = try number(&reader)
          } else {
            try reader.skipValue()
          }
        }
      default: throw NotAReport()
      }
    }
    return finding
  }

  @_lifetime(reader: copy reader)
  private static func number(_ reader: inout JSONReader) throws -> Double {
    let tensor = try reader.readTensor(limits: TensorLimits(values: 1, faults: 1))
    guard let value = tensor.values.first, tensor.faults.isEmpty else { throw NotAReport() }
    return value
  }
}

/// A number as JSON takes it; NaN and the infinities as strings.
func json(_ value: Double) -> String {
  value.isFinite ? "\(value)" : value.isNaN ? #""NaN""# : value < 0 ? #""-Infinity""# : #""Infinity""#
}

func json(_ values: [Double]) -> String { "[" + values.map { json($0) }.joined(separator: ",") + "]" }

func json(_ rows: [[Double]]) -> String { "[" + rows.map { json($0) }.joined(separator: ",") + "]" }

func transposed(_ rows: [[Double]]) -> [[Double]] { rows[0].indices.map { c in rows.map { $0[c] } } }

/// What /check says of numbers, given as JSON by the names of outputs.
func checked(_ request: String, _ candidate: [String: String]) throws -> ParsedReport {
  let members = candidate.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \($0.value)" }.joined(separator: ", ")
  return try ParsedReport(post("/check", "{\(request), \"candidate\": {\(members)}}"))
}
