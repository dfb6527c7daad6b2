import HTTP
import NumericJSON

/// What every infer answer is made of: JSON that names its tensors, and behind it, at a multiple of eight, the bytes of
/// those that are in binary.
extension JSONWriter {
  /// Writes what stands before the tensors.
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

  /// Writes what stands before a tensor's data.
  mutating func beginTensor(_ tensor: String, _ datatype: TensorDatatype, shape: some Sequence<Int>) {
    beginObject()
    name("name")
    string(tensor)
    name("datatype")
    string(datatype.rawValue)
    name("shape")
    beginArray()
    for extent in shape { integer(extent) }
    endArray()
  }

  /// Ends a tensor whose bytes follow the JSON.
  mutating func endTensor(inBinary bytes: Int) {
    name("parameters")
    beginObject()
    name("binary_data_size")
    integer(bytes)
    endObject()
    endObject()
  }

  /// The JSON, padded if tensors in binary follow.
  consuming func endInferAnswer(isFollowed: Bool) -> [UInt8] {
    endArray()
    endObject()
    var json = finish()
    while isFollowed, json.count % 8 != 0 { json.append(UInt8(ascii: " ")) }
    return json
  }
}

extension Response {
  /// An infer answer, with the length of its JSON if tensors in binary follow it.
  static func inferAnswer(_ body: [UInt8], jsonBytes: Int?) -> Response {
    guard let jsonBytes else { return Response(.ok, .json, body: body) }
    return Response(.ok, .octets, body: body, fields: [.inferenceHeaderContentLength: "\(jsonBytes)"])
  }
}

extension [UInt8] {
  /// Appends an element of a tensor of BYTES: a text after its length in 32 bits.
  mutating func append(element text: some Collection<UInt8>) {
    let length = UInt32(truncatingIfNeeded: text.count)
    for shift: UInt32 in [0, 8, 16, 24] { append(UInt8(truncatingIfNeeded: length >> shift)) }
    append(contentsOf: text)
  }
}
