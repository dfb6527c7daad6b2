import NumericJSON
import Softmax

/// The numbers of tensors, from JSON or from bytes.
extension InferBinder {
  /// A tensor's numbers, or nil where they do not fit its shape or its datatype.
  ///
  /// - Parameter start: where those in binary begin, of which there are as many as the tensor says.
  mutating func values(
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
      // Bytes of other types hold no number that is not theirs.
      let isChecked = tensor.datatype == .bool || !element.isExact
      return !isChecked || isExact(values, tensor) ? values : nil
    }
  }

  /// Whether all of what stands in JSON could be read, and is not too much.
  private mutating func isSound(
    _ faults: [TensorFault], count: Int, of tensor: InferRequest.Tensor, as input: ModelInput
  ) -> Bool {
    let place = tensor.place.path.member("data")
    for fault in faults {
      bound.request.issues.append(.member(place.element(fault.path))) { [wire, operation] in
        input.sentence(about: fault, of: operation, at: $0, tensor.datatype?.resultType ?? .float64, wire)
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
    _ values: [Double], of tensor: InferRequest.Tensor, as input: ModelInput, json: Span<UInt8>, start: Int
  ) -> Numbers? {
    guard let type = tensor.datatype?.resultType else { return Numbers(values) }
    var values = values
    let beyond = ParsedTensor.narrow(&values, to: type.format, text: json, start: start)
    for position in beyond.prefix(IssueList.maximumCount + 1) {
      let fault = TensorFault(path: [position], reason: .outOfRange(isNegative: values[position] < 0))
      bound.request.issues.append(.member(tensor.place.path.member("data").element(position))) { [wire, operation] in
        input.sentence(about: fault, of: operation, at: $0, type, wire)
      }
    }
    return beyond.isEmpty ? Numbers(values) : nil
  }

  private mutating func isWithinLimit(_ count: Int, _ input: ModelInput) -> Bool {
    guard count > limits.logits else { return true }
    if input == .input(.logits) {
      bound.request.hasTooManyLogits = true
    } else {
      bound.request.issues.append(input.location()) { [limits] in
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
  private mutating func isExact(_ values: Numbers, _ tensor: InferRequest.Tensor) -> Bool {
    guard let datatype = tensor.datatype, let range = datatype.integers,
      let position = values.firstIndex(where: { !range.contains($0) || $0 != $0.rounded() })
    else { return true }
    let value = values[position]
    // Whole numbers in bytes become NaN there; in JSON a word may say NaN.
    let isBeyond =
      range.upperBound == TensorDatatype.greatestExactInteger
      && (value.isNaN ? !values.isArray : value.isFinite && value.magnitude > range.upperBound)
    bound.request.issues.append(.member(tensor.place.path.member("data").element(position))) {
      isBeyond
        ? "\($0) is beyond ±(2^53 - 1), where binary64 does not tell all whole numbers apart; send FP64"
        : "\($0) is \(text(of: value)); \(datatype.rawValue) holds whole numbers from "
          + "\(Int(range.lowerBound)) to \(Int(range.upperBound))"
    }
    return false
  }
}
