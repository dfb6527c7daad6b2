import NumericJSON
import Softmax
import VectorKernels

/// Reads a JSON body into an ``UnvalidatedRequest``.
///
/// `null` for an optional field means that it is left out, as many languages' clients write it; so does `[]` for a list
/// of outputs and for inputs that say so.
struct JSONRequestDecoder: ~Copyable {
  private let wire = JSONWire()
  private let operation: Operation
  private let limits: Limits
  private let execution: Execution
  private var request = UnvalidatedRequest()
  /// The fields read so far, those that were left out by `null` among them.
  private var seen = FieldSet()
  /// Words where the target should have class indices, and numbers beyond the range: how many classes there are and
  /// what the range is may be known only later.
  private var faultsForLater: [(input: Input, fault: TensorFault)] = []
  /// `null` and `[]` for a required input in whose place another one may stand: left out, if that one is given.
  private var leftOut: [(input: Input, fault: TensorFault)] = []
  /// Whether the caller's own numbers are being read.
  private var isInCandidate = false

  private init(for operation: Operation, _ limits: Limits, _ execution: Execution) {
    self.operation = operation
    self.limits = limits
    self.execution = execution
  }

  /// Reads the whole body, also past faults: whether it is JSON at all is established first.
  ///
  /// A large tensor's text is read in pieces by the execution's `parallel`.
  /// - Throws: ``RequestError/malformed(detail:offset:)`` for what is not RFC 8259 JSON, ``RequestError/invalid(_:)``
  ///   for what is not an object.
  static func decode(
    _ body: Span<UInt8>, for operation: Operation, limits: Limits, _ execution: Execution
  ) throws(RequestError) -> UnvalidatedRequest {
    var decoder = JSONRequestDecoder(for: operation, limits, execution)
    try decoder.decode(body)
    return decoder.request
  }

  private mutating func decode(_ body: Span<UInt8>) throws(RequestError) {
    var found: String?
    do throws(JSONSyntaxError) {
      var reader = JSONReader(body, level: execution.level)
      let kind = try reader.peekKind()
      switch kind {
      case .object: try readFields(from: &reader)
      case .string:
        let holdsJSON = try reader.readString().first { !$0.isWhitespace }.map { $0 == "{" || $0 == "[" } ?? false
        found = holdsJSON ? "a JSON string that itself holds JSON: it was encoded twice" : kind.displayName
      case .array, .number, .boolean, .null:
        try reader.skipValue()
        found = kind.displayName
      }
      try reader.finish()
    } catch {
      throw .malformed(detail: isInCandidate ? error.detailInCandidate : error.detail, offset: error.offset)
    }
    if let found {
      throw .invalid(.request) { _ in
        "the body is \(found); send an object, such as \(JSONWire.example(for: operation))"
      }
    }
    let format = inputFormat
    noteMissing()
    noteFaults(format)
    if format != .binary64 { narrowInputs(to: format, body) }
  }

  @_lifetime(reader: copy reader)
  private mutating func readFields(from reader: inout JSONReader) throws(JSONSyntaxError) {
    try reader.beginObject()
    while let name = try reader.nextMember() {
      // Beyond what is listed only the syntax matters: there may be thousands of members.
      guard !request.faults.isTruncated else {
        try reader.skipValue()
        continue
      }
      guard let field = Self.field(name, of: operation) else {
        let text = name.text
        var isTensors = false
        if text == "inputs" { isTensors = try skipsTensors(from: &reader) } else { try reader.skipValue() }
        noteUnknown(text, isTensors: isTensors)
        continue
      }
      if seen.contains(field) {
        request.faults.append(.field(field)) { "\($0) is given more than once; send each field once" }
        try reader.skipValue()
        continue
      }
      seen.insert(field)
      let kind = try reader.peekKind()
      if kind == .null, isOptional(field) {
        try reader.readNull()
      } else if kind == .null, case .input(let input) = field, operation.alternative(to: input) != nil {
        try reader.readNull()
        leftOut.append((input, TensorFault(path: [], reason: .null)))
      } else {
        request.present.insert(field)
        try readValue(of: field, kind, from: &reader)
      }
    }
  }

  /// The field of a name, if the operation knows it.
  private static func field(_ name: borrowing JSONString, of operation: Operation) -> RequestField? {
    for entry in RequestField.named where name.equals(entry.name) {
      return operation.knows(entry.field) ? entry.field : nil
    }
    return nil
  }

  private func isOptional(_ field: RequestField) -> Bool {
    switch field {
    case .input: !operation.required.contains(field)
    case .parameter, .outputs, .candidate: true
    }
  }

  @_lifetime(reader: copy reader)
  private mutating func readValue(
    of field: RequestField, _ kind: JSONKind, from reader: inout JSONReader
  ) throws(JSONSyntaxError) {
    switch field {
    case .input(.where): try readMask(from: &reader)
    case .input(let input): try readTensor(input, from: &reader)
    case .parameter(let parameter):
      switch (kind, parameter.descriptor.isNumber) {
      case (.number, true): try readNumber(parameter, from: &reader)
      case (.string, false): request.set(parameter, .name(try reader.readString()))
      case (.object, _), (.array, _), (.string, true), (.number, false), (.boolean, _), (.null, _):
        try reader.skipValue()
        request.faults.append(.field(field)) { wire.sentence(about: kind, insteadOf: parameter, at: $0) }
      }
    case .outputs: try readOutputs(kind, from: &reader)
    case .candidate:
      isInCandidate = true
      try readCandidate(kind, from: &reader)
      isInCandidate = false
    }
  }

  /// Keeps a tensor without faults, or notes all of them.
  @_lifetime(reader: copy reader)
  private mutating func readTensor(_ input: Input, from reader: inout JSONReader) throws(JSONSyntaxError) {
    let start = reader.offset
    let reading = try reader.readTensor(limits: limits.tensor(), parallel: execution.parallel)
    if reading.faults.isEmpty, !reading.isTooLarge, let shape = TensorShape(reading.extentSpan) {
      request.set(input, UnvalidatedRequest.Tensor(shape: shape, values: Numbers(reading.values), offset: start))
      return
    }
    if reading.faults == [TensorFault(path: [], reason: .empty)] {
      let isReplaceable = operation.alternative(to: input) != nil
      if isReplaceable { leftOut.append((input, reading.faults[0])) }
      if isReplaceable || input.descriptor.isEmptyLeftOut {
        request.present.remove(.input(input))
        return
      }
    }
    for fault in reading.faults {
      let isWord = input.descriptor.elements == .classesOrProbabilities && fault.isWord
      if isWord || fault.isOutOfRange {
        faultsForLater.append((input, fault))
      } else {
        request.faults.append(.field(.input(input), fault.path)) {
          wire.sentence(about: fault, in: input, at: $0)
        }
      }
    }
    if reading.isTooLarge { request.noteTooLarge(.field(.input(input)), limits: limits) }
  }

  /// Keeps the booleans of `where`, or notes what else was found.
  @_lifetime(reader: copy reader)
  private mutating func readMask(from reader: inout JSONReader) throws(JSONSyntaxError) {
    let reading = try reader.readTensor(limits: limits.tensor(.booleans))
    for fault in reading.faults {
      request.faults.append(.field(.input(.where), fault.path)) {
        wire.sentence(about: fault, in: .where, at: $0)
      }
    }
    if reading.isTooLarge { request.noteTooLarge(.field(.input(.where)), "booleans", limits: limits) }
    guard reading.faults.isEmpty, !reading.isTooLarge, let shape = TensorShape(reading.extentSpan) else { return }
    request.mask = UnvalidatedRequest.Mask(shape: shape, values: reading.values.map { $0 != 0 })
  }

  @_lifetime(reader: copy reader)
  private mutating func readNumber(_ parameter: Parameter, from reader: inout JSONReader) throws(JSONSyntaxError) {
    let number = try reader.readNumber()
    guard !number.isOutOfRange else {
      request.faults.append(.field(.parameter(parameter))) { "\($0) \(parameter.complaint(beyond: number.value))" }
      return
    }
    request.set(parameter, .number(number.value))
  }

  /// A list of names, or one name alone; nil in place of anything else. The list is cut where it must hold more faults
  /// than an answer lists: among this many names, those that are not good outputs exceed the bound.
  @_lifetime(reader: copy reader)
  private mutating func readOutputs(_ kind: JSONKind, from reader: inout JSONReader) throws(JSONSyntaxError) {
    var names: [String?] = []
    switch kind {
    case .string:
      request.hasOutputAlone = true
      names.append(try reader.readString())
    case .array:
      try reader.beginArray()
      while try reader.nextElement() {
        let kind = try reader.peekKind()
        if names.count > FaultList.maximumCount + Output.allCases.count {
          try reader.skipValue()
        } else if kind == .string {
          names.append(try reader.readString())
        } else {
          try reader.skipValue()
          request.faults.append(.field(.outputs, [names.count])) {
            "\($0) is \(kind.displayName); it must be a string, an output's name"
          }
          names.append(nil)
        }
      }
    case .object, .number, .boolean, .null:
      try reader.skipValue()
      let example = listed(operation.defaultOutputs.prefix(1).map { quoted($0.name) })
      request.faults.append(.field(.outputs)) {
        "\($0) is \(kind.displayName); it must be an array of names, such as [\(example)]"
      }
      return
    }
    request.outputs = names.isEmpty ? nil : names
  }

  /// An object of the caller's numbers by the names of outputs.
  @_lifetime(reader: copy reader)
  private mutating func readCandidate(_ kind: JSONKind, from reader: inout JSONReader) throws(JSONSyntaxError) {
    guard kind == .object else {
      try reader.skipValue()
      request.faults.append(.field(.candidate)) { "\($0) is \(kind.displayName); send \(JSONWire.candidateDemand)" }
      return
    }
    var seen: [String] = []
    try reader.beginObject()
    while let name = try reader.nextMember()?.text {
      let output = CheckedOutput.allCases.first { $0.name == name }
      guard let output, !seen.contains(name) else {
        try reader.skipValue()
        let place = MemberPath(RequestField.candidate.name).member(name.prefixOfUTF8(256))
        request.faults.append(.member(place)) { place in
          output == nil
            ? JSONWire.sentence(aboutCandidate: name, at: place)
            : "\(place) is given more than once; send each output once"
        }
        continue
      }
      seen.append(name)
      try readCandidate(for: output, from: &reader)
    }
  }

  @_lifetime(reader: copy reader)
  private mutating func readCandidate(
    for output: CheckedOutput, from reader: inout JSONReader
  ) throws(JSONSyntaxError) {
    if try reader.peekKind() == .null { return try reader.readNull() }
    let reading = try reader.readTensor(limits: limits.tensor(), parallel: execution.parallel)
    if reading.isTooLarge {
      request.noteTooLarge(.candidate(output), limits: limits)
    } else if reading.faults.isEmpty, let shape = TensorShape(reading.extentSpan) {
      request.candidates.append((output, UnvalidatedRequest.Tensor(shape: shape, values: Numbers(reading.values))))
    }
    for fault in reading.faults {
      request.faults.append(.candidate(output, fault.path)) {
        wire.sentence(aboutCandidate: fault, for: output, at: $0)
      }
    }
  }

  /// What each number of an input is rounded to.
  private var inputFormat: BinaryFormat {
    guard request.present.contains(.parameter(.inputDtype)), case .name(let name) = request[.inputDtype] else {
      return .binary64
    }
    return DataType(rawValue: name)?.format ?? .binary64
  }

  /// Rounds the inputs' numbers to a narrower format from the text, class indices aside.
  private mutating func narrowInputs(to format: BinaryFormat, _ body: Span<UInt8>) {
    let rank = request.shape(of: request.prediction)?.count
    for input in Input.allCases {
      guard var tensor = request.take(input) else { continue }
      let isClasses = input.descriptor.elements == .classesOrProbabilities && tensor.shape.count != rank
      let start = tensor.offset
      let beyond =
        isClasses
        ? [] : tensor.values.withArray { ParsedTensor.narrow(&$0, to: format, text: body, start: start) }
      for position in beyond {
        let place = Geometry.indices(of: position, in: tensor.shape)
        note(TensorFault(path: place, reason: .outOfRange(isNegative: tensor.values[position] < 0)), in: input, format)
        if request.faults.isTruncated { break }
      }
      if beyond.isEmpty { request.set(input, tensor) }
    }
  }

  private mutating func note(_ fault: TensorFault, in input: Input, _ format: BinaryFormat) {
    // A target's class indices are looked at elsewhere.
    let wanted = input == .target ? "a probability, a finite number of at least 0" : nil
    request.faults.append(.field(.input(input), fault.path)) {
      wire.sentence(about: fault, in: input, at: $0, format: format, wanted: wanted)
    }
  }

  private mutating func noteMissing() {
    for (input, fault) in leftOut {
      if let other = operation.alternative(to: input), request.present.contains(.input(other)) { continue }
      request.present.insert(.input(input))
      request.faults.append(.field(.input(input))) { wire.sentence(about: fault, in: input, at: $0) }
    }
  }

  private mutating func noteFaults(_ format: BinaryFormat) {
    guard !faultsForLater.isEmpty else { return }
    var axis = Parameter.axis.descriptor.defaultValue
    if case .number(let given) = request[.axis] { axis = given }
    let shape = request.shape(of: request.prediction)
    let classes = shape.flatMap { Geometry(shape: $0, givenAxis: axis) }?.classes
    for (input, fault) in faultsForLater {
      // What is as deep in the target as logits are is a probability.
      if input == .target, shape == nil || fault.path.count != shape?.count {
        request.faults.append(.field(.input(input), fault.path)) {
          wire.sentence(aboutIndex: fault, classes: classes, at: $0)
        }
      } else {
        note(fault, in: input, format)
      }
    }
  }

  /// Notes a field that the operation does not know, with the one that was probably meant.
  private mutating func noteUnknown(_ name: String, isTensors: Bool) {
    if operation == .check { request.hasTeacher = request.hasTeacher || name == Input.targetLogits.name }
    request.faults.append(.unknown(name.prefixOfUTF8(256))) { [operation] in
      isTensors
        ? "\($0) are tensors of the Open Inference Protocol; POST them to /v2/models/\(operation.modelName)/infer"
        : JSONWire.sentence(aboutUnknown: name, in: operation, at: $0)
    }
  }

  /// Passes over a value, and tells whether it is an array that begins with an object, as tensors do under /v2.
  @_lifetime(reader: copy reader)
  private func skipsTensors(from reader: inout JSONReader) throws(JSONSyntaxError) -> Bool {
    guard try reader.peekKind() == .array else {
      try reader.skipValue()
      return false
    }
    var first: JSONKind?
    try reader.beginArray()
    while try reader.nextElement() {
      if first == nil { first = try reader.peekKind() }
      try reader.skipValue()
    }
    return first == .object
  }
}
