import HTTP
import NumericJSON
import Softmax

/// Writes results as an infer answer: JSON, then the bytes of the tensors that were asked for in binary, at a multiple
/// of eight, so that a client can look at them as numbers where they are.
struct InferResponseEncoder: OutputEncoder, ~Copyable {
  private let layout: InferResponseLayout
  private let execution: Execution
  /// Nil once the JSON is complete.
  private var writer: JSONWriter?
  /// The JSON, once it is complete, and what follows it.
  private var body: [UInt8] = []
  private var jsonBytes = 0
  /// How many tensors the JSON names so far, and how many of those that follow it have been appended.
  private var described = 0
  private var appended = 0
  /// Texts that wait for the JSON, by their tensor's place.
  private var texts: [(place: Int, bytes: [UInt8])] = []

  init(_ layout: InferResponseLayout, model: String, id: String?, _ execution: Execution) {
    self.layout = layout
    self.execution = execution
    var writer = JSONWriter(capacity: layout.capacity(model: model, id: id), level: execution.level)
    writer.beginObject()
    writer.name("model_name")
    writer.string(model)
    writer.name("model_version")
    writer.string(ModelDocuments.version)
    if let id {
      writer.name("id")
      writer.string(id)
    }
    writer.name("outputs")
    writer.beginArray()
    self.writer = consume writer
  }

  /// The answer.
  consuming func finish() -> Response {
    endJSON()
    appendTexts(before: layout.tensors.count)
    guard layout.tensors.contains(where: \.isBinary) else { return Response(.ok, .json, body: body) }
    return Response(.ok, .octets, body: body, fields: [.inferenceHeaderContentLength: "\(jsonBytes)"])
  }

  mutating func write(_ output: Output, _ values: [Double], shape: TensorShape) throws(ComputationError) {
    guard let place = place(of: output) else { return }
    let tensor = layout.tensors[place]
    if let classes = tensor.classes {
      try write(ClassTexts(values, layout.geometry, classes: classes, format: layout.format), of: tensor, at: place)
    } else if tensor.isBinary {
      beginBinary(place)
      BinaryTensor.append(values.span, as: tensor.datatype, to: &body, execution.parallel)
    } else {
      describe(upTo: place)
      begin(tensor)
      writer?.name("data")
      let flat: TensorShape = [values.count]
      let isWhole = writer?.tensor(
        values.span, extents: flat.span, format: layout.format, parallel: execution.parallel,
        isCancelled: execution.isCancelled)
      guard isWhole != false else { throw .cancelled }
      writer?.endObject()
    }
  }

  mutating func write(_ output: Output, _ values: [Int], shape: TensorShape) {
    guard let place = place(of: output) else { return }
    let tensor = layout.tensors[place]
    guard !tensor.isBinary else {
      beginBinary(place)
      return BinaryTensor.append(values.span, to: &body, execution.parallel)
    }
    describe(upTo: place)
    begin(tensor)
    writer?.name("data")
    writer?.beginArray()
    for value in values { writer?.integer(value) }
    writer?.endArray()
    writer?.endObject()
  }

  /// No tensor: ``InferBinder`` refuses it.
  mutating func write(_ output: Output, _ derivation: Derivation) {}

  private mutating func write(
    _ classes: ClassTexts, of tensor: InferResponseLayout.Tensor, at place: Int
  ) throws(ComputationError) {
    if tensor.isBinary {
      texts.append((place, try classes.bytes(execution.isCancelled)))
    } else {
      describe(upTo: place)
      begin(tensor)
      writer?.name("data")
      writer?.beginArray()
      try classes.forEach(execution.isCancelled) { writer?.string($0) }
      writer?.endArray()
      writer?.endObject()
    }
  }

  // MARK: The order of things

  private func place(of output: Output) -> Int? { layout.tensors.firstIndex { $0.output == output } }

  /// Names in the JSON the tensors before a place that have not been named: those that follow it in binary.
  private mutating func describe(upTo end: Int) {
    while described < end {
      let (place, tensor) = (described, layout.tensors[described])
      begin(tensor)
      let bytes = tensor.byteCount ?? texts.first { $0.place == place }?.bytes.count ?? 0
      writer?.name("parameters")
      writer?.beginObject()
      writer?.name("binary_data_size")
      writer?.integer(bytes)
      writer?.endObject()
      writer?.endObject()
    }
  }

  private mutating func begin(_ tensor: InferResponseLayout.Tensor) {
    described += 1
    writer?.beginObject()
    writer?.name("name")
    writer?.string(tensor.output.name)
    writer?.name("datatype")
    writer?.string(tensor.datatype.rawValue)
    writer?.name("shape")
    writer?.beginArray()
    for extent in tensor.shape { writer?.integer(extent) }
    writer?.endArray()
  }

  /// Makes ready for the bytes of the tensor at a place.
  private mutating func beginBinary(_ place: Int) {
    endJSON()
    appendTexts(before: place)
  }

  private mutating func endJSON() {
    describe(upTo: layout.tensors.count)
    guard var writer = writer.take() else { return }
    writer.endArray()
    writer.endObject()
    body = writer.finish()
    guard layout.tensors.contains(where: \.isBinary) else { return }
    while body.count % 8 != 0 { body.append(UInt8(ascii: " ")) }
    jsonBytes = body.count
  }

  private mutating func appendTexts(before end: Int) {
    for text in texts where text.place >= appended && text.place < end { body += text.bytes }
    appended = max(appended, end)
  }
}
