import Softmax

/// A request as a wire delivers it: named tensors, scalars and outputs that could be read, their meaning not yet looked
/// at.
///
/// Every wire reads into this value, and notes in `issues` what it could not read; ``Validator`` does the rest.
struct UnvalidatedRequest: ~Copyable, Sendable {
  /// A rectangular tensor; a single number has the shape [].
  struct Tensor: Sendable {
    var shape: TensorShape
    /// Row-major, the product of `shape` values; infinities and NaN are possible.
    var values: Numbers
    /// Where the values begin in the body, for a wire that reads them twice.
    var offset = 0
  }

  /// The booleans of the input `where`.
  struct Mask: Sendable {
    var shape: TensorShape
    /// Row-major, the product of `shape` values; `true` takes part.
    var values: [Bool]
  }

  /// A parameter's value.
  enum Scalar: Sendable, Equatable {
    case number(Double)
    case name(String)
  }

  /// The fields that the request holds, those that could not be read among them.
  var present = FieldSet()
  /// The outputs asked for, in order; nil where one could not be read. Nil as a whole where none is asked for.
  var outputs: [String?]?
  /// The caller's own numbers that could be read, for outputs that differ.
  var candidates: [(output: Output, tensor: Tensor)] = []
  var issues = IssueList()
  /// Whether there were more logits than allowed; then there is no tensor of them.
  var hasTooManyLogits = false
  /// The input `where`; nil where it is left out or could not be read.
  var mask: Mask?

  /// The inputs that could be read, and their tensors: apart, so that looking for an input copies no tensor.
  private(set) var inputs = ShortList<Input>()
  private var tensors = ShortList<Tensor>()
  private var scalars: [(parameter: Parameter, scalar: Scalar)] = []

  /// The tensor of an input; nil where it is left out or could not be read.
  subscript(input: Input) -> Tensor? { place(of: input).map { tensors[$0] } }

  /// The shape of an input's tensor: looking at it alone copies no tensor.
  func shape(of input: Input) -> TensorShape? {
    guard let place = place(of: input) else { return nil }
    return tensors[place].shape
  }

  /// The numbers of an input, as the tensor has them.
  func values(of input: Input) -> Numbers? {
    guard let place = place(of: input) else { return nil }
    return tensors[place].values
  }

  private func place(of input: Input) -> Int? { inputs.firstIndex(of: input) }

  /// The value of a parameter; nil where it is left out or could not be read.
  subscript(parameter: Parameter) -> Scalar? { scalars.first { $0.parameter == parameter }?.scalar }

  mutating func set(_ input: Input, _ tensor: consuming Tensor) {
    inputs.append(input)
    tensors.append(tensor)
  }
  /// Takes an input's tensor out, so that it can be changed in place and set again.
  mutating func take(_ input: Input) -> Tensor? {
    guard let place = place(of: input) else { return nil }
    _ = inputs.remove(at: place)
    return tensors.remove(at: place)
  }
  mutating func set(_ parameter: Parameter, _ scalar: Scalar) { scalars.append((parameter, scalar)) }

  /// The parameters that could be read.
  var givenParameters: [(parameter: Parameter, scalar: Scalar)] { scalars }
}

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
  var dataType: DataType { DataType(rawValue: Int(self[.dtype])) ?? .float64 }
  var empty: EmptySlices { EmptySlices(rawValue: Int(self[.empty])) ?? .refuse }
  var reduction: ReductionName { ReductionName(rawValue: Int(self[.reduction])) ?? .mean }

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
      return isIntegral(number) ? .success(number) : .failure(Complaint(text(of: number), demand))
    case (.choice(_, let names, let hints), .name(let name)):
      if let place = names.firstIndex(of: name) { return .success(Double(place)) }
      return .failure(Complaint(quoted(name), demand, hint: hints[name]))
    case (.number, .name(let name)), (.integer, .name(let name)):
      return .failure(Complaint("the name \(quoted(name))", demand))
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

func isIntegral(_ value: Double) -> Bool { value.isFinite && value.rounded(.towardZero) == value }
