import Softmax

/// A request as a wire delivers it: named tensors, scalars and outputs that could be read, their meaning not yet looked
/// at.
///
/// Every wire reads into this value, and notes in `faults` what it could not read; ``Validator`` does the rest.
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
  /// Whether one name stands in place of the list of them.
  var hasOutputAlone = false
  /// Whether /check was sent a teacher's logits, which it does not take: then no other target is missing.
  var hasTeacher = false
  /// The caller's own numbers that could be read, for outputs that differ.
  var candidates: [(output: CheckedOutput, tensor: Tensor)] = []
  var faults = FaultList()
  /// Whether there were more logits than allowed; then there is no tensor of them.
  var hasTooManyLogits = false
  /// The input `where`; nil where it is left out or could not be read.
  var mask: Mask?

  /// The inputs that could be read, and their tensors: apart, so that looking for an input copies no tensor.
  private(set) var inputs = ShortList<Input>()
  private var tensors = ShortList<Tensor>()
  /// The parameters that could be read.
  private(set) var parameters: [(parameter: Parameter, scalar: Scalar)] = []

  /// The tensor of an input; nil where it is left out or could not be read.
  subscript(input: Input) -> Tensor? { index(of: input).map { tensors[$0] } }

  /// The shape of an input's tensor: looking at it alone copies no tensor.
  func shape(of input: Input) -> TensorShape? {
    guard let index = index(of: input) else { return nil }
    return tensors[index].shape
  }

  /// The input that holds the prediction: the logits, or the probabilities in their place.
  var prediction: Input { shape(of: .logits) == nil ? .probabilities : .logits }

  /// Whether it names probabilities and no logits.
  var hasProbabilitiesAlone: Bool {
    present.contains(.input(.probabilities)) && !present.contains(.input(.logits))
  }

  /// The numbers of an input, as the tensor has them.
  func values(of input: Input) -> Numbers? {
    guard let index = index(of: input) else { return nil }
    return tensors[index].values
  }

  private func index(of input: Input) -> Int? { inputs.firstIndex(of: input) }

  /// The value of a parameter; nil where it is left out or could not be read.
  subscript(parameter: Parameter) -> Scalar? { parameters.first { $0.parameter == parameter }?.scalar }

  mutating func set(_ input: Input, _ tensor: consuming Tensor) {
    inputs.append(input)
    tensors.append(tensor)
  }

  /// Takes an input's tensor out, so that it can be changed in place and set again.
  mutating func take(_ input: Input) -> Tensor? {
    guard let index = index(of: input) else { return nil }
    _ = inputs.remove(at: index)
    return tensors.remove(at: index)
  }

  mutating func set(_ parameter: Parameter, _ scalar: Scalar) { parameters.append((parameter, scalar)) }

  /// Notes a tensor of more elements than a request may have logits; that of logits has an answer of its own.
  mutating func noteTooLarge(_ location: Location, _ elements: String = "numbers", limits: Limits) {
    guard location != .field(.input(.logits)) else {
      hasTooManyLogits = true
      return
    }
    faults.append(location) {
      "\($0) holds more than \(limits.logits) \(elements), the most that logits may have (--max-logits); "
        + "send several requests"
    }
  }

  /// Where the name of an output stands.
  func location(ofOutput index: Int) -> Location { .field(.outputs, hasOutputAlone ? [] : [index]) }
}
