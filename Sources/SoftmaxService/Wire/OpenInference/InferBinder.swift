import NumericJSON
import Softmax

/// Holds what an infer request names against an operation: tensors become inputs, parameters and outputs the
/// operation's own. What does not fit is noted.
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
    bound.request.issues = infer.issues
    let isAnswer = infer.isAnswer
    if isAnswer, infer.inputs != nil {
      bound.request.issues.append(.member(MemberPath("outputs"))) {
        "\($0) has tensors with numbers, and so has \"inputs\"; send numbers in \"inputs\" alone"
      }
    } else if !isAnswer {
      bound.request.issues.append(contentsOf: infer.parameterIssues)
      bindParameters(infer.parameters)
      bindOutputs(infer.outputs ?? [], isBinary: infer.hasBinaryOutputs)
    }
    let tensors = isAnswer && infer.inputs == nil ? infer.outputs : infer.inputs
    bindInputs(tensors ?? [], isAnswer: isAnswer, in: body, jsonBytes: jsonBytes)
    return bound
  }

  // MARK: Inputs

  private mutating func bindInputs(
    _ tensors: [InferRequest.Tensor], isAnswer: Bool, in body: [UInt8], jsonBytes: Int
  ) {
    var end = jsonBytes
    var isDivided = true
    var seen: [ModelInput] = []
    for tensor in tensors {
      let start = end
      if case .bytes(let count) = tensor.content, isDivided {
        let left = body.count - start
        guard count <= left else {
          isDivided = false
          bound.request.issues.append(.member(tensor.place.path.member("parameters").member("binary_data_size"))) {
            "\($0) is \(count), but \(left) bytes are left for it after the JSON"
          }
          continue
        }
        end += count
      }
      guard let input = input(of: tensor, isOnly: isAnswer && tensors.count == 1) else { continue }
      guard !seen.contains(input) else {
        bound.request.issues.append(.member(tensor.place.path)) {
          "\($0) is \(quoted(input.name)) again; send each input once"
        }
        continue
      }
      seen.append(input)
      bound.request.present.insert(input.field)
      guard !tensor.content.isNone else {
        bound.request.issues.append(.member(tensor.place.path)) {
          "\($0) has no numbers; send \"data\", or the bytes after the JSON with \"parameters.binary_data_size\""
        }
        continue
      }
      guard let shape = tensor.shape, let datatype = tensor.datatype, isTaken(datatype, tensor, as: input),
        let values = values(of: tensor, shape, as: input, in: body, jsonBytes: jsonBytes, from: start)
      else { continue }
      bound.inputs.append(OpenInferenceWire.PlacedInput(input: input, place: tensor.place, shape: shape))
      switch input {
      case .candidate(let output):
        bound.request.candidates.append((output, UnvalidatedRequest.Tensor(shape: shape, values: values)))
      case .input where input.takesBooleans:
        bound.request.mask = UnvalidatedRequest.Mask(shape: shape, values: values.map { $0 != 0 })
      case .input(let input):
        bound.request.set(input, UnvalidatedRequest.Tensor(shape: shape, values: values))
      }
      if input == .input(.logits) { setResultType(datatype) }
    }
    let left = body.count - end
    guard isDivided, left > 0 else { return }
    bound.request.issues.append(.request) { _ in
      "\(left) bytes follow the last tensor; say in \"parameters.binary_data_size\" of each tensor how "
        + "many are its own"
    }
  }

  /// The input that a tensor is: by its name or, where another model's answer has one tensor and the operation needs
  /// one, whatever its name.
  private mutating func input(of tensor: InferRequest.Tensor, isOnly: Bool) -> ModelInput? {
    let required = operation.requiredInputs
    if isOnly, required.count == 1 { return required.first.map(ModelInput.input) }
    guard let name = tensor.name else { return nil }
    let inputs = operation.modelInputs
    if let input = inputs.first(where: { $0.name == name }) { return input }
    bound.request.issues.append(.member(tensor.place.path.member("name"))) { [operation] in
      if case .parameter(let parameter) = RequestField(name: name), operation.knows(.parameter(parameter)) {
        return "\($0) is \(quoted(name)), which is a parameter; send it in \"parameters\" of the request"
      }
      let nearest =
        inputs.first { $0.aliases.contains(name) } ?? NameSuggestion.nearest(to: name, among: inputs) { $0.name }
      return "\($0) is \(quoted(name)), which this model does not take; "
        + (nearest.map { "the nearest is \(quoted($0.name))" } ?? "it takes \(listed(inputs.map { quoted($0.name) }))")
    }
    return nil
  }

  /// Numbers of any type are taken for numbers, booleans for booleans, and texts for nothing.
  private mutating func isTaken(_ datatype: TensorDatatype, _ tensor: InferRequest.Tensor, as input: ModelInput) -> Bool
  {
    if input.takesBooleans {
      guard datatype != .bool else { return true }
      bound.request.issues.append(.member(tensor.place.path.member("datatype"))) {
        "\($0) is \(datatype.rawValue); send \(input.name) as BOOL"
      }
      return false
    }
    guard datatype == .bool || datatype == .bytes else { return true }
    bound.request.issues.append(.member(tensor.place.path.member("datatype"))) {
      "\($0) is \(datatype.rawValue); send \(input.name) as numbers, such as \(input.datatype.rawValue)"
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
