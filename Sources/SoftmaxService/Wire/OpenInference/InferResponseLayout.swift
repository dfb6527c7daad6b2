import HTTP
import NumericJSON
import Softmax
import VectorKernels

/// What an infer answer holds: its tensors in the order asked for, and the order in which they are best computed.
struct InferResponseLayout: Sendable {
  struct Tensor: Sendable {
    let output: Output
    let datatype: TensorDatatype
    let shape: TensorShape
    /// How many texts of classes there are along the class axis, instead of the numbers.
    let classes: Int?
    let isBinary: Bool

    /// The numbers that it has after the JSON; nil where they are in the JSON, or are texts.
    var numbers: (type: ElementType, count: Int)? {
      isBinary ? datatype.element.map { ($0, shape.volume) } : nil
    }

    /// The bytes that these take; nil where their number is not known before they are computed.
    var byteCount: Int? { numbers.map { $0.type.size * $0.count } }
  }

  /// In the order asked for.
  let tensors: [Tensor]
  /// The class axis of those that have one.
  let geometry: Geometry
  let format: BinaryFormat
  /// The tensor that is computed where the logits are, if there is one.
  var overwriting: ValidatedRequest.Overwriting?

  init(_ plan: ResponsePlan, _ requested: RequestedOutputs) {
    geometry = plan.geometry
    format = plan.format
    tensors = plan.outputs.map { output in
      let form = requested.form(of: output.name)
      let shape = plan.shape(of: output)
      guard let classes = form.classes, output.descriptor.hasClassAxis else {
        return Tensor(
          output: output, datatype: output.datatype(plan.format), shape: shape, classes: nil, isBinary: form.isBinary)
      }
      let count = min(classes, plan.geometry.classes)
      return Tensor(
        output: output, datatype: .bytes, shape: shape.replacing(axis: plan.geometry.axis, with: count),
        classes: count, isBinary: form.isBinary)
    }
  }

  /// The numbers that follow the JSON, of some tensors.
  func numbers(_ places: some RangeExpression<Int>) -> ShortList<(type: ElementType, count: Int)> {
    tensors[places].reduce(into: ShortList()) { list, tensor in tensor.numbers.map { list.append($0) } }
  }

  /// Whether all tensors follow the JSON as bytes, of which the number is known before anything is computed.
  var isBinary: Bool { tensors.allSatisfy { $0.byteCount != nil } }

  /// - Throws: ``RequestError/invalid(_:)`` where classes are wanted of so many rows that their texts are too many.
  func check() throws(RequestError) {
    let place = tensors.firstIndex { $0.classes != nil && $0.shape.volume > ClassTexts.most }
    guard let place else { return }
    throw .invalid(.field(.outputs, [place])) {
      "\($0) asks for \(tensors[place].shape.volume) classifications; at most \(ClassTexts.most) are answered"
    }
  }

  /// The outputs as they are to be computed, so that nothing that was computed waits: texts whose length the JSON must
  /// name, then what stands in the JSON, then what follows it.
  var order: OutputList {
    let groups: [(Tensor) -> Bool] = [
      { $0.isBinary && $0.byteCount == nil }, { !$0.isBinary }, { $0.byteCount != nil },
    ]
    return OutputList(groups.flatMap { group in tensors.filter(group).map(\.output) })
  }

  /// An upper bound for the length of the answer, except for what is computed where the logits are, so that its buffer
  /// never grows: memory not written to costs nothing.
  func capacity(model: String, id: String?) -> Int {
    // An escaped character takes six bytes.
    let names = 6 * (model.utf8.count + (id?.utf8.count ?? 0))
    return tensors.indices.reduce(256 + names) { capacity, place in
      let tensor = tensors[place]
      let entry = 256 + tensor.output.name.utf8.count
      if let bytes = tensor.byteCount {
        return capacity + entry + (place == overwriting?.index ? bytes - overwritingBytes : bytes)
      }
      if tensor.classes != nil { return capacity + entry + tensor.shape.volume * Self.bytesPerText }
      let flat: TensorShape = [tensor.shape.volume]
      return capacity + entry + JSONWriter.capacity(forTensor: flat.span)
    }
  }

  /// What is computed where the logits are: as much may be kept of rows that are hard to decide.
  var overwritingBytes: Int {
    guard let overwriting, let numbers = tensors[overwriting.index].numbers else { return 0 }
    return (numbers.count - overwriting.ownCount) * numbers.type.size
  }

  /// The most that one class takes as a text: a number, a colon, an index, and what JSON or the length adds.
  private static let bytesPerText = 56
}

extension Output {
  /// The type of its elements where numbers are rounded to a format.
  func datatype(_ format: BinaryFormat) -> TensorDatatype {
    switch descriptor.content {
    case .numbers: TensorDatatype(format)
    case .indices: .int64
    case .derivation: .bytes
    }
  }
}

/// What every infer answer is made of: JSON that names its tensors, and behind it, at a multiple of eight, the bytes of
/// those that are in binary.
extension JSONWriter {
  /// Writes what stands before the tensors.
  mutating func beginInferResponse(of model: String, id: String?) {
    beginObject()
    member("model_name", model)
    member("model_version", ModelDocuments.version)
    if let id { member("id", id) }
    name("outputs")
    beginArray()
  }

  /// Writes what stands before a tensor's data.
  mutating func beginTensor(_ tensor: String, _ datatype: TensorDatatype, shape: some Sequence<Int>) {
    beginObject()
    member("name", tensor)
    member("datatype", datatype.rawValue)
    array("shape") { writer in
      for extent in shape { writer.integer(extent) }
    }
  }

  /// Ends a tensor whose bytes follow the JSON.
  mutating func endTensor(inBinary bytes: Int) {
    object("parameters") { $0.member("binary_data_size", bytes) }
    endObject()
  }

  /// The JSON, padded if tensors in binary follow.
  consuming func endInferResponse(isFollowed: Bool) -> [UInt8] {
    endArray()
    endObject()
    var json = finish()
    while isFollowed, json.count % 8 != 0 { json.append(UInt8(ascii: " ")) }
    return json
  }
}

extension Response {
  /// An infer answer, with the length of its JSON if tensors in binary follow it.
  static func inferResponse(_ body: [UInt8], jsonBytes: Int?) -> Response {
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
