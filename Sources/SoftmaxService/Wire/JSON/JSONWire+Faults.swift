import NumericJSON
import Softmax
import VectorKernels

extension JSONKind {
  /// How a sentence names a value of the kind.
  var displayName: String {
    switch self {
    case .object: "an object"
    case .array: "an array"
    case .string: "a string"
    case .number: "a number"
    case .boolean: "a boolean"
    case .null: "null"
    }
  }
}

extension JSONSyntaxError {
  /// What is wrong and where, for a client.
  var detail: String { detail(send: "finite numbers or, to mask a class, the JSON string \"-Infinity\"") }

  /// The same among a caller's own numbers, which need not be finite.
  var detailInCandidate: String { detail(send: "the JSON string \"NaN\", \"Infinity\" or \"-Infinity\"") }

  private func detail(send cure: String) -> String {
    switch reason {
    case .nonFiniteLiteral: "At byte \(offset): JSON has no NaN and no Infinity; send \(cure)"
    default: "At byte \(offset): \(self)"
    }
  }
}

extension TensorFault {
  /// Whether it is a number beyond the range.
  var isOutOfRange: Bool { if case .outOfRange = reason { true } else { false } }

  /// Whether it is a string that is no number.
  var isWord: Bool {
    if case .string(let text) = reason { JSONNumber(text) == nil } else { false }
  }
}

extension Parameter {
  /// What is wrong with a number beyond binary64's range, of which `value` is the nearest one within.
  func complaint(beyond value: Double) -> String {
    guard descriptor.isNumber else { return "is a number; it must be \(descriptor.demand)" }
    if case .number(_, let range) = descriptor.kind, range.contains(value) {
      return BinaryFormat.binary64.complaintAboutRange(isNegative: value < 0)
    }
    return "is beyond the range of \(BinaryFormat.binary64.name); it must be \(descriptor.demand)"
  }
}

extension BinaryFormat {
  /// What is wrong with a number beyond the format's range, and what to send instead.
  func complaintAboutRange(isNegative: Bool) -> String {
    let greatest = text(of: greatestFinite).filter { $0 != "+" }
    return "is beyond the range of \(name); "
      + "send a number of at \(isNegative ? "least -" : "most ")\(greatest)"
  }
}

/// What is wrong with a value in JSON, and what to send instead.
extension Wire {
  func sentence(
    about fault: TensorFault, in input: Input, at place: String, format: BinaryFormat = .binary64,
    wanted: String? = nil
  ) -> String {
    let wanted = wanted ?? (fault.path.isEmpty ? demand(for: input) : elementDemand(for: input))
    let elements = input.descriptor.elements
    if case .outOfRange(let isNegative) = fault.reason {
      // No cure that leads to the next mistake.
      if isNegative ? !elements.mayBeNegative : elements == .probabilities {
        return "\(place) is beyond the range of \(format.name); send \(wanted)"
      }
      let mask = isNegative && elements == .logits ? ", or \(mask) to mask the class" : ""
      return "\(place) \(format.complaintAboutRange(isNegative: isNegative))\(mask)"
    }
    guard elements == .booleans else { return sentence(about: fault, at: place, wanted: wanted) }
    switch fault.reason {
    case .empty: return "\(place) is an empty array; send at least one boolean"
    case .string(let text): return "\(place) is the string \(quoted(text)); send \(wanted)"
    default: return sentence(about: fault, at: place, wanted: wanted)
    }
  }

  /// The same of the caller's own numbers for an output, which need not be finite.
  func sentence(
    aboutCandidate fault: TensorFault, for output: CheckedOutput, at place: String, format: BinaryFormat = .binary64
  ) -> String {
    let isForAll = fault.path.isEmpty && output.inCatalogue.descriptor.hasClassAxis
    let wanted =
      isForAll
      ? "an array of the logits' shape, which tolist() makes of Python's arrays and tensors"
      : "a number, or one of the strings \"NaN\", \"Infinity\" and \"-Infinity\""
    return sentence(about: fault, at: place, wanted: wanted, format: format)
  }

  private func sentence(
    about fault: TensorFault, at place: String, wanted: String, format: BinaryFormat = .binary64
  ) -> String {
    switch fault.reason {
    case .null:
      let hint = fault.path.isEmpty ? "" : "; JavaScript writes NaN and Infinity as null"
      return "\(place) is null; send \(wanted)\(hint)"
    case .boolean: return "\(place) is a boolean; send \(wanted)"
    case .number: return "\(place) is a number; send \(wanted)"
    case .object:
      return
        "\(place) is an object; send \(wanted); JavaScript writes a typed array as an object: send Array.from of it"
    case .string(let text):
      return "\(place) is the string \(quoted(text)); send \(wanted)"
        + (JSONNumber(text) != nil ? "; numbers are written without quotation marks" : "")
    case .outOfRange(let isNegative): return "\(place) \(format.complaintAboutRange(isNegative: isNegative))"
    case .ragged(let expected, let found):
      return "\(place) has \(counted(found, "element")), but its siblings have \(expected); "
        + "arrays at the same depth must have the same length"
    case .mixedDepth:
      return "\(place) is not at the depth of the elements before it; all must be nested equally deep"
    case .empty: return "\(place) is an empty array; send at least one number"
    case .tooDeep:
      let most = TensorShape.maximumRank
      return "\(place) is nested deeper than \(most) arrays; send a tensor of rank 1 to \(most)"
    }
  }

  /// A word in a class index's place, or a number beyond the range.
  func sentence(aboutIndex fault: TensorFault, classes: Int?, at place: String) -> String {
    let found = if case .string(let text) = fault.reason { "the string \(quoted(text))" } else { "beyond the range" }
    let range = classes.map { "a number from 0 to \($0 - 1)" } ?? "a number from 0 on"
    return "\(place) is \(found); send the class's index, \(range)"
  }

  private func elementDemand(for input: Input) -> String {
    let demand = input.descriptor.elementDemand
    return input.descriptor.elements == .logits ? "\(demand), or \(mask) to mask the class" : demand
  }

  /// A value of another kind than the parameter's.
  func sentence(about found: JSONKind, insteadOf parameter: Parameter, at place: String) -> String {
    let isQuotedNumber = found == .string && parameter.descriptor.isNumber
    let hint = found == .array ? parameter.descriptor.insteadOfArray : nil
    return "\(place) is \(found.displayName); it must be \(parameter.descriptor.demand)"
      + (isQuotedNumber ? ", written without quotation marks" : "") + (hint.map { "; \($0)" } ?? "")
  }
}

extension JSONWire {
  /// What /check compares, in a sentence after "send".
  static let candidateDemand = #"an object of your numbers by the names of outputs, such as {"gradient": [0.2, -0.2]}"#

  /// Members of the output "derivation".
  private static let ofDerivation = ["y_hat", "dL_dy_hat_l", "quotient_rule", "dy_hat_l_da", "chain_rule"]

  /// A name under which there is nothing to compare.
  static func sentence(aboutCandidate name: String, at place: String) -> String {
    let known = CheckedOutput.allCases
    let output = ofDerivation.contains(name) ? .derivation : Output.allCases.first { $0.name == name }
    if let output, let operation = output.descriptor.operations.operations.last {
      return "\(place) is no output that can be checked; "
        + "compare it with the output \(quoted(output.name)) of \(operation.path)"
    }
    let cure =
      NameSuggestion.sentence(nearestTo: name, among: known, name: \.name, aliases: \.aliases)
      ?? "it may hold \(listed(known.map { quoted($0.name) }))"
    return "\(place) is no output that can be checked; \(cure)"
  }

  static func sentence(aboutUnknown name: String, in operation: Operation, at place: String) -> String {
    if operation == .check,
      let output = CheckedOutput.allCases.first(where: { $0.name == name || $0.aliases.contains(name) })
    {
      let candidate = quoted(RequestField.candidate.name)
      return "\(place) belongs inside \(candidate); send \(candidate): {\(quoted(output.name)): …}"
    }
    let all = listed(operation.fields.map { quoted($0.name) })
    let isOutput = operation.outputs.contains { $0.name == name }
    if let field = RequestField(name: name), !isOutput {
      let cure =
        operation == .check && field == .input(.targetLogits)
        ? CheckRequest.insteadOfTeacher : "\(operation.path) takes \(all)"
      return "\(place) belongs to \(listed(field.operations.map(\.path))); \(cure)"
    }
    let isAliasOfField = operation.fields.contains { $0.aliases.contains(name) }
    if let output = Output.allCases.first(where: { $0.name == name })
      ?? (isAliasOfField ? nil : operation.outputs.first(named: name))
    {
      return operation.outputs.contains(output)
        ? "\(place) is an output, not a member; ask for it with \"outputs\": [\(quoted(output.name))]"
        : "\(place) is an output of \(listed(output.descriptor.operations.operations.map(\.path))), "
          + "and no member of \(operation.path)"
    }
    if let cure = NameSuggestion.cure(for: name) { return "\(place) is not a member of \(operation.path); \(cure)" }
    let nearest = NameSuggestion.sentence(
      nearestTo: name, among: operation.fields, name: \.name, aliases: \.aliases)
    return "\(place) is not a member of \(operation.path)" + (nearest.map { "; \($0)" } ?? ", which takes \(all)")
  }
}
