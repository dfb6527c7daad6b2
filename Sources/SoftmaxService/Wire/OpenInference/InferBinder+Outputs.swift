import NumericJSON
import Softmax

extension InferBinder {
  /// The outputs asked for by name, in their order.
  mutating func bindOutputs(_ tensors: [InferRequest.Tensor], isBinary: Bool) {
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

  mutating func bindParameters(_ parameters: [(name: String, value: InferRequest.ParameterValue)]) {
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
