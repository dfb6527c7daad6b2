import SoftmaxCore

extension RawRequest {
  /// The parameters, each at its default where it is absent or at fault.
  func checkedParameters(_ faults: inout FaultList) -> Parameters {
    var parameters = Parameters()
    if let temperature {
      if temperature > 0, temperature.isFinite {
        parameters.temperature = temperature
      } else {
        faults.note(.member(.temperature)) {
          "\($0) is \(text(of: temperature)); it must be a finite number greater than 0"
        }
      }
    }
    if let labelSmoothing {
      if labelSmoothing >= 0, labelSmoothing <= 1 {
        parameters.labelSmoothing = labelSmoothing
      } else {
        faults.note(.member(.labelSmoothing)) {
          "\($0) is \(text(of: labelSmoothing)); it must be a number from 0 to 1"
        }
      }
    }
    if let ignoreIndex {
      if isIntegral(ignoreIndex) {
        parameters.ignoreIndex = ignoreIndex
      } else {
        faults.note(.member(.ignoreIndex)) { "\($0) is \(text(of: ignoreIndex)); it must be an integer" }
      }
    }
    if let dtype { parameters.dtype = choice(dtype, .dtype, or: parameters.dtype, &faults) }
    if let reduction { parameters.reduction = choice(reduction, .reduction, or: parameters.reduction, &faults) }
    return parameters
  }

  private func choice<Choice: RawRepresentable<String> & CaseIterable>(
    _ text: String, _ member: Member, or substitute: Choice, _ faults: inout FaultList
  ) -> Choice {
    if let choice = Choice(rawValue: text) { return choice }
    faults.note(.member(member)) {
      "\($0) is \(quoted(text)); it must be \(listed(Choice.allCases.map { quoted($0.rawValue) }, "or"))"
    }
    return substitute
  }

  /// The outputs asked for, or the default ones; those at fault left out.
  func checkedOutputs(of endpoint: Endpoint, _ faults: inout FaultList) -> [Output] {
    guard let outputs else { return endpoint.defaultOutputs }
    var checked: [Output] = []
    if outputs.isEmpty {
      faults.note(.member(.outputs)) {
        "\($0) is empty; name at least one of \(listed(endpoint.outputs.map { quoted($0.name) })), or leave it out for "
          + listed(endpoint.defaultOutputs.map { quoted($0.name) })
      }
    }
    for (index, name) in outputs.enumerated() {
      guard let name else { continue }
      let place = Place.member(.outputs, [index])
      guard let output = Output(rawValue: name) else {
        faults.note(place) { spoken in
          let nearest = NearestName.output(nearestTo: name, in: endpoint)
          return "\(spoken) is \(quoted(name)), which \(endpoint.path) does not know"
            + (nearest.map { "; the nearest is \(quoted($0.name)), and all are " } ?? "; it knows ")
            + listed(endpoint.outputs.map { quoted($0.name) })
        }
        continue
      }
      guard endpoint.outputs.contains(output) else {
        faults.note(place) {
          "\($0) is \(quoted(name)), an output of \(listed(Endpoint.knowing(output).map(\.path))); \(endpoint.path) answers "
            + listed(endpoint.outputs.map { quoted($0.name) })
        }
        continue
      }
      if checked.contains(output) {
        faults.note(place) { "\($0) is \(quoted(name)) again; name each output once" }
      } else {
        checked.append(output)
      }
    }
    return checked
  }

  /// The logits' shape and class axis.
  /// - Throws: ``Refusal/invalid(_:)`` when either is at fault, with all faults so far.
  func checkedGeometry(of shape: TensorShape, _ faults: inout FaultList) throws(Refusal) -> Geometry {
    let rank = shape.count
    guard rank > 0 else {
      faults.note(.member(.logits)) { "\($0) is a bare number; send a list of logits, such as [1.5, -0.25, 3]" }
      throw .invalid(faults)
    }
    if axis == nil, present.contains(.axis) { throw .invalid(faults) }
    let given = axis ?? Double(Parameters().axis)
    guard let index = Int(exactly: given), (-rank..<rank).contains(index) else {
      faults.note(.member(.axis)) {
        "\($0) is \(text(of: given)); for logits of rank \(rank) it must be an integer from \(-rank) to \(rank - 1)"
      }
      throw .invalid(faults)
    }
    return Geometry(shape: shape, axis: index < 0 ? index + rank : index)
  }
}

func isIntegral(_ value: Double) -> Bool { value.isFinite && value.rounded(.towardZero) == value }

/// A number as a sentence shows it.
func text(of value: Double) -> String {
  if value.isNaN { return "NaN" }
  if value.isInfinite { return value < 0 ? "-Infinity" : "Infinity" }
  if let integer = Int(exactly: value), abs(value) < 1e15 { return "\(integer)" }
  return "\(value)"
}
