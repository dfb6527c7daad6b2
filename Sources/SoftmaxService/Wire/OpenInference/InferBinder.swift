import NumericJSON
import Softmax
import VectorKernels

/// Finds what an infer request names among what an operation takes: tensors become inputs, names become parameters and
/// outputs. What does not fit is noted.
struct InferBinder: ~Copyable {
  let operation: Operation
  let wire: OpenInferenceWire
  let limits: Limits
  var bound = BoundRequest()

  init(_ operation: Operation, wire: OpenInferenceWire, limits: Limits) {
    self.operation = operation
    self.wire = wire
    self.limits = limits
  }

  /// - Parameters:
  ///   - body: the JSON that `infer` was read from, and the tensors' bytes. Tensors in binary keep it.
  ///   - jsonBytes: how long the JSON is.
  consuming func bind(_ infer: borrowing InferRequest, in body: [UInt8], jsonBytes: Int) -> BoundRequest {
    bound.id = infer.id
    bound.request.faults = infer.faults
    let isResponse = infer.isResponse
    if isResponse, infer.inputs != nil {
      bound.request.faults.append(.member(MemberPath("outputs"))) {
        "\($0) has tensors with numbers, and so has \"inputs\"; send numbers in \"inputs\" alone"
      }
    } else if !isResponse {
      bound.request.faults.append(contentsOf: infer.parameterFaults)
      bindParameters(infer.parameters)
      bindOutputs(infer.outputs ?? [], isBinary: infer.hasBinaryOutputs)
    }
    let tensors = isResponse && infer.inputs == nil ? infer.outputs : infer.inputs
    bindInputs(tensors ?? [], isResponse: isResponse, in: body, jsonBytes: jsonBytes)
    return bound
  }

  // MARK: Inputs

  private mutating func bindInputs(
    _ tensors: [InferRequest.Tensor], isResponse: Bool, in body: [UInt8], jsonBytes: Int
  ) {
    var end = jsonBytes
    var isDivided = true
    var seen: [ModelInput] = []
    for tensor in tensors {
      let start = end
      if case .bytes(let count) = tensor.content {
        let left = body.count - start
        if isDivided, count > left {
          bound.request.faults.append(.member(tensor.place.path.member("parameters").member("binary_data_size"))) {
            "\($0) is \(count), but \(counted(left, "byte")) \(left == 1 ? "is" : "are") left for it after the JSON"
          }
        }
        // Where one tensor's bytes are not there, nobody knows where the next one's begin.
        isDivided = isDivided && count <= left
        if isDivided { end += count }
      }
      guard let input = input(of: tensor, isOnly: isResponse && tensors.count == 1) else { continue }
      guard !seen.contains(input) else {
        bound.request.faults.append(.member(tensor.place.path)) {
          "\($0) is \(quoted(input.name)) again; send each input once"
        }
        continue
      }
      seen.append(input)
      if case .bytes = tensor.content, !isDivided {
        bound.request.present.insert(input.field)
      } else {
        bind(tensor, as: input, in: body, jsonBytes: jsonBytes, from: start)
      }
    }
    let left = body.count - end
    guard isDivided, left > 0 else { return }
    bound.request.faults.append(.request) { _ in
      "\(counted(left, "byte")) follow\(left == 1 ? "s" : "") the last tensor; "
        + "say in \"parameters.binary_data_size\" of each tensor how many are its own"
    }
  }

  /// Keeps what a tensor brings, or notes what is wrong with it.
  /// - Parameter start: where its numbers begin, if they are in binary.
  private mutating func bind(
    _ tensor: InferRequest.Tensor, as input: ModelInput, in body: [UInt8], jsonBytes: Int, from start: Int
  ) {
    bound.request.present.insert(input.field)
    guard !tensor.content.isNone else {
      bound.request.faults.append(.member(tensor.place.path)) {
        "\($0) has no numbers; send \"data\", or the bytes after the JSON with \"parameters.binary_data_size\""
      }
      return
    }
    guard let shape = tensor.shape, let datatype = tensor.datatype, isTaken(datatype, tensor, as: input),
      let values = values(of: tensor, shape, as: input, in: body, jsonBytes: jsonBytes, from: start)
    else { return }
    bound.inputs.append(OpenInferenceWire.PlacedInput(input: input, place: tensor.place, shape: shape))
    switch input {
    case .candidate(let output):
      bound.request.candidates.append((output, UnvalidatedRequest.Tensor(shape: shape, values: values)))
    case .input where input.takesBooleans:
      bound.request.mask = UnvalidatedRequest.Mask(shape: shape, values: values.areNonzero)
    case .input(let input):
      bound.request.set(input, UnvalidatedRequest.Tensor(shape: shape, values: values))
    }
    if input == .input(.logits) || input == .input(.probabilities) { setResultType(datatype) }
  }

  /// The input that a tensor is: by its name or, where another model's answer has one tensor and the operation needs
  /// one, whatever its name.
  private mutating func input(of tensor: InferRequest.Tensor, isOnly: Bool) -> ModelInput? {
    let required = operation.requiredInputs
    if isOnly, required.count == 1 { return required.first.map(ModelInput.input) }
    guard let name = tensor.name else { return nil }
    let inputs = operation.modelInputs
    if let input = inputs.first(where: { $0.name == name }) { return input }
    let isTeacher = operation == .check && name == Input.targetLogits.name
    bound.request.hasTeacher = bound.request.hasTeacher || isTeacher
    bound.request.faults.append(.member(tensor.place.path.member("name"))) { [operation] in
      if case .parameter(let parameter) = RequestField(name: name), operation.knows(.parameter(parameter)) {
        return "\($0) is \(quoted(name)), which is a parameter; send it in \"parameters\" of the request"
      }
      let cure =
        isTeacher
        ? CheckRequest.insteadOfTeacher
        : NameSuggestion.cure(for: name)
          ?? NameSuggestion.sentence(nearestTo: name, among: inputs, name: \.name, aliases: \.aliases)
          ?? "it takes \(listed(inputs.map { quoted($0.name) }))"
      return "\($0) is \(quoted(name)), which this model does not take; \(cure)"
    }
    return nil
  }

  /// Numbers of any type are taken for numbers, booleans for booleans, and texts for nothing.
  private mutating func isTaken(_ datatype: TensorDatatype, _ tensor: InferRequest.Tensor, as input: ModelInput) -> Bool
  {
    if input.takesBooleans {
      guard datatype != .bool else { return true }
      bound.request.faults.append(.member(tensor.place.path.member("datatype"))) {
        "\($0) is \(datatype.rawValue); send \(input.name) as BOOL"
      }
      return false
    }
    guard datatype == .bool || datatype == .bytes else { return true }
    bound.request.faults.append(.member(tensor.place.path.member("datatype"))) {
      "\($0) is \(datatype.rawValue); send \(input.name) as numbers, such as \(input.datatype.rawValue)"
    }
    return false
  }

  /// Results have the type of the logits, or of the probabilities in their place, unless the request says otherwise.
  /// What is refused anyway gets none: nobody sent it, and it may not go with an output.
  private mutating func setResultType(_ datatype: TensorDatatype) {
    guard bound.request.faults.isEmpty, !bound.request.present.contains(.parameter(.dtype)),
      let type = datatype.resultType
    else { return }
    bound.request.set(.dtype, .name(type.rawValue))
  }
}

/// A request for ``Validator``, and what only the wire knows of it.
struct BoundRequest: ~Copyable {
  var id: String?
  var request = UnvalidatedRequest()
  var inputs: [OpenInferenceWire.PlacedInput] = []
  var requested = RequestedOutputs()

  /// What is to be validated: its numbers are then held nowhere else.
  consuming func unvalidated() -> UnvalidatedRequest { request }
}

/// The numbers of tensors, from JSON or from bytes.
extension InferBinder {
  /// A tensor's numbers, or nil where they do not fit its shape or its datatype.
  ///
  /// - Parameter start: where those in binary begin, of which there are as many as the tensor says.
  private mutating func values(
    of tensor: InferRequest.Tensor, _ shape: TensorShape, as input: ModelInput, in body: [UInt8], jsonBytes: Int,
    from start: Int
  ) -> Numbers? {
    switch tensor.content {
    case .none: return nil
    case .numbers(let numbers, let origin):
      let json = body.span.extracting(first: jsonBytes)
      let faults = numbers.faults + (input.takesBooleans ? [] : numbers.booleans)
      guard isSound(faults, count: numbers.isTooLarge ? .max : numbers.values.count, of: tensor, as: input),
        isOfShape(shape, numbers.extents, count: numbers.values.count, tensor),
        let values = narrowed(numbers.values, of: tensor, as: input, json: json, start: origin)
      else { return nil }
      return isExact(values, tensor) ? values : nil
    case .bytes(let count):
      guard let volume = shape.checkedVolume, let element = tensor.datatype?.element,
        volume.multipliedReportingOverflow(by: element.size) == (count, false)
      else {
        noteSize(tensor, shape, "the bytes are \(count)")
        return nil
      }
      guard isWithinLimit(volume, input) else { return nil }
      let values = Numbers(volume, of: element, in: body, from: start)
      // Any bytes of the other types are numbers of them.
      let isChecked = [.bool, .int64, .uint64].contains(tensor.datatype)
      return !isChecked || isExact(values, tensor) ? values : nil
    }
  }

  /// Whether all of what stands in JSON could be read, and is not too much.
  private mutating func isSound(
    _ faults: [TensorFault], count: Int, of tensor: InferRequest.Tensor, as input: ModelInput
  ) -> Bool {
    let place = tensor.place.path.member("data")
    for fault in faults {
      bound.request.faults.append(.member(place.element(fault.path))) { [wire] in
        if fault.isOutOfRange, let datatype = tensor.datatype, let wanted = datatype.wholeNumbers {
          return "\($0) is beyond the range of \(datatype.rawValue); send \(wanted)"
        }
        return input.sentence(about: fault, at: $0, format: tensor.datatype?.format ?? .binary64, wire)
      }
    }
    return faults.isEmpty && isWithinLimit(count, input)
  }

  /// Whether what stands in JSON is flat and as much as the shape says, or nested as it says.
  private mutating func isOfShape(
    _ shape: TensorShape, _ extents: [Int], count: Int, _ tensor: InferRequest.Tensor
  ) -> Bool {
    let isFlat = extents.count <= 1
    guard isFlat ? shape.checkedVolume != count : extents != shape.array else { return true }
    noteSize(tensor, shape, isFlat ? "\"data\" has \(count)" : "\"data\" is nested as \(extents)")
    return false
  }

  /// Numbers of JSON as numbers of the tensor's type, each rounded once from its text; nil where one is beyond it.
  private mutating func narrowed(
    _ values: [Double], of tensor: InferRequest.Tensor, as input: ModelInput, json: Span<UInt8>, start: Int
  ) -> Numbers? {
    guard let format = tensor.datatype?.format, format != .binary64 else { return Numbers(values) }
    var values = values
    let beyond = ParsedTensor.narrow(&values, to: format, text: json, start: start)
    for position in beyond.prefix(FaultList.maximumCount + 1) {
      let fault = TensorFault(path: [position], reason: .outOfRange(isNegative: values[position] < 0))
      bound.request.faults.append(.member(tensor.place.path.member("data").element(position))) { [wire] in
        input.sentence(about: fault, at: $0, format: format, wire)
      }
    }
    return beyond.isEmpty ? Numbers(values) : nil
  }

  private mutating func isWithinLimit(_ count: Int, _ input: ModelInput) -> Bool {
    guard count > limits.logits else { return true }
    bound.request.noteTooLarge(input.location, limits: limits)
    return false
  }

  private mutating func noteSize(_ tensor: InferRequest.Tensor, _ shape: TensorShape, _ found: String) {
    let datatype = tensor.datatype ?? .fp64
    bound.request.faults.append(.member(tensor.place.path)) {
      guard let volume = shape.checkedVolume, let size = datatype.size,
        case let (bytes, overflow) = volume.multipliedReportingOverflow(by: size), !overflow
      else { return "\($0) has the shape \(shape), which is more than any body holds" }
      return "\($0) has the shape \(shape) of \(datatype.rawValue), "
        + "which means \(counted(volume, "number")), or \(counted(bytes, "byte")); \(found)"
    }
  }

  /// Whether the numbers of a type of whole numbers are whole, and in its range.
  private mutating func isExact(_ values: Numbers, _ tensor: InferRequest.Tensor) -> Bool {
    guard let datatype = tensor.datatype, let range = datatype.integers,
      let position = values.firstIndex(where: { !range.contains($0) || Double(Int64($0)) != $0 })
    else { return true }
    let value = values[position]
    // Whole numbers in bytes become NaN there; in JSON a word may say NaN.
    let isBeyond =
      range.upperBound == TensorDatatype.greatestExactInteger
      && (value.isNaN ? !values.isArray : value.isFinite && value.magnitude > range.upperBound)
    bound.request.faults.append(.member(tensor.place.path.member("data").element(position))) {
      isBeyond
        ? "\($0) is beyond ±(2^53 - 1), where binary64 does not tell all whole numbers apart; send FP64"
        : "\($0) is \(text(of: value)); send \(datatype.wholeNumbers ?? "") as \(datatype.rawValue)"
    }
    return false
  }
}

/// Outputs and parameters, which are names.
extension InferBinder {
  /// The outputs asked for by name, in their order.
  fileprivate mutating func bindOutputs(_ tensors: [InferRequest.Tensor], isBinary: Bool) {
    bound.requested.other.isBinary = isBinary
    guard !tensors.isEmpty else { return }
    guard operation.returnsTensors else { return bindReport(tensors, isBinary: isBinary) }
    bound.request.present.insert(.outputs)
    bound.request.outputs = tensors.map(\.name)
    for tensor in tensors {
      guard let name = tensor.name else { continue }
      let classes = tensor.classes.flatMap { $0 > 0 ? $0 : nil }
      bound.requested.named.append(
        (name, RequestedOutputs.Form(isBinary: tensor.isBinary ?? isBinary, classes: classes)))
      guard let output = operation.outputs.first(where: { $0.name == name }) else { continue }
      if !output.descriptor.isTensor {
        bound.request.faults.append(.member(tensor.place.path)) { [operation] in
          "\($0) is \(quoted(name)), which is no tensor; POST to \(operation.path) for it"
        }
      } else if classes != nil, !output.descriptor.hasClassAxis {
        bound.request.faults.append(.member(tensor.place.path.member("parameters").member("classification"))) {
          "\($0) is for outputs with a number for each class, and \(quoted(name)) has none"
        }
      }
    }
  }

  /// The outputs of a check.
  private mutating func bindReport(_ tensors: [InferRequest.Tensor], isBinary: Bool) {
    for tensor in tensors {
      guard let name = tensor.name else { continue }
      let known = ReportOutput.allCases.map(\.rawValue)
      guard known.contains(name), !bound.requested.named.contains(where: { $0.name == name }) else {
        bound.request.faults.append(.member(tensor.place.path.member("name"))) {
          known.contains(name)
            ? "\($0) is \(quoted(name)) again; ask for each output once"
            : "\($0) is \(quoted(name)), which this model does not answer; "
              + "it answers \(listed(known.map { quoted($0) }))"
        }
        continue
      }
      bound.requested.named.append((name, RequestedOutputs.Form(isBinary: tensor.isBinary ?? isBinary)))
    }
  }

  // MARK: Parameters

  fileprivate mutating func bindParameters(_ parameters: [(name: String, value: InferRequest.ParameterValue)]) {
    for (name, value) in parameters {
      let location = Location.member(MemberPath("parameters").member(name))
      guard case .parameter(let parameter) = RequestField(name: name),
        operation.knows(.parameter(parameter))
      else {
        bound.request.faults.append(location) { [operation] in
          Self.sentence(aboutUnknown: name, in: operation, at: $0)
        }
        continue
      }
      bound.request.present.insert(.parameter(parameter))
      let scalar: UnvalidatedRequest.Scalar
      switch value {
      case .scalar(let found): scalar = found
      case .beyond(let value):
        bound.request.faults.append(location) { "\($0) \(parameter.complaint(beyond: value))" }
        continue
      case .other(let kind):
        bound.request.faults.append(location) { [wire] in wire.sentence(about: kind, insteadOf: parameter, at: $0) }
        continue
      }
      if parameter == .inputDtype, scalar != parameter.descriptor.defaultText.map({ .name($0) }) {
        bound.request.faults.append(location) {
          "\($0) is for numbers of JSON bodies; here each tensor's \"datatype\" says what its numbers are: leave it out"
        }
        continue
      }
      // Several clients have no parameters but texts, whole numbers and booleans: a number may come as its text.
      if parameter.descriptor.isNumber, case .name(let text) = scalar, let number = JSONNumber(text),
        !number.isOutOfRange
      {
        bound.request.set(parameter, .number(number.value))
      } else {
        bound.request.set(parameter, scalar)
      }
    }
  }

  private static func sentence(aboutUnknown name: String, in operation: Operation, at place: String) -> String {
    if case .input(let input) = RequestField(name: name), operation.knows(.input(input)) {
      return "\(place) is an input of this model; send it as a tensor in \"inputs\""
    }
    if let cure = NameSuggestion.cure(for: name) { return "\(place) is no parameter of this model; \(cure)" }
    let parameters = operation.modelParameters
    let cure =
      NameSuggestion.sentence(nearestTo: name, among: parameters, name: \.name, aliases: \.descriptor.aliases.names)
      ?? "its parameters are \(listed(parameters.map { quoted($0.name) }))"
    return "\(place) is no parameter of this model; \(cure)"
  }
}
