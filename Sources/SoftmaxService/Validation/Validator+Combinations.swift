import Softmax

/// What cannot go together, though each is good by itself.
extension Validator {
  mutating func noteUnfitCombinations() {
    noteParametersOfOtherReductions()
    noteFocalLossOfManyClasses()
    noteTopCount()
    noteTwoForOne()
    noteInputsWithoutEffect()
    noteOptionsOfGivenProbabilities()
    for output in outputs {
      if output.descriptor.needsDistribution { noteUnfitDivergence(output) }
      if let input = output.descriptor.needsInput { noteUnfitHessian(output, of: input) }
    }
  }

  /// The number of top classes against all there are, and against the outputs that are about them.
  private mutating func noteTopCount() {
    guard operation == .softmax, let count = parameters.value(ifGiven: .topK) else { return }
    let classes = geometry.classes
    if count < 1 || count > Double(classes) {
      faults.append(.field(.parameter(.topK))) {
        "\($0) is \(text(of: count)); it must be an integer from 1 to \(classes), the number of classes"
      }
    }
    guard !outputs.contains(where: { $0.descriptor.needs == .topK }) else { return }
    let names = operation.outputs.filter { $0.descriptor.needs == .topK }.map { quoted($0.name) }
    faults.append(.field(.parameter(.topK))) {
      "\($0) is for the outputs \(listed(names)); ask for one of them, or leave it out"
    }
  }

  /// An input and the one that may stand in its place.
  private mutating func noteTwoForOne() {
    guard !request.present.isDisjoint(with: operation.alternatives) else { return }
    for input in operation.requiredInputs {
      guard let other = operation.alternative(to: input), request.present.contains(.input(input)),
        request.present.contains(.input(other))
      else { continue }
      faults.append(.field(.input(other))) {
        "\($0) stands in the place of \(quoted(input.name)), which is given too; leave out one or the other"
      }
    }
  }

  /// Inputs that only some outputs are made with, beside none of these.
  private mutating func noteInputsWithoutEffect() {
    guard let asked = request.outputs, asked.count == outputs.count else { return }
    if request.present.contains(.input(.upstream)), outputs.allSatisfy({ $0 == .loss || $0 == .klDivergence }) {
      faults.append(.field(.input(.upstream))) {
        "\($0) is what gradients are multiplied by, and none is asked for; "
          + "ask for \(quoted(Output.gradient.name)), or leave it out"
      }
    }
    // What goes with no option says so of the input itself.
    guard !outputs.contains(where: { $0.descriptor.onlyOption != nil }) else { return }
    for output in operation.outputs where !outputs.contains(output) {
      guard let input = output.descriptor.needsInput, request.present.contains(.input(input)) else { continue }
      faults.append(.field(.input(input))) {
        "\($0) is for the output \(quoted(output.name)); ask for it, or leave out \(quoted(input.name))"
      }
    }
  }

  /// Of probabilities that are given, no softmax is taken.
  private mutating func noteOptionsOfGivenProbabilities() {
    guard request.present.contains(.input(.probabilities)) else { return }
    let (probabilities, logits) = (quoted(Input.probabilities.name), quoted(Input.logits.name))
    var fields = given([.temperature, .softcap])
    for input in [Input.targetLogits, .where] where request.present.contains(.input(input)) {
      fields.append(.input(input))
    }
    for field in fields {
      faults.append(.field(field)) {
        "\($0) is an option of softmax, which is not taken of \(probabilities); leave it out, or send \(logits)"
      }
    }
    for field in given([.zLoss, .focalGamma]) {
      faults.append(.field(field)) {
        "\($0) needs \(logits), and \(probabilities) stand in their place; leave it out, or send \(logits)"
      }
    }
  }

  /// Softmax over one class is 1, whatever the logit.
  mutating func noteProbabilityOfOneClass() {
    guard geometry.classes == 1, request.shape(of: .logits) != nil, let target = request[.target],
      geometry.targetKind(target.shape) == .probabilities, target.shape == geometry.shape,
      let position = target.values.firstIndex(where: { $0 != 1 && LossProblem.isWeight($0) })
    else { return }
    faults.append(.field(.input(.target), Geometry.indices(of: position, in: target.shape))) {
      "\($0) is \(text(of: target.values[position])), a probability of the only class, "
        + "and softmax over one class is always 1; "
        + "for a binary, sigmoid cross-entropy send the logits [0, z] and the target [1-t, t]"
    }
  }

  private mutating func noteUnfitDivergence(_ output: Output) {
    let place = location(of: output)
    if let target = request[.target], geometry.targetKind(target.shape) == .indices {
      faults.append(place) {
        "\($0) is \(quoted(output.name)), which needs probabilities as the target "
          + "or \(quoted(Input.targetLogits.name)); of a class index it is the loss"
      }
    }
    let weight: [RequestField] = request.present.contains(.input(.weight)) ? [.input(.weight)] : []
    for field in weight + given([.labelSmoothing]) {
      faults.append(.field(field)) {
        "\($0) cannot go with the output \(quoted(output.name)), which is of the target as it is; "
          + "leave out one or the other"
      }
    }
  }

  /// Those of some parameters that are not at their defaults.
  private func given(_ candidates: [Parameter]) -> [RequestField] {
    candidates.filter { !parameters.isDefault($0) }.map(RequestField.parameter)
  }

  /// The Hessian is that of softmax cross-entropy alone.
  private mutating func noteUnfitHessian(_ output: Output, of vector: Input) {
    var fields = given([.softcap, .zLoss, .focalGamma])
    if request.present.contains(.input(.probabilities)) { fields.append(.input(.probabilities)) }
    if fields.isEmpty, !request.present.contains(.input(vector)) {
      let place = location(of: output)
      faults.append(place) { [wire] in
        "\($0) is \(quoted(output.name)), which needs \(quoted(vector.name)); send \(wire.demand(for: vector))"
      }
    }
    for field in fields {
      faults.append(.field(field)) {
        "\($0) cannot go with the output \(quoted(output.name)), which is of softmax cross-entropy alone; "
          + "leave out one or the other"
      }
    }
  }

  /// A parameter that means something under one reduction alone.
  private mutating func noteParametersOfOtherReductions() {
    for (parameter, _) in request.parameters {
      guard let only = parameter.descriptor.onlyUnder, parameters.reduction != only, !parameters.isDefault(parameter)
      else { continue }
      let condition = condition(only)
      faults.append(.field(.parameter(parameter))) { "\($0) \(condition)" }
    }
  }

  /// What is said of something that means nothing under the request's reduction.
  private func condition(_ only: ReductionName) -> String {
    "goes only with the reduction \(quoted(only.rawValue)), and this one is \(quoted(parameters.reduction.rawValue)); "
      + "leave out one or the other"
  }

  /// The focal loss is that of a single class.
  private mutating func noteFocalLossOfManyClasses() {
    guard parameters[.focalGamma] != 0 else { return }
    if parameters[.labelSmoothing] != 0 {
      faults.append(.field(.parameter(.focalGamma))) {
        "\($0) cannot go with \(quoted(Parameter.labelSmoothing.name)), which gives each class a share; "
          + "leave out one or the other"
      }
    }
    if request.present.contains(.input(.targetLogits)) {
      faults.append(.field(.parameter(.focalGamma))) {
        "\($0) needs class indices as the target, and \(quoted(Input.targetLogits.name)) gives each class a share; "
          + "leave out one or the other"
      }
    }
    if let target = request[.target], geometry.targetKind(target.shape) == .probabilities {
      faults.append(.field(.parameter(.focalGamma))) { [wire, geometry] in
        "\($0) needs class indices as the target, which holds probabilities; send a class index for each slice, "
          + "\(wire.tensor(of: geometry.batchShape)), or leave it out"
      }
    }
  }
}

/// What is asked for: whether the operation knows it, and whether it fits these logits and options.
extension Validator {
  /// The outputs asked for, or the default ones; those at fault left out.
  static func outputs(
    of request: borrowing UnvalidatedRequest, for operation: Operation, wire: any Wire, _ faults: inout FaultList
  ) -> OutputList {
    guard let names = request.outputs else { return defaultOutputs(of: request, for: operation) }
    let known = operation.outputs
    var checked = OutputList()
    for (index, name) in names.enumerated() {
      guard let name else { continue }
      if let output = known.first(where: { $0.name == name }) {
        if checked.contains(output) {
          faults.append(request.location(ofOutput: index)) { "\($0) is \(quoted(name)) again; name each output once" }
        } else {
          checked.append(output)
        }
      } else {
        faults.append(request.location(ofOutput: index)) { "\($0) is \(complaint(about: name, operation, wire))" }
      }
    }
    return checked
  }

  private static func defaultOutputs(
    of request: borrowing UnvalidatedRequest, for operation: Operation
  ) -> OutputList {
    var outputs =
      request.present.contains(.parameter(.topK)) ? operation.defaultOutputsOfTop : operation.defaultOutputs
    for output in operation.outputsWithInputs {
      if let input = output.descriptor.needsInput, request.present.contains(.input(input)) { outputs.append(output) }
    }
    return outputs
  }

  private static func complaint(about name: String, _ operation: Operation, _ wire: any Wire) -> String {
    let own = wire.name(of: operation)
    let all = listed(operation.outputs.map { quoted($0.name) })
    if let elsewhere = Output.allCases.first(where: { $0.name == name }) {
      let homes = listed(elsewhere.descriptor.operations.operations.map(wire.name))
      return "\(quoted(name)), an output of \(homes); \(own) answers \(all)"
    }
    let nearest = NameSuggestion.sentence(
      nearestTo: name, among: operation.outputs, name: \.name, aliases: \.descriptor.aliases.names)
    return "\(quoted(name)), which \(own) does not know; "
      + (nearest.map { "\($0), and all are \(all)" } ?? "it knows \(all)")
  }

  func location(of output: Output) -> Location {
    guard let index = request.outputs?.firstIndex(of: output.name) else { return .field(.outputs) }
    return request.location(ofOutput: index)
  }

  /// Refuses outputs that these logits or options do not allow.
  mutating func noteUnfitOutputs() {
    for output in outputs {
      let descriptor = output.descriptor
      if descriptor.needsSingleRow, geometry.rank != 1 {
        let location = location(of: output)
        faults.append(location) { [geometry] in
          "\($0) is \(quoted(output.name)), which needs logits of rank 1; these have shape \(geometry.shape): "
            + "send each slice in a request of its own"
        }
      }
      if let needed = descriptor.needs, !request.present.contains(.parameter(needed)) {
        let location = location(of: output)
        faults.append(location) { [wire] in
          "\($0) is \(quoted(output.name)), which needs \(quoted(needed.name)); "
            + "send it, such as \(wire.setting(needed, "1"))"
        }
      }
      if let only = descriptor.onlyUnder, parameters.reduction != only {
        let (location, condition) = (location(of: output), condition(only))
        faults.append(location) { "\($0) is \(quoted(output.name)), which \(condition)" }
      }
      if isTooLarge(descriptor.content) {
        let location = location(of: output)
        faults.append(location) { [limits, geometry] in
          let found = "\($0) is \(quoted(output.name)), which is answered for at most "
          return geometry.classes > limits.jacobianClasses
            ? found + "\(limits.jacobianClasses) classes; the logits have \(geometry.classes): "
              + "leave it out, or start the service with a larger --max-jacobian-classes"
            : found + "\(limits.logits) numbers; it would have \(geometry.layout.count * geometry.classes): "
              + (geometry.layout.batch > 1 ? "send fewer slices" : "leave it out")
              + ", or start the service with a larger --max-logits"
        }
      }
      if let only = descriptor.onlyOption { noteOptions(besides: only, with: output) }
    }
  }

  private func isTooLarge(_ content: OutputDescriptor.Content) -> Bool {
    switch content {
    case .numbers(.classesSquared), .indices(.classesSquared):
      // In this order, so that the product is within an integer's range.
      geometry.classes > limits.jacobianClasses || geometry.layout.count * geometry.classes > limits.logits
    case .numbers(.logits), .numbers(.batch), .numbers(.losses), .numbers(.top), .indices(.logits), .indices(.batch),
      .indices(.losses), .indices(.top), .derivation:
      false
    }
  }

  /// Refuses what cannot go with an output: every option but one, and targets other than a class index.
  private mutating func noteOptions(besides only: Parameter, with output: Output) {
    let inputs = operation.optionalInputs.map(RequestField.input).filter(request.present.contains)
    let parameters = operation.parameters.filter { parameter in
      // Of logits of rank 1, axis 0 is the default by its other name.
      parameter != only
        && (parameter == .axis ? geometry.axis != geometry.rank - 1 : !self.parameters.isDefault(parameter))
    }
    for field in inputs + parameters.map(RequestField.parameter) {
      let isMask = field == .input(.where)
      faults.append(.field(field)) { [wire] in
        "\($0) cannot go with the output \(quoted(output.name)), whose only option is \(quoted(only.name)); "
          + (isMask ? "mask a class by \(wire.mask) as its logit" : "leave out one or the other")
      }
    }
    if geometry.rank == 1, let target = request[.target], geometry.targetKind(target.shape) == .probabilities {
      faults.append(.field(.input(.target))) { [wire] in
        "\($0) holds probabilities; "
          + "the output \(quoted(output.name)) needs a class index, \(wire.scalarTensor) such as 0"
      }
    }
  }
}
