import NumericJSON
import Softmax

/// How outputs are answered.
struct RequestedOutputs: Sendable {
  struct Form: Sendable {
    /// As bytes after the JSON.
    var isBinary = false
    /// As texts of so many classes instead of numbers.
    var classes: Int?
  }

  /// Those asked for by name.
  var named: [(name: String, form: Form)] = []
  /// All others.
  var other = Form()

  func form(of output: Output) -> Form { named.first { $0.name == output.name }?.form ?? other }
}

extension InferBinder {
  /// The outputs asked for by name, in their order.
  mutating func bindOutputs(_ tensors: [InferRequest.Tensor], isBinary: Bool) {
    bound.requested.other.isBinary = isBinary
    guard !tensors.isEmpty else { return }
    bound.request.present.insert(.outputs)
    bound.request.outputs = tensors.map(\.name)
    for tensor in tensors {
      guard let name = tensor.name else { continue }
      let classes = tensor.classes.flatMap { $0 > 0 ? $0 : nil }
      bound.requested.named.append(
        (name, RequestedOutputs.Form(isBinary: tensor.isBinary ?? isBinary, classes: classes)))
      guard let output = operation.outputs.first(where: { $0.name == name }) else { continue }
      if !output.descriptor.isTensor {
        bound.request.issues.append(.member(tensor.place.path)) { [operation] in
          "\($0) is \(quoted(name)), which is no tensor; POST to \(operation.path) for it"
        }
      } else if classes != nil, !output.descriptor.hasClassAxis {
        bound.request.issues.append(.member(tensor.place.path.member("parameters").member("classification"))) {
          "\($0) is for outputs with a number for each class, and \(quoted(name)) has none"
        }
      }
    }
  }

  // MARK: Parameters

  mutating func bindParameters(_ parameters: [(name: String, scalar: UnvalidatedRequest.Scalar)]) {
    for (name, scalar) in parameters {
      let location = Location.member(MemberPath("parameters").member(name))
      guard case .parameter(let parameter) = RequestField(name: name),
        operation.knows(.parameter(parameter))
      else {
        bound.request.issues.append(location) { [operation] in
          Self.sentence(aboutUnknown: name, in: operation, at: $0)
        }
        continue
      }
      guard !bound.request.present.contains(.parameter(parameter)) else {
        bound.request.issues.append(location) { "\($0) is given more than once; send each parameter once" }
        continue
      }
      bound.request.present.insert(.parameter(parameter))
      if parameter == .inputDtype, scalar != .name(parameter.descriptor.defaultText.filter { $0 != "\"" }) {
        bound.request.issues.append(location) {
          "\($0) is for numbers of JSON bodies; here each tensor's \"datatype\" says what its numbers are: leave it out"
        }
        continue
      }
      // Several clients have no parameters but texts, whole numbers and booleans: a number may come as its text.
      if parameter.descriptor.isNumber, case .name(let text) = scalar, let number = Self.number(text) {
        bound.request.set(parameter, .number(number))
      } else {
        bound.request.set(parameter, scalar)
      }
    }
  }

  /// The number that a text is in JSON.
  private static func number(_ text: String) -> Double? {
    let bytes = Array(text.utf8)
    var reader = JSONReader(bytes.span)
    do throws(JSONSyntaxError) {
      guard try reader.peekKind() == .number else { return nil }
      let number = try reader.readNumber()
      try reader.finish()
      return number.isOutOfRange ? nil : number.value
    } catch {
      return nil
    }
  }

  private static func sentence(aboutUnknown name: String, in operation: Operation, at place: String) -> String {
    if case .input(let input) = RequestField(name: name), operation.knows(.input(input)) {
      return "\(place) is an input of this model; send it as a tensor in \"inputs\""
    }
    if let cure = NameSuggestion.cure(for: name) { return "\(place) is no parameter of this model; \(cure)" }
    let parameters = operation.modelParameters
    let nearest =
      parameters.first { $0.descriptor.aliases.names.contains(name) }
      ?? NameSuggestion.nearest(to: name, among: parameters) { $0.name }
    return "\(place) is no parameter of this model; "
      + (nearest.map { "the nearest is \(quoted($0.name))" }
        ?? "its parameters are \(listed(parameters.map { quoted($0.name) }))")
  }
}

extension OutputDescriptor {
  /// Whether it has a number for each class of each slice, in the logits' shape.
  var hasClassAxis: Bool {
    if case .numbers(.logits) = content { true } else { false }
  }
}

/// The numbers of tensors, from JSON or from bytes.
extension InferBinder {
  /// A tensor's numbers, or nil where they do not fit its shape or its datatype.
  mutating func values(
    of tensor: InferRequest.Tensor, _ shape: TensorShape, as input: Input, json: Span<UInt8>, bytes: Span<UInt8>
  ) -> [Double]? {
    switch tensor.content {
    case .none: return nil
    case .numbers(let numbers, let start):
      let faults = numbers.faults + (input.descriptor.elements == .booleans ? [] : numbers.booleans)
      guard isSound(faults, count: numbers.isTooLarge ? .max : numbers.values.count, of: tensor, as: input),
        isOfShape(shape, numbers.extents, count: numbers.values.count, tensor),
        let values = narrowed(numbers.values, of: tensor, as: input, json: json, start: start)
      else { return nil }
      return isExact(values, tensor) ? values : nil
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

  /// Whether all of what stands in JSON could be read, and is not too much.
  private mutating func isSound(
    _ faults: [TensorFault], count: Int, of tensor: InferRequest.Tensor, as input: Input
  ) -> Bool {
    let place = tensor.place.path.member("data")
    for fault in faults {
      bound.request.issues.append(.member(place.element(fault.path))) { [wire, operation] in
        wire.sentence(
          about: fault, in: input, of: operation, at: $0, type: tensor.datatype?.resultType ?? .float64)
      }
    }
    return faults.isEmpty && isWithinLimit(count, input)
  }

  /// Whether what stands in JSON is flat and as much as the shape says, or nested as it says.
  private mutating func isOfShape(
    _ shape: TensorShape, _ extents: [Int], count: Int, _ tensor: InferRequest.Tensor
  ) -> Bool {
    let isFlat = extents.count <= 1
    guard isFlat ? shape.checkedVolume != count : extents != shape.extents else { return true }
    noteSize(tensor, shape, isFlat ? "\"data\" has \(count)" : "\"data\" is nested as \(extents)")
    return false
  }

  /// Numbers of JSON as numbers of the tensor's type, each rounded once from its text; nil where one is beyond it.
  private mutating func narrowed(
    _ values: [Double], of tensor: InferRequest.Tensor, as input: Input, json: Span<UInt8>, start: Int
  ) -> [Double]? {
    guard let type = tensor.datatype?.resultType else { return values }
    var values = values
    let beyond = ParsedTensor.narrow(&values, to: type.format, text: json, start: start)
    for position in beyond.prefix(IssueList.maximumCount + 1) {
      let fault = TensorFault(path: [position], reason: .outOfRange(isNegative: values[position] < 0))
      bound.request.issues.append(.member(tensor.place.path.member("data").element(position))) { [wire, operation] in
        wire.sentence(about: fault, in: input, of: operation, at: $0, type: type)
      }
    }
    return beyond.isEmpty ? values : nil
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
}
