import NumericJSON
import Softmax

/// Holds what an infer request names against an operation: tensors become inputs, parameters and outputs the
/// operation's own. What does not fit is noted.
struct InferBinder: ~Copyable {
  let operation: Operation
  private let wire: OpenInferenceWire
  private let limits: Limits
  private let parallel: Parallel
  var bound = BoundRequest()

  init(_ operation: Operation, wire: OpenInferenceWire, limits: Limits, parallel: @escaping Parallel) {
    self.operation = operation
    self.wire = wire
    self.limits = limits
    self.parallel = parallel
  }

  /// - Parameter bytes: what follows the JSON.
  consuming func bind(_ infer: borrowing InferRequest, _ bytes: Span<UInt8>) -> BoundRequest {
    bound.id = infer.id
    bound.request.issues = infer.issues
    let isAnswer = infer.isAnswer
    if isAnswer, infer.inputs != nil {
      bound.request.issues.append(.member(JSONPath("outputs"))) {
        "\($0) has tensors with numbers, and so has \"inputs\"; send numbers in \"inputs\" alone"
      }
    } else if !isAnswer {
      bound.request.issues.append(contentsOf: infer.parameterIssues)
      bindParameters(infer.parameters)
      bindOutputs(infer.outputs ?? [], isBinary: infer.hasBinaryOutputs)
    }
    bindInputs((isAnswer && infer.inputs == nil ? infer.outputs : infer.inputs) ?? [], isAnswer: isAnswer, bytes)
    return bound
  }

  // MARK: Inputs

  private mutating func bindInputs(_ tensors: [InferRequest.Tensor], isAnswer: Bool, _ bytes: Span<UInt8>) {
    var start = 0
    var isDivided = true
    for tensor in tensors {
      var own = 0..<0
      if case .bytes(let count) = tensor.content, isDivided {
        guard count <= bytes.count - start else {
          isDivided = false
          bound.request.issues.append(.member(tensor.place.path.member("parameters").member("binary_data_size"))) {
            "\($0) is \(count), but \(bytes.count - start) bytes are left for it after the JSON"
          }
          continue
        }
        own = start..<start + count
        start += count
      }
      guard let input = input(of: tensor, isOnly: isAnswer && tensors.count == 1) else { continue }
      guard !bound.request.present.contains(.input(input)) else {
        bound.request.issues.append(.member(tensor.place.path)) {
          "\($0) is \(quoted(input.name)) again; send each input once"
        }
        continue
      }
      bound.request.present.insert(.input(input))
      guard !tensor.content.isNone else {
        bound.request.issues.append(.member(tensor.place.path)) {
          "\($0) has no numbers; send \"data\", or the bytes after the JSON with \"parameters.binary_data_size\""
        }
        continue
      }
      guard let shape = tensor.shape, let datatype = tensor.datatype, isTaken(datatype, tensor, as: input),
        let values = values(of: tensor, shape, as: input, bytes.extracting(own))
      else { continue }
      bound.inputs.append(OpenInferenceWire.PlacedInput(input: input, place: tensor.place, shape: shape))
      if input.descriptor.elements == .booleans {
        bound.request.mask = UnvalidatedRequest.Mask(shape: shape, values: values.map { $0 != 0 })
      } else {
        bound.request.set(input, UnvalidatedRequest.Tensor(shape: shape, values: values))
      }
      if input == .logits { setResultType(datatype) }
    }
    guard isDivided, start < bytes.count else { return }
    bound.request.issues.append(.request) { _ in
      "\(bytes.count - start) bytes follow the last tensor; say in \"parameters.binary_data_size\" of each tensor how "
        + "many are its own"
    }
  }

  /// The input that a tensor is: by its name or, where another model's answer has one tensor and the operation needs
  /// one, whatever its name.
  private mutating func input(of tensor: InferRequest.Tensor, isOnly: Bool) -> Input? {
    let required = operation.requiredInputs
    if isOnly, required.count == 1 { return required.first }
    guard let name = tensor.name else { return nil }
    if case .input(let input) = RequestField(name: name), operation.knows(.input(input)) { return input }
    let inputs = operation.requiredInputs + operation.optionalInputs
    bound.request.issues.append(.member(tensor.place.path.member("name"))) { [operation] in
      if case .parameter(let parameter) = RequestField(name: name), operation.knows(.parameter(parameter)) {
        return "\($0) is \(quoted(name)), which is a parameter; send it in \"parameters\" of the request"
      }
      let nearest =
        inputs.first { $0.descriptor.aliases.names.contains(name) }
        ?? NameSuggestion.nearest(to: name, among: inputs) { $0.name }
      return "\($0) is \(quoted(name)), which this model does not take; "
        + (nearest.map { "the nearest is \(quoted($0.name))" } ?? "it takes \(listed(inputs.map { quoted($0.name) }))")
    }
    return nil
  }

  /// Numbers of any type are taken for numbers, booleans for booleans, and texts for nothing.
  private mutating func isTaken(_ datatype: TensorDatatype, _ tensor: InferRequest.Tensor, as input: Input) -> Bool {
    if input.descriptor.elements == .booleans {
      guard datatype != .bool else { return true }
      bound.request.issues.append(.member(tensor.place.path.member("datatype"))) {
        "\($0) is \(datatype.rawValue); send \(input.name) as BOOL"
      }
      return false
    }
    guard datatype == .bool || datatype == .bytes else { return true }
    bound.request.issues.append(.member(tensor.place.path.member("datatype"))) {
      "\($0) is \(datatype.rawValue); send \(input.name) as numbers, such as \(input.descriptor.elements.datatype.rawValue)"
    }
    return false
  }

  /// A tensor's numbers, or nil where they do not fit its shape or its datatype.
  private mutating func values(
    of tensor: InferRequest.Tensor, _ shape: TensorShape, as input: Input, _ bytes: Span<UInt8>
  ) -> [Double]? {
    switch tensor.content {
    case .none: return nil
    case .numbers(let numbers): return values(numbers, of: tensor, shape, as: input)
    case .bytes(let count):
      guard let volume = shape.checkedVolume, let size = tensor.datatype?.size,
        volume.multipliedReportingOverflow(by: size) == (count, false)
      else {
        noteSize(tensor, shape, "the bytes are \(count)")
        return nil
      }
      guard isWithinLimit(volume, input) else { return nil }
      let values = BinaryTensor.values(tensor.datatype ?? .fp64, bytes, parallel)
      return isExact(values, tensor) ? values : nil
    }
  }

  /// Numbers in JSON: flat, or nested as the shape says.
  private mutating func values(
    _ numbers: ParsedTensor, of tensor: InferRequest.Tensor, _ shape: TensorShape, as input: Input
  ) -> [Double]? {
    let place = tensor.place.path.member("data")
    let faults = numbers.faults + (input.descriptor.elements == .booleans ? [] : numbers.booleans)
    for fault in faults {
      bound.request.issues.append(.member(place.element(fault.path))) { [wire, operation] in
        wire.sentence(about: fault, in: input, of: operation, at: $0)
      }
    }
    guard faults.isEmpty, isWithinLimit(numbers.isTooLarge ? .max : numbers.values.count, input) else {
      return nil
    }
    let isFlat = numbers.extents.count <= 1
    guard isFlat ? shape.checkedVolume == numbers.values.count : numbers.extents == shape.extents else {
      noteSize(
        tensor, shape, isFlat ? "\"data\" has \(numbers.values.count)" : "\"data\" is nested as \(numbers.extents)")
      return nil
    }
    return isExact(numbers.values, tensor) ? numbers.values : nil
  }

  private mutating func isWithinLimit(_ count: Int, _ input: Input) -> Bool {
    guard count > limits.logits else { return true }
    if input == .logits {
      bound.request.hasTooManyLogits = true
    } else {
      bound.request.issues.append(.field(.input(input))) { [limits] in
        "\($0) holds more than \(limits.logits) numbers, the most that logits may have"
      }
    }
    return false
  }

  private mutating func noteSize(_ tensor: InferRequest.Tensor, _ shape: TensorShape, _ found: String) {
    let datatype = tensor.datatype ?? .fp64
    bound.request.issues.append(.member(tensor.place.path)) {
      guard let volume = shape.checkedVolume, let size = datatype.size,
        case let (bytes, overflow) = volume.multipliedReportingOverflow(by: size), !overflow
      else { return "\($0) has the shape \(shape), which is more than any body holds" }
      return "\($0) has the shape \(shape) of \(datatype.rawValue), which means \(volume) numbers, or \(bytes) bytes; "
        + found
    }
  }

  /// Whether numbers of a type of whole numbers are those.
  private mutating func isExact(_ values: [Double], _ tensor: InferRequest.Tensor) -> Bool {
    guard let datatype = tensor.datatype, let range = datatype.integers,
      let position = values.firstIndex(where: { !range.contains($0) || $0 != $0.rounded() })
    else { return true }
    bound.request.issues.append(.member(tensor.place.path.member("data").element(position))) {
      values[position].isNaN
        ? "\($0) is beyond ±2^53, where binary64 does not hold every whole number; send FP64"
        : "\($0) is \(text(of: values[position])); \(datatype.rawValue) holds whole numbers from "
          + "\(text(of: range.lowerBound)) to \(text(of: range.upperBound))"
    }
    return false
  }

  /// Results have the logits' type, unless the request says otherwise.
  private mutating func setResultType(_ datatype: TensorDatatype) {
    guard !bound.request.present.contains(.parameter(.dtype)), let type = datatype.resultType else { return }
    bound.request.set(.dtype, .name(type.name))
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
