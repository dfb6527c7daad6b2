import Softmax

/// What is asked for: whether the operation knows it, and whether it fits these logits and options.
extension Validator {
  /// The outputs asked for, or the default ones; those at fault left out.
  static func outputs(
    of request: borrowing UnvalidatedRequest, for operation: Operation, wire: any Wire, _ issues: inout IssueList
  ) -> OutputList {
    guard let names = request.outputs else { return defaultOutputs(of: request, for: operation) }
    let known = operation.outputs
    var checked = OutputList()
    for (index, name) in names.enumerated() {
      guard let name else { continue }
      if let output = known.first(where: { $0.name == name }) {
        if checked.contains(output) {
          issues.append(.field(.outputs, [index])) { "\($0) is \(quoted(name)) again; name each output once" }
        } else {
          checked.append(output)
        }
      } else {
        issues.append(.field(.outputs, [index])) { "\($0) is \(complaint(about: name, operation, wire))" }
      }
    }
    return checked
  }

  private static func defaultOutputs(
    of request: borrowing UnvalidatedRequest, for operation: Operation
  ) -> OutputList {
    // Else "top_k" would have no effect.
    if operation == .softmax, request.present.contains(.parameter(.topK)) {
      return OutputList([.topIndices, .topProbabilities])
    }
    var outputs = operation.defaultOutputs
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
    guard let nearest = NameSuggestion.output(nearestTo: name, in: operation) else {
      return "\(quoted(name)), which \(own) does not know; it knows \(all)"
    }
    return
      "\(quoted(name)), which \(own) does not know; the nearest is \(quoted(nearest.name)), and all are \(all)"
  }

  func location(of output: Output) -> Location {
    .field(.outputs, request.outputs?.firstIndex(of: output.name).map { [$0] } ?? [])
  }

  /// Refuses outputs that these logits or options do not allow.
  mutating func noteUnfitOutputs() {
    for output in outputs {
      let descriptor = output.descriptor
      if descriptor.needsSingleSlice, geometry.rank != 1 {
        let location = location(of: output)
        issues.append(location) { [geometry] in
          "\($0) is \(quoted(output.name)), which needs logits of rank 1; these have shape \(geometry.shape): "
            + "send each slice in a request of its own"
        }
      }
      if let needed = descriptor.needs, !request.present.contains(.parameter(needed)) {
        let location = location(of: output)
        issues.append(location) { [wire] in
          "\($0) is \(quoted(output.name)), which needs \(quoted(needed.name)); send it, such as \(wire.setting(needed, "1"))"
        }
      }
      if let only = descriptor.onlyUnder, parameters.reduction != only {
        let location = location(of: output)
        let reduction = parameters.reduction.name
        issues.append(location) {
          "\($0) is \(quoted(output.name)), which goes only with the reduction \(quoted(only.name)), and this one is "
            + "\(quoted(reduction)); leave out one or the other"
        }
      }
      if isTooLarge(descriptor.content) {
        let location = location(of: output)
        issues.append(location) { [limits, geometry] in
          let found = "\($0) is \(quoted(output.name)), which is answered for at most "
          return geometry.classes > limits.jacobianClasses
            ? found + "\(limits.jacobianClasses) classes; the logits have \(geometry.classes)"
            : found + "\(limits.logits) numbers; it would have \(geometry.layout.count * geometry.classes): send fewer "
              + "slices"
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
      issues.append(.field(field)) {
        "\($0) cannot go with the output \(quoted(output.name)), whose only option is \(quoted(only.name)); "
          + "leave out one or the other"
      }
    }
    if geometry.rank == 1, let target = request[.target], geometry.targetKind(target.shape) == .probabilities {
      issues.append(.field(.input(.target))) { [wire] in
        "\($0) holds probabilities; the output \(quoted(output.name)) needs a class index, \(wire.scalarTensor) such as 0"
      }
    }
  }
}
