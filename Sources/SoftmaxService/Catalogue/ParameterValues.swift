/// The scalars that steer a computation, each at its default unless it is set: a parameter given at its default is as
/// if it were left out.
struct ParameterValues: Sendable {
  /// By parameter: numbers as they are, choices as places in the descriptor's list.
  private var values = Self.defaults

  private static let defaults = InlineArray<15, Double> { Parameter.allCases[$0].descriptor.defaultValue }
  /// How many parameters there is room for: a test holds the catalogue to it.
  static var room: Int { defaults.count }

  subscript(parameter: Parameter) -> Double { values[parameter.rawValue] }

  mutating func set(_ parameter: Parameter, to value: Double) { values[parameter.rawValue] = value }

  /// A parameter that has no default; nil where it is left out.
  func value(ifGiven parameter: Parameter) -> Double? {
    let value = self[parameter]
    return value.isNaN ? nil : value
  }

  /// A parameter that is a choice.
  var dataType: DataType { DataType.allCases[Int(self[.dtype])] }
  var empty: EmptySlices { EmptySlices.allCases[Int(self[.empty])] }
  var reduction: ReductionName { ReductionName.allCases[Int(self[.reduction])] }

  /// Whether a parameter is at its default.
  func isDefault(_ parameter: Parameter) -> Bool {
    let (value, standard) = (self[parameter], Self.defaults[parameter.rawValue])
    return value == standard || value.isNaN
  }
}

extension ParameterDescriptor {
  /// A value that was read, as ``ParameterValues`` holds it, or a sentence that says what is wrong with it.
  ///
  /// The class axis is checked against the logits' rank later.
  func value(of scalar: UnvalidatedRequest.Scalar) -> Result<Double, Complaint> {
    switch (kind, scalar) {
    case (.number(_, let range), .number(let number)):
      if range.contains(number) { return .success(number) }
      return .failure(Complaint(text(of: number), demand, hint: range.hints[number]))
    case (.integer, .number(let number)):
      if number.isFinite, number.rounded() == number { return .success(number) }
      return .failure(Complaint(text(of: number), demand))
    case (.choice(_, let names, let hints), .name(let name)):
      if let place = names.firstIndex(of: name) { return .success(Double(place)) }
      return .failure(Complaint(quoted(name), demand, hint: hints[name]))
    case (.number, .name(let name)), (.integer, .name(let name)):
      return .failure(Complaint("the string \(quoted(name))", demand))
    case (.choice, .number(let number)):
      return .failure(Complaint(text(of: number), demand))
    }
  }

  /// What is wrong with a value.
  struct Complaint: Error {
    let sentence: String

    init(_ found: String, _ demand: String, hint: String? = nil) {
      sentence = "is \(found); it must be \(demand)" + (hint.map { "; \($0)" } ?? "")
    }
  }
}
