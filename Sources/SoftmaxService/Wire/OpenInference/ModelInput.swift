import NumericJSON

/// What a tensor brings to a model: an input of the operation, or the caller's own numbers for one of its outputs.
enum ModelInput: Hashable, Sendable {
  case input(Input)
  case candidate(Output)

  /// The name of its tensor: the input's, or the output's after "candidate.".
  var name: String {
    switch self {
    case .input(let input): input.name
    case .candidate(let output): MemberPath(candidate: output).description
    }
  }

  /// What other libraries call it.
  var aliases: [String] {
    switch self {
    case .input(let input): input.descriptor.aliases.names
    case .candidate(let output): [output.name] + output.descriptor.aliases.names
    }
  }

  var field: RequestField {
    switch self {
    case .input(let input): .input(input)
    case .candidate: .candidate
    }
  }

  var takesBooleans: Bool {
    switch self {
    case .input(let input): input.descriptor.elements == .booleans
    case .candidate: false
    }
  }

  /// The type that documents name for it.
  var datatype: TensorDatatype {
    switch self {
    case .input(let input): input.descriptor.elements.datatype
    case .candidate: .fp64
    }
  }

  func location() -> Location {
    switch self {
    case .input(let input): .field(.input(input))
    case .candidate(let output): .candidate(output)
    }
  }

  /// What is wrong with a value of its tensor, and what to send instead.
  func sentence(
    about fault: TensorFault, of operation: Operation, at place: String, _ type: DataType, _ wire: OpenInferenceWire
  ) -> String {
    switch self {
    case .input(let input): wire.sentence(about: fault, in: input, of: operation, at: place, type: type)
    case .candidate: wire.sentence(aboutCandidate: fault, at: place)
    }
  }
}

extension Operation {
  /// What the tensors of its model may bring.
  var modelInputs: [ModelInput] {
    let inputs = (requiredInputs + optionalInputs).map(ModelInput.input)
    return answersTensors ? inputs : inputs + Output.checkable.map(ModelInput.candidate)
  }

  /// What its model answers besides outputs.
  var reportOutputs: [ReportOutput] { answersTensors ? [] : ReportOutput.allCases }
}
