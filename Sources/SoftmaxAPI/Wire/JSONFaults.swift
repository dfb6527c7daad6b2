import NumericJSON
import SoftmaxCore

extension JSONKind {
  /// How a sentence names a value of the kind.
  var spoken: String {
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

/// Whether a text is a number of JSON.
private func isNumber(_ text: String) -> Bool {
  let bytes = Array(text.utf8)
  var reader = JSONReader(bytes.span)
  do throws(JSONSyntaxError) {
    guard try reader.peekKind() == .number else { return false }
    _ = try reader.readNumber()
    try reader.finish()
    return true
  } catch {
    return false
  }
}

extension JSONSyntaxError {
  /// What is wrong, and what to send instead.
  var sentence: String {
    reason == .nonFiniteLiteral
      ? "JSON has no NaN and no Infinity; send finite numbers or, to mask a class, the JSON string \"-Infinity\"."
      : description
  }
}

/// Why a program may have written null in a number's place without its author's knowing.
private let nullHint = "; JavaScript writes NaN and Infinity as null"

extension Member {
  /// What is wrong at a place of the member's tensor, and the cure.
  func sentence(about fault: TensorFault, at place: String) -> String {
    let wanted = fault.path.isEmpty ? tensor : element
    return switch fault.reason {
    case .null where fault.path.isEmpty && isOptional: "\(place) is null; leave it out, or send \(wanted)"
    case .null: "\(place) is null; send \(wanted)\(nullHint)"
    case .boolean: "\(place) is a boolean; send \(wanted)"
    case .object: "\(place) is an object; send \(wanted)"
    case .string(let text):
      "\(place) is the string \(quoted(text)); send \(wanted)"
        + (isNumber(text) ? "; numbers are written without quotation marks" : "")
    case .outOfRange: "\(place) is beyond the range of binary64; send a number of at most 1.7976931348623157e308"
    case .ragged(let expected, let found):
      "\(place) has \(found) element\(found == 1 ? "" : "s") where its first sibling has \(expected); all arrays of a level must be equally long"
    case .mixedDepth:
      "\(place) is nested to another depth than what is before it; all numbers must be nested equally deep"
    case .empty: "\(place) is an empty array; send at least one number"
    case .tooDeep:
      "\(place) is nested deeper than \(TensorShape.maximumRank) arrays; send a tensor of rank 1 to \(TensorShape.maximumRank)"
    }
  }

  /// Whether no endpoint asks for the tensor.
  private var isOptional: Bool { !Endpoint.allCases.contains { $0.requiredInputs.contains(self) } }

  /// What the member is as a whole.
  private var tensor: String {
    switch self {
    case .logits: "nested arrays of numbers, such as [1.5, -0.25, 3]"
    case .target: "a class index for each slice of the logits, or a probability for each logit"
    case .weight: "a list of finite numbers of at least 0, one for each class"
    case .sampleWeight: "a finite number of at least 0 for each slice of the logits"
    default: "a finite number for each loss"
    }
  }

  /// What the member's tensor is made of.
  private var element: String {
    switch self {
    case .logits: "a finite number, or \"-Infinity\" to mask the class"
    case .target: "a class index, or a probability"
    case .weight, .sampleWeight: "a finite number of at least 0"
    default: "a finite number"
    }
  }
}

extension Endpoint {
  /// What is wrong with a parameter, or at a place in the list of outputs, where something of another kind was found, and the
  /// cure.
  func sentence(about found: JSONKind, insteadOf member: Member, _ path: [Int], at place: String) -> String {
    let wanted = demand(at: member, path)
    guard found == .null, path.isEmpty else {
      let isNumber = found == .string && Parameters.areNumbers.contains(member)
      return "\(place) is \(found.spoken); it must be \(wanted)\(isNumber ? ", written without quotation marks" : "")"
    }
    return "\(place) is null; leave it out for \(defaultText(of: member)), or send \(wanted)"
      + (Parameters.areNumbers.contains(member) ? nullHint : "")
  }

  /// What stands for a parameter that is left out, or for the list of outputs.
  private func defaultText(of member: Member) -> String {
    member == .outputs
      ? "[\(defaultOutputs.map { quoted($0.name) }.joined(separator: ", "))]" : Parameters.defaultText(of: member)
  }

  private func demand(at member: Member, _ path: [Int]) -> String {
    switch member {
    case .dtype: listed(DataType.allCases.map { quoted($0.rawValue) }, "or")
    case .reduction: listed(ReductionName.allCases.map { quoted($0.rawValue) }, "or")
    case .outputs where path.isEmpty:
      "an array of names, such as [\(listed(defaultOutputs.prefix(1).map { quoted($0.name) }))]"
    case .outputs: "a string, an output's name"
    case .axis, .ignoreIndex: "an integer"
    default: "a finite number"
    }
  }

  /// The smallest body that the endpoint takes.
  var exampleBody: String {
    self == .softmax ? "{\"logits\": [1.5, -0.25, 3]}" : "{\"logits\": [1.5, -0.25, 3], \"target\": 2}"
  }
}

extension JSONRequest {
  /// Notes a member that the endpoint does not know, with the one that was probably meant.
  static func noteUnknown(_ name: String, _ endpoint: Endpoint, _ faults: inout FaultList) {
    faults.note(.unknown(name.prefixOfUTF8(256))) { spoken in
      if let member = Member(rawValue: name) {
        let homes = Endpoint.knowing(member).map(\.path)
        return "\(spoken) belongs to \(listed(homes)); \(endpoint.path) takes "
          + listed(endpoint.members.map { quoted($0.name) })
      }
      if let output = Output(rawValue: name) {
        return endpoint.outputs.contains(output)
          ? "\(spoken) is an output, not a member; ask for it with \"outputs\": [\(quoted(name))]"
          : "\(spoken) is an output of \(listed(Endpoint.knowing(output).map(\.path))), and no member of \(endpoint.path)"
      }
      guard let nearest = NearestName.member(nearestTo: name, in: endpoint) else {
        return "\(spoken) is not a member of \(endpoint.path), which takes "
          + listed(endpoint.members.map { quoted($0.name) })
      }
      return "\(spoken) is not a member of \(endpoint.path); the nearest is \(quoted(nearest.name)), and all are "
        + listed(endpoint.members.map { quoted($0.name) })
    }
  }
}
