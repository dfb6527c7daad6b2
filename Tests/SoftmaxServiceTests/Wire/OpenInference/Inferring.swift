import HTTP
import NumericJSON

@testable import SoftmaxService

/// An infer answer as a client reads it.
struct Inferred {
  struct NotAnAnswer: Error {}

  struct Tensor {
    var name = ""
    var datatype = ""
    var shape: [Int] = []
    /// Numbers in JSON, or the tensor's bytes.
    var numbers: [Double] = []
    var texts: [String] = []
    var bytes: [UInt8] = []
    var isBinary = false
  }

  var model = ""
  var version = ""
  var id: String?
  var outputs: [Tensor] = []
  /// How long the JSON is with its padding.
  var jsonBytes = 0

  init(_ response: Response) throws {
    guard response.status == .ok else { throw NotAnAnswer() }
    let length = response.fields[.inferenceHeaderContentLength].flatMap { Int($0) }
    guard response.contentType == (length == nil ? .json : .octets) else { throw NotAnAnswer() }
    let body = wholeBody(response)
    jsonBytes = length ?? body.count
    let json = Array(body[..<jsonBytes])
    var start = jsonBytes
    var reader = JSONReader(json.span)
    try reader.beginObject()
    while let name = try reader.nextMember()?.text {
      switch name {
      case "model_name": model = try reader.readString()
      case "model_version": version = try reader.readString()
      case "id": id = try reader.readString()
      case "outputs":
        try reader.beginArray()
        while try reader.nextElement() {
          var tensor = try Self.tensor(&reader)
          if tensor.isBinary {
            let end = start + tensor.numbers.reduce(0) { $0 + Int($1) }
            tensor.bytes = Array(body[start..<end])
            tensor.numbers = []
            start = end
          }
          outputs.append(tensor)
        }
      default: throw NotAnAnswer()
      }
    }
    try reader.finish()
    guard start == body.count else { throw NotAnAnswer() }
  }

  /// A binary tensor's size stands in `numbers` for now.
  @_lifetime(reader: copy reader)
  private static func tensor(_ reader: inout JSONReader) throws -> Tensor {
    var tensor = Tensor()
    try reader.beginObject()
    while let name = try reader.nextMember()?.text {
      switch name {
      case "name": tensor.name = try reader.readString()
      case "datatype": tensor.datatype = try reader.readString()
      case "shape":
        try reader.beginArray()
        while try reader.nextElement() { tensor.shape.append(Int(try reader.readNumber().value)) }
      case "parameters":
        try reader.beginObject()
        guard try reader.nextMember()?.text == "binary_data_size" else { throw NotAnAnswer() }
        tensor.numbers = [try reader.readNumber().value]
        guard try reader.nextMember() == nil else { throw NotAnAnswer() }
        tensor.isBinary = true
      case "data":
        if tensor.datatype == "BYTES" {
          try reader.beginArray()
          while try reader.nextElement() { tensor.texts.append(try reader.readString()) }
        } else if tensor.datatype == "BOOL" {
          try reader.beginArray()
          while try reader.nextElement() { tensor.numbers.append(try reader.readBoolean() ? 1 : 0) }
        } else {
          // The protocol's own clients demand flat data.
          let parsed = try reader.readTensor(limits: TensorLimits(values: .max, rank: 1, faults: 1))
          guard parsed.faults.isEmpty else { throw NotAnAnswer() }
          tensor.numbers = parsed.values
        }
      default: throw NotAnAnswer()
      }
    }
    return tensor
  }

  subscript(name: String) -> Tensor? { outputs.first { $0.name == name } }
}

/// Sends an infer request, with bytes after its JSON if there are any.
func infer(
  _ model: String, _ json: String, _ bytes: [UInt8] = [], fields: Fields = [:], of service: Service = service
) -> Response {
  var fields = fields
  if !bytes.isEmpty { fields.append(.inferenceHeaderContentLength, "\(json.utf8.count)") }
  return ask(
    RequestHead(.post, "/v2/models/\(model)/infer", fields: fields), Array(json.utf8) + bytes, of: service)
}

/// The sentence of an error in the protocol's form; nil where there is anything else.
func errorText(_ response: Response) -> String? {
  guard response.contentType == .json else { return nil }
  var reader = JSONReader(response.body.span)
  do {
    try reader.beginObject()
    guard try reader.nextMember()?.text == "error" else { return nil }
    let text = try reader.readString()
    guard try reader.nextMember() == nil else { return nil }
    try reader.finish()
    return text
  } catch {
    return nil
  }
}

/// Numbers as a tensor's bytes.
func littleEndian(_ values: [some FixedWidthInteger]) -> [UInt8] {
  values.flatMap { value in (0..<value.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
}

func fp64(_ values: Double...) -> [UInt8] { littleEndian(values.map(\.bitPattern)) }
func fp32(_ values: Float...) -> [UInt8] { littleEndian(values.map(\.bitPattern)) }

/// One tensor of a request in JSON.
func tensor(_ name: String, _ datatype: String, _ shape: [Int], _ data: String) -> String {
  #"{"name":"\#(name)","shape":\#(shape),"datatype":"\#(datatype)","data":\#(data)}"#
}

/// One tensor of a request whose numbers follow the JSON.
func tensor(_ name: String, _ datatype: String, _ shape: [Int], bytes: Int) -> String {
  #"{"name":"\#(name)","shape":\#(shape),"datatype":"\#(datatype)","parameters":{"binary_data_size":\#(bytes)}}"#
}

/// A request of some tensors, and what else its object has.
func request(_ tensors: String..., rest: String = "") -> String {
  #"{"inputs":[\#(tensors.joined(separator: ","))]\#(rest)}"#
}
