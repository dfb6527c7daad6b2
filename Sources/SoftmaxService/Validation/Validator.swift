import Softmax

/// Turns what was read into a computation that cannot be wrong.
///
/// A sound request is checked by Softmax alone, in one pass over its numbers; only when something is wrong are all
/// faults looked for. What no other check can go on without, the logits and their axis, is established first.
struct Validator: ~Copyable {
  let request: UnvalidatedRequest
  let operation: Operation
  let limits: Limits
  /// How the client is told of places and values.
  let wire: any Wire

  let parameters: ParameterValues
  let geometry: Geometry
  let outputs: OutputList
  var faults: FaultList

  /// Turns a request into a computation.
  /// - Throws: ``RequestError``, with all faults up to ``FaultList/maximumCount``.
  static func validate(
    _ request: consuming UnvalidatedRequest, for operation: Operation, limits: Limits, wire: any Wire
  ) throws(RequestError) -> ValidatedRequest {
    var validator = try Validator(request, for: operation, limits: limits, wire: wire)
    return try validator.validated()
  }

  /// Reads parameters, outputs and the logits' shape.
  private init(
    _ request: consuming UnvalidatedRequest, for operation: Operation, limits: Limits, wire: any Wire
  ) throws(RequestError) {
    if request.hasTooManyLogits { throw .tooManyLogits(limit: limits.logits) }
    var faults = request.faults
    let parameters = Self.parameters(of: request, &faults)
    let outputs = Self.outputs(of: request, for: operation, wire: wire, &faults)
    if !request.present.contains(operation.required) {
      for input in operation.requiredInputs where !request.present.contains(.input(input)) {
        if let other = operation.alternative(to: input), request.present.contains(.input(other)) { continue }
        faults.append(.request) { _ in "\(quoted(input.name)) is missing: send \(wire.demand(for: input))" }
      }
    }
    let predicted = request.prediction
    guard let shape = request.shape(of: predicted) else { throw .invalid(faults) }
    guard shape.count > 0 else {
      let isFinite = request.values(of: predicted)?.first?.isFinite ?? true
      faults.append(.field(.input(predicted))) {
        "\($0) is \(wire.scalarTensor(isFinite: isFinite)); send \(wire.demand(for: predicted))"
      }
      throw .invalid(faults)
    }
    if request.present.contains(.parameter(.axis)), request[.axis] == nil { throw .invalid(faults) }
    guard let geometry = Geometry(shape: shape, givenAxis: parameters[.axis]) else {
      let rank = shape.count
      faults.append(.field(.parameter(.axis))) {
        "\($0) is \(text(of: parameters[.axis])); "
          + "for \(predicted.name) of rank \(rank) it must be an integer from \(-rank) to \(rank - 1)"
      }
      throw .invalid(faults)
    }
    self.request = request
    self.operation = operation
    self.limits = limits
    self.wire = wire
    self.parameters = parameters
    self.geometry = geometry
    self.outputs = outputs
    self.faults = faults
  }

  /// The parameters, each at its default where it is left out or at fault.
  static func parameters(
    of request: borrowing UnvalidatedRequest, _ faults: inout FaultList
  ) -> ParameterValues {
    var values = ParameterValues()
    for (parameter, scalar) in request.parameters {
      switch parameter.descriptor.value(of: scalar) {
      case .success(let value): values.set(parameter, to: value)
      case .failure(let complaint):
        // The axis is checked against the rank, which says more than that it is no integer.
        if parameter == .axis, case .number(let number) = scalar {
          values.set(.axis, to: number)
        } else {
          faults.append(.field(.parameter(parameter))) { "\($0) \(complaint.sentence)" }
        }
      }
    }
    return values
  }

  private mutating func validated() throws(RequestError) -> ValidatedRequest {
    noteWrongShapes()
    noteProbabilityOfOneClass()
    // The default outputs of the required inputs go with one another.
    if request.present != operation.required {
      noteUnfitOutputs()
      noteUnfitCombinations()
    }
    var complaint: ProblemError?
    if faults.isEmpty {
      do throws(ProblemError) {
        if let work = try work() {
          return ValidatedRequest(
            plan: ResponsePlan(
              geometry: geometry, outputs: outputs, format: parameters.dataType.format,
              hasLosses: parameters.reduction == .none,
              topCount: Int(parameters.value(ifGiven: .topK) ?? 1)),
            work: work)
        }
      } catch {
        complaint = error
      }
    }
    noteWrongValues()
    guard faults.isEmpty else { throw .invalid(faults) }
    throw complaint == .zeroNormaliser ? .zeroNormaliser(zeroNormaliserFault()) : .inconsistency
  }

  /// What to compute, or nil when numbers that Softmax does not check are at fault.
  /// - Throws: what Softmax finds at fault.
  private func work() throws(ProblemError) -> ValidatedRequest.Work? {
    let takesProbabilities = request.present.contains(.input(.probabilities))
    guard let logits = takesProbabilities ? request.values(of: .probabilities) : maskedLogits() else { return nil }
    let softmax = try SoftmaxProblem(
      logits: logits, layout: geometry.layout, temperature: parameters[.temperature],
      softcap: parameters.value(ifGiven: .softcap), format: parameters.dataType.format,
      allowsEmptyRows: allowsEmptyRows)
    switch operation {
    case .softmax: return .softmax(softmax)
    case .loss, .gradient, .check: break
    }
    guard let (target, ignoreIndex) = checkedTarget() else { return nil }
    var derivedClass: Int?
    if outputs.contains(.derivation) {
      guard case .indices(let classes) = target, let first = classes.first, first != ignoreIndex,
        logits[first] > -.infinity
      else { return nil }
      derivedClass = first
    }
    let upstream = request.values(of: .upstream)?.array
    if let upstream, !upstream.allSatisfy(\.isFinite) { return nil }
    let vector = request.values(of: .vector)
    if let vector, !vector.areFinite { return nil }
    let loss = try LossProblem(
      softmax: softmax, takesProbabilities: takesProbabilities, target: target,
      weight: request.values(of: .weight)?.array,
      sampleWeight: request.values(of: .sampleWeight)?.array, ignoreIndex: ignoreIndex,
      labelSmoothing: parameters[.labelSmoothing], reduction: parameters.reduction.reduction,
      zLoss: parameters[.zLoss], focalGamma: parameters[.focalGamma], divisor: parameters.value(ifGiven: .divisor))
    return .loss(
      ValidatedRequest.LossWork(problem: loss, upstream: upstream, vector: vector, derivedClass: derivedClass))
  }
}

// MARK: Masks

extension Validator {
  /// Whether a row may have no class at all: in a loss, that of an item that counts for nothing.
  var allowsEmptyRows: Bool { operation != .softmax || parameters.empty == .zero }

  /// The logits, with -Infinity for the classes that `where` excludes.
  func maskedLogits() -> Numbers? {
    guard var logits = request.values(of: .logits) else { return nil }
    guard let mask = request.mask else { return logits }
    let (layout, shape) = (geometry.layout, geometry.shape)
    logits.withArray { logits in
      if mask.shape == shape {
        var logits = logits.mutableSpan
        let takePart = mask.values.span
        for position in takePart.indices { logits[position] = takePart[position] ? logits[position] : -.infinity }
      } else if mask.shape == [layout.classes] {
        for n in 0..<layout.batch {
          let start = layout.start(of: n)
          for c in 0..<layout.classes where !mask.values[c] { logits[start + c * layout.inner] = -.infinity }
        }
      }
    }
    return logits
  }
}

// MARK: Class indices as integers

extension Validator {
  /// The target as Softmax takes it, or nil when a class index is neither a class nor `ignore_index`.
  ///
  /// An `ignore_index` may be any integer that binary64 holds, also beyond `Int`. Such a one is replaced by the end of
  /// `Int`'s range on its side, which equals no class, and which no other target that is let through becomes.
  private func checkedTarget() -> (target: Target, ignoreIndex: Int)? {
    let ignored = parameters[.ignoreIndex]
    let ignoreIndex = Int(exactly: ignored) ?? (ignored < 0 ? Int.min : Int.max)
    if let teacher = request.values(of: .targetLogits) {
      return (.logits(teacher), ignoreIndex)
    }
    let values = request.values(of: .target) ?? []
    guard let shape = request.shape(of: .target), geometry.targetKind(shape) == .indices else {
      return (.probabilities(values), ignoreIndex)
    }
    guard let indices = classIndices(values.array, ignoring: ignored, as: ignoreIndex) else { return nil }
    return (.indices(indices), ignoreIndex)
  }

  private func classIndices(_ values: [Double], ignoring ignored: Double, as ignoreIndex: Int) -> [Int]? {
    let classes = Double(geometry.classes)
    var indices = [Int](repeating: ignoreIndex, count: values.count)
    var places = indices.mutableSpan
    let numbers = values.span
    for position in numbers.indices where numbers[position] != ignored {
      guard let index = Geometry.classIndex(numbers[position], of: classes) else { return nil }
      places[position] = index
    }
    return indices
  }
}
