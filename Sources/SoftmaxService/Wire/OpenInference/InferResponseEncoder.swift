import HTTP
import NumericJSON
import Softmax
import VectorKernels

/// Writes results as an infer answer: JSON, then the bytes of the tensors that were asked for in binary, at a multiple
/// of eight, so that a client can look at them as numbers where they are.
struct InferResponseEncoder: ~Copyable {
  private let layout: InferResponseLayout
  private let execution: Execution
  /// Nil once the JSON is complete.
  private var writer: JSONWriter?
  /// The JSON, once it is complete, and what follows it.
  private var body: [UInt8] = []
  /// What follows it in memory of its own.
  private var parts: [BodyPart] = []
  private var jsonBytes = 0
  /// How many tensors the JSON names so far, and how many of those that follow it have been appended.
  private var described = 0
  private var appended = 0
  /// Texts that wait for the JSON, by their tensor's place.
  private var texts: [(place: Int, bytes: [UInt8])] = []

  init(_ layout: InferResponseLayout, capacity: Int, model: String, id: String?, _ execution: Execution) {
    self.layout = layout
    self.execution = execution
    var writer = JSONWriter(capacity: capacity, level: execution.level)
    writer.beginInferResponse(of: model, id: id)
    self.writer = consume writer
  }

  /// The answer.
  consuming func finish() -> Response {
    endJSON()
    appendTexts(before: layout.tensors.count)
    var response = Response.inferResponse(body, jsonBytes: isFollowed ? jsonBytes : nil)
    response.bodyParts = parts
    return response
  }

  /// Has `compute` write the numbers of all tensors, in the order of the layout, where they belong in the answer.
  ///
  /// - Precondition: the layout ``InferResponseLayout/isBinary``, and nothing is written by other means.
  mutating func writeBinary(
    _ compute: (ShortList<ResultBuffer>) throws(RequestError) -> Void
  ) throws(RequestError) {
    endJSON()
    try ResultBuffer.append(layout.numbers(layout.tensors.indices), to: &body, compute)
  }

  /// The same where the tensor at a place is computed where the request's logits are.
  mutating func writeBinary(
    _ request: consuming ValidatedRequest, _ overwriting: ValidatedRequest.Overwriting
  ) throws(RequestError) {
    endJSON()
    var before = layout.numbers(0...overwriting.index)
    before[overwriting.index].count = overwriting.ownCount
    let behind = layout.numbers(overwriting.index + 1..<layout.tensors.count)
    var (front, rest): ([UInt8], [UInt8]) = (body, [])
    body = []
    let own = try (consume request).run(execution) { overLogits, compute throws(ComputationError) in
      try ResultBuffer.append(before, to: &front) { before throws(ComputationError) in
        try ResultBuffer.append(behind, to: &rest) { behind throws(ComputationError) in
          var buffers = before
          buffers[overwriting.index] = overLogits.beginning(in: before[overwriting.index])
          for buffer in behind { buffers.append(buffer) }
          try compute(buffers)
        }
      }
    }
    body = front
    let end = own.places.upperBound
    parts = [BodyPart(own.array, end - layout.overwritingBytes..<end), BodyPart(rest)]
  }

  /// Writes an output's numbers, row-major.
  /// - Throws: ``ComputationError/cancelled``, as the computation itself does.
  mutating func write(_ output: Output, _ values: [Double]) throws(ComputationError) {
    guard let place = layout.tensors.firstIndex(where: { $0.output == output }) else { return }
    let tensor = layout.tensors[place]
    let classes = tensor.classes.map { ClassTexts(values, layout.geometry, classes: $0, format: layout.format) }
    if tensor.isBinary {
      guard let classes else { return appendBinary(values, of: tensor, at: place) }
      return texts.append((place, try classes.bytes(execution.isCancelled)))
    }
    describe(upTo: place)
    begin(tensor)
    writer?.name("data")
    if let classes {
      writer?.beginArray()
      try classes.forEach(execution.isCancelled) { writer?.string($0) }
      writer?.endArray()
    } else if tensor.datatype == .int64 {
      writer?.array { writer in
        for value in values { writer.integer(Int(value)) }
      }
    } else {
      let flat: TensorShape = [values.count]
      let isWhole = writer?.tensor(
        values.span, extents: flat.span, format: layout.format, parallel: execution.parallel,
        isCancelled: execution.isCancelled)
      guard isWhole != false else { throw .cancelled }
    }
    writer?.endObject()
  }

  // MARK: The order of things

  /// Names in the JSON the tensors before a place that have not been named: those that follow it in binary.
  private mutating func describe(upTo end: Int) {
    while described < end {
      let (place, tensor) = (described, layout.tensors[described])
      begin(tensor)
      let bytes = tensor.byteCount ?? texts.first { $0.place == place }?.bytes.count ?? 0
      writer?.endTensor(inBinary: bytes)
    }
  }

  private mutating func begin(_ tensor: InferResponseLayout.Tensor) {
    described += 1
    writer?.beginTensor(tensor.output.name, tensor.datatype, shape: tensor.shape)
  }

  /// Appends the bytes of the tensor at a place.
  private mutating func appendBinary(_ values: [Double], of tensor: InferResponseLayout.Tensor, at place: Int) {
    endJSON()
    appendTexts(before: place)
    guard let numbers = tensor.numbers else { return }
    ResultBuffer.append([numbers], to: &body) { buffers in buffers[0].write(values.span, from: 0) }
  }

  private mutating func endJSON() {
    describe(upTo: layout.tensors.count)
    guard let writer = writer.take() else { return }
    body = writer.endInferResponse(isFollowed: isFollowed)
    jsonBytes = body.count
  }

  /// Whether tensors in binary follow the JSON.
  private var isFollowed: Bool { layout.tensors.contains(where: \.isBinary) }

  private mutating func appendTexts(before end: Int) {
    for text in texts where text.place >= appended && text.place < end { body += text.bytes }
    appended = max(appended, end)
  }
}

/// An output as its greatest classes, each as the text `value:index`: the protocol's classification extension.
///
/// The values are written with the fewest digits that read as the same number. They fall along the class axis; of
/// equal ones the lowest index comes first.
struct ClassTexts {
  /// More texts are not made in one answer.
  static let most = 1_000_000

  private let values: [Double]
  private let geometry: Geometry
  private let classes: Int
  private let format: BinaryFormat

  /// - Parameters:
  ///   - values: of the logits' shape.
  ///   - geometry: the logits' shape and the class axis.
  ///   - classes: how many of each row are wanted; at most as many as there are.
  ///   - format: what the numbers were rounded to.
  init(_ values: [Double], _ geometry: Geometry, classes: Int, format: BinaryFormat) {
    self.values = values
    self.geometry = geometry
    self.classes = classes
    self.format = format
  }

  /// Hands out the texts in row-major order of the logits' shape with `classes` in the class axis' place.
  func forEach(_ isCancelled: () -> Bool, _ body: (String) -> Void) throws(ComputationError) {
    let layout = geometry.layout
    var made = 0
    for outer in 0..<layout.outer {
      if isCancelled() { throw .cancelled }
      let rows = (0..<layout.inner).map { greatest(row: outer * layout.inner + $0) }
      for rank in 0..<classes {
        for (inner, row) in rows.enumerated() {
          made += 1
          if made % 512 == 0, isCancelled() { throw .cancelled }
          let index = row[rank]
          let position = layout.position(row: outer * layout.inner + inner, class: index)
          body("\(text(values[position])):\(index)")
        }
      }
    }
  }

  /// The texts as BYTES: each after its length in 32 bits.
  func bytes(_ isCancelled: () -> Bool) throws(ComputationError) -> [UInt8] {
    var bytes: [UInt8] = []
    try forEach(isCancelled) { text in bytes.append(element: text.utf8) }
    return bytes
  }

  /// The classes of a row, by falling value, as many as are wanted.
  private func greatest(row: Int) -> [Int] {
    let layout = geometry.layout
    let start = layout.start(of: row)
    if layout.inner == 1 {
      return TopClasses.first(classes, of: values.span.extracting(start..<start + layout.classes))
    }
    let numbers = (0..<layout.classes).map { values[start + $0 * layout.inner] }
    return TopClasses.first(classes, of: numbers.span)
  }

  private func text(_ value: Double) -> String {
    var writer = JSONWriter(capacity: 64)
    writer.number(value, format: format)
    return String(decoding: writer.finish(), as: UTF8.self).filter { $0 != "\"" }
  }
}

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
    writer.beginInferResponse(of: model, id: id)
    for output in outputs.isEmpty ? ReportOutput.allCases : outputs {
      writer.beginTensor(output.rawValue, output.datatype, shape: [])
      if requested.form(of: output.rawValue).isBinary {
        isBinary = true
        let own = binary(output, text)
        writer.endTensor(inBinary: own.count)
        bytes += own
      } else {
        writer.array("data") { writer in
          switch output {
          case .passes: writer.boolean(report.passes)
          case .report: writer.string(String(decoding: text, as: UTF8.self))
          }
        }
        writer.endObject()
      }
    }
    let json = writer.endInferResponse(isFollowed: isBinary)
    return .inferResponse(json + bytes, jsonBytes: isBinary ? json.count : nil)
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
