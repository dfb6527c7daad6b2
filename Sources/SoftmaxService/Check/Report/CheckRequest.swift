import Softmax
import VectorKernels

/// What /check is asked: a problem, and the caller's own numbers for some of its outputs.
struct CheckRequest: Sendable {
  /// A caller's numbers for one output.
  struct Candidate: Sendable {
    let output: CheckedOutput
    let shape: TensorShape
    /// Row-major, each rounded to the format that the request names.
    let values: [Double]
  }

  private(set) var softmax: SoftmaxProblem
  /// The logits with those that `where` excludes; nil where it excludes none.
  let unmasked: [Double]?
  /// The loss and what belongs to it, where there is a target.
  private(set) var loss: ValidatedRequest.LossWork?
  private(set) var geometry: Geometry
  /// Not empty, no output twice, each of its output's shape.
  let candidates: [Candidate]
  let tolerance: Tolerance
  /// Whether the request names the format, also if it is the default: else the numbers may be of a shorter one.
  let namesFormat: Bool

  /// Validates what was read.
  /// - Throws: ``RequestError``, with all faults up to ``FaultList/maximumCount``.
  init(_ unvalidated: consuming UnvalidatedRequest, limits: Limits, wire: any Wire) throws(RequestError) {
    let given = unvalidated.candidates
    let isLoss = unvalidated.present.contains(.input(.target))
    namesFormat = unvalidated.present.contains(.parameter(.dtype))
    // What is wrong with parameters, the validator says.
    var ignored = FaultList()
    let parameters = Validator.parameters(of: unvalidated, &ignored)
    let tolerance = Tolerance(parameters)
    Self.noteWhatIsMissing(&unvalidated, parameters, wire)
    Self.noteOptionsWithoutEffect(&unvalidated, parameters)
    let logits = unvalidated.mask == nil ? nil : unvalidated.values(of: .logits)?.array
    let validated = try Validator.validate(
      consume unvalidated, for: isLoss ? .gradient : .softmax, limits: limits, wire: wire)
    let plan = validated.plan
    var faults = FaultList()
    for (output, tensor) in given where tensor.shape != plan.shape(of: output.inCatalogue) {
      faults.append(.candidate(output)) {
        Self.sentence(
          aboutShape: tensor.shape, of: output, insteadOf: plan.shape(of: output.inCatalogue), at: $0, wire)
      }
    }
    guard faults.isEmpty else { throw .invalid(faults) }
    switch validated.work {
    case .softmax(let problem): (softmax, loss) = (problem, nil)
    case .loss(let work): (softmax, loss) = (work.problem.softmax, work)
    }
    unmasked = logits.flatMap { [softmax] in $0 == softmax.logits.array ? nil : $0 }
    geometry = plan.geometry
    self.tolerance = tolerance
    candidates = given.map { output, tensor in
      let values = tensor.values.array
      // What is read is binary64 already.
      let rounded = plan.format == .binary64 ? values : values.map(plan.format.nearest)
      return Candidate(output: output, shape: tensor.shape, values: rounded)
    }
  }

  /// The same with another class axis, which class indices are taken along; nil where the tensors do not fit it.
  func with(axis: Int) -> CheckRequest? {
    guard let loss, case .indices = loss.problem.target, axis != geometry.axis,
      geometry.shape.removing(axis: axis) == geometry.batchShape
    else { return nil }
    var request = self
    request.geometry = Geometry(shape: geometry.shape, axis: axis)
    guard let softmax = try? softmax.with(request.geometry.layout), let problem = try? loss.problem.with(softmax) else {
      return nil
    }
    request.softmax = softmax
    request.loss = ValidatedRequest.LossWork(
      problem: problem, upstream: loss.upstream, vector: nil, derivedClass: nil)
    return request
  }

  /// The format in which the caller's numbers are compared.
  var format: BinaryFormat { softmax.format }

  /// Whether an output is one loss for all rows.
  func isReduced(_ output: CheckedOutput) -> Bool { output == .loss && loss?.problem.reduction != Reduction.none }

  /// What to do instead of sending a teacher's logits.
  static let insteadOfTeacher = "send softmax(target_logits / T) as \"target\""

  /// What the operations that compute do not demand: a candidate, and a target for the outputs of the loss.
  private static func noteWhatIsMissing(
    _ request: inout UnvalidatedRequest, _ parameters: ParameterValues, _ wire: any Wire
  ) {
    if request.candidates.isEmpty, request.faults.isEmpty {
      if request.present.contains(.candidate) {
        request.faults.append(.field(.candidate)) { "\($0) holds no numbers; send \(wire.candidateDemand)" }
      } else {
        request.faults.append(.request) { _ in
          "\(quoted(RequestField.candidate.name)) is missing: send \(wire.candidateDemand)"
        }
      }
    }
    guard !request.present.contains(.input(.target)), !request.hasTeacher else { return }
    let output = request.candidates.first { $0.output.isLossOrGradient }?.output.name
    let field = Operation.check.fields.first { field in
      guard request.present.contains(field), Operation.gradient.knows(field), !Operation.softmax.knows(field) else {
        return false
      }
      // Some clients send each default.
      if case .parameter(let parameter) = field { return !parameters.isDefault(parameter) }
      return true
    }
    guard let reason = output ?? field?.name else { return }
    request.faults.append(.request) { _ in
      "\(quoted(Input.target.name)) is missing, which \(quoted(reason)) needs: send \(wire.demand(for: .target))"
        + (output == nil ? "; or leave out \(quoted(reason))" : "")
    }
  }

  /// Options that only /softmax has, beside a target.
  private static func noteOptionsWithoutEffect(_ request: inout UnvalidatedRequest, _ parameters: ParameterValues) {
    guard request.present.contains(.input(.target)) else { return }
    for parameter in Operation.softmax.parameters
    where !Operation.gradient.knows(.parameter(parameter)) && !parameters.isDefault(parameter) {
      request.faults.append(.field(.parameter(parameter))) {
        "\($0) is an option of softmax alone, and has no effect beside \"target\"; leave out one or the other"
      }
    }
  }

  private static func sentence(
    aboutShape found: TensorShape, of output: CheckedOutput, insteadOf shape: TensorShape, at place: String,
    _ wire: any Wire
  ) -> String {
    var sentence = "\(place) \(wire.found(found)); the output is \(wire.tensor(of: shape))"
    if found.count > 1, found.elementsEqual(shape.reversed()) {
      sentence += "; it is transposed: send its transpose"
    } else if found.filter({ $0 != 1 }) == shape.filter({ $0 != 1 }) {
      sentence += "; drop or add axes of length 1"
    } else if output == .loss, found.isEmpty || shape.isEmpty {
      sentence += "; \"reduction\" says whether there is one loss or one for each slice"
    }
    return sentence
  }
}

/// How far a number may be from the exact one, as numpy.allclose has it: |candidate - exact| ≤ atol + rtol |exact|.
struct Tolerance: Sendable {
  let relative: Double
  let absolute: Double

  /// The request's own; where it names no relative one, that of its number format.
  init(_ parameters: ParameterValues) {
    absolute = parameters[.atol]
    relative = parameters.value(ifGiven: .rtol) ?? parameters.dataType.tolerance
  }

  /// Equal infinities pass; NaN never does, since no exact number is NaN.
  func allows(_ candidate: Double, for exact: Double) -> Bool {
    candidate == exact
      || candidate.isFinite && exact.isFinite
        && (candidate - exact).magnitude <= absolute + relative * exact.magnitude
  }
}

extension DataType {
  /// The relative error that passes where the request names none: what frameworks' own tests allow.
  fileprivate var tolerance: Double {
    switch self {
    case .float64: 1e-7
    case .float32: 1.3e-6
    case .float16: 1e-3
    case .bfloat16: 1.6e-2
    }
  }
}
