import HTTP
import Softmax

/// Every number that its tensor does not allow. Only looked for when there is one, or when there are other faults.
extension Validator {
  mutating func noteWrongValues() {
    for input in request.inputs {
      guard let tensor = request[input] else { continue }
      switch input.descriptor.elements {
      case .logits: noteWrongLogits(tensor, input)
      case .classesOrProbabilities: noteWrongTarget(tensor)
      case .probabilities:
        note(tensor, input, unless: LossProblem.isProbability, "a probability must be a number from 0 to 1")
      case .weights: note(tensor, input, unless: LossProblem.isWeight, "a weight must be a finite number of at least 0")
      case .booleans: break
      case .finite: note(tensor, input, unless: \.isFinite, "it must be a finite number")
      }
    }
    if request.present.contains(.input(.targetLogits)) { noteUnfitIgnoreIndex("\(Input.targetLogits.name) gives") }
    if outputs.contains(.derivation) { noteUnfitDerivedClass() }
  }

  private mutating func noteWrongLogits(_ tensor: UnvalidatedRequest.Tensor, _ input: Input) {
    let (layout, mask) = (geometry.layout, wire.mask)
    note(tensor, input, unless: SoftmaxProblem.isLogit, "a logit must be a finite number, or \(mask) to mask the class")
    // "where" and ignored items are matters of the logits, not of a teacher's.
    let isOwn = input == .logits
    guard tensor.shape == geometry.shape, !allowsEmptyRows || operation != .softmax,
      let logits = isOwn ? maskedLogits() : tensor.values
    else { return }
    let source = request.mask == nil || !isOwn ? mask : "\(quoted(Input.where.name)) or \(mask)"
    let mayBeEmpty = isOwn && operation != .softmax
    let otherCure =
      if operation == .softmax {
        ", or send " + wire.setting(.empty, quoted(EmptyRows.zero.rawValue))
      } else if isOwn, layout.batch > 1 {
        ", or give the item a \(quoted(Input.sampleWeight.name)) of 0"
      } else {
        ""
      }
    for n in 0..<layout.batch
    where SoftmaxProblem.isMasked(row: n, of: logits, layout) && !(mayBeEmpty && isIgnored(row: n)) {
      if faults.isTruncated { return }
      var path = Geometry.indices(of: layout.start(of: n), in: geometry.shape)
      // A row along the last axis is one array of the text; any other is pointed at by its first logit.
      let isArray = geometry.axis == geometry.rank - 1
      if isArray { path.removeLast() }
      faults.append(.field(.input(input), path)) {
        "\($0) \(isArray ? "" : "is in a slice that ")masks every class with \(source); "
          + "leave at least one finite logit\(otherCure)"
      }
    }
  }

  /// Whether an item of a loss counts for nothing, so that its logits may be wholly masked.
  private func isIgnored(row n: Int) -> Bool {
    let batch = geometry.layout.batch
    if let weights = request.values(of: .sampleWeight), weights.count == batch, weights[n] == 0 { return true }
    guard let target = request[.target], geometry.targetKind(target.shape) == .indices, target.values.count == batch
    else { return false }
    return target.values[n] == parameters[.ignoreIndex]
  }

  private mutating func noteWrongTarget(_ tensor: UnvalidatedRequest.Tensor) {
    switch geometry.targetKind(tensor.shape) {
    case .indices:
      // Which classes there are depends on the axis.
      if targetFitsAxis1(tensor.shape) { return }
      let (ignored, last) = (parameters[.ignoreIndex], geometry.classes - 1)
      note(
        tensor, .target, unless: { [geometry] in $0 == ignored || geometry.classIndex($0) != nil },
        "a class index must be an integer from 0 to \(last), "
          + "or \(text(of: ignored)) (\(quoted(Parameter.ignoreIndex.name))) to ignore the slice"
          + (last == 0 ? "; for a binary, sigmoid cross-entropy send the logits [0, z] and the target 0 or 1" : ""))
    case .probabilities:
      note(tensor, .target, unless: LossProblem.isWeight, "a probability must be a finite number of at least 0")
      noteUnfitIgnoreIndex("the target holds")
    case nil: break
    }
  }

  private mutating func noteUnfitIgnoreIndex(_ source: String) {
    let ignored = parameters[.ignoreIndex]
    guard ignored >= 0 else { return }
    faults.append(.field(.parameter(.ignoreIndex))) {
      "\($0) is \(text(of: ignored)), but \(source) probabilities, which have no index to ignore; "
        + "leave it out, and give items to ignore a \(quoted(Input.sampleWeight.name)) of 0"
    }
  }

  /// Notes each number of a tensor that is not as it must be.
  private mutating func note(
    _ tensor: UnvalidatedRequest.Tensor, _ input: Input, unless isSound: (Double) -> Bool, _ demand: String
  ) {
    for position in tensor.values.indices where !isSound(tensor.values[position]) {
      faults.append(.field(.input(input), Geometry.indices(of: position, in: tensor.shape))) {
        "\($0) is \(text(of: tensor.values[position])); \(demand)"
      }
      if faults.isTruncated { return }
    }
  }

  private mutating func noteUnfitDerivedClass() {
    guard geometry.rank == 1, let target = request[.target], target.shape == [], let value = target.values.first,
      let logits = maskedLogits()
    else { return }
    if value == parameters[.ignoreIndex] {
      faults.append(.field(.input(.target))) {
        "\($0) is \(text(of: value)), which is \(quoted(Parameter.ignoreIndex.name)); "
          + "the output \(quoted(Output.derivation.name)) needs a class"
      }
    } else if let index = geometry.classIndex(value), logits[index] == -.infinity {
      let mask = wire.mask
      faults.append(.field(.input(.target))) {
        "\($0) is \(index), a class that \(mask) masks; "
          + "the output \(quoted(Output.derivation.name)) needs a class of finite logit"
      }
    }
  }

  /// Which input makes "mean" divide by zero.
  func zeroNormaliserFault() -> InputFault {
    let ignored = parameters[.ignoreIndex]
    let targets = request[.target]?.values ?? []
    let weights = request[.sampleWeight]?.values
    let (input, reason): (Input, String) =
      if let weights, weights.allSatisfy({ $0 == 0 }) {
        (.sampleWeight, "every sample weight is 0")
      } else if targets.allSatisfy({ $0 == ignored }) {
        (.target, "every target is ignored")
      } else if let weights, zip(targets, weights).allSatisfy({ $0 == ignored || $1 == 0 }) {
        (.sampleWeight, "every target that is not ignored has a sample weight of 0")
      } else {
        (.weight, "every target that is not ignored has a weight of 0")
      }
    return InputFault(location: .field(.input(input)), sentence: ProblemType.sentence(aboutZeroNormaliser: reason))
  }
}

/// Each tensor's shape against the logits'.
extension Validator {
  mutating func noteWrongShapes() {
    for place in request.inputs.indices {
      let input = request.inputs[place]
      guard let found = request.shape(of: input) else { continue }
      switch input.descriptor.shape {
      case .anyRank, .classesOrLogits: continue
      case .logits: note(input, found, shouldBe: geometry.shape, "one number for each logit")
      case .target: noteWrongTarget(found)
      case .classes: note(input, found, shouldBe: [geometry.classes], "one number for each class")
      case .batch:
        let batch = geometry.batchShape
        note(input, found, shouldBe: batch, batch.isEmpty ? "for the only slice" : "one number for each slice")
      case .losses:
        let isReduced = parameters.reduction != .none
        note(
          input, found, shouldBe: isReduced ? [] : geometry.batchShape,
          isReduced ? "as the loss under \(quoted(parameters.reduction.rawValue)) is one number" : "one for each loss")
      }
    }
    if let mask = request.mask { noteWrongMask(mask.shape) }
  }

  private mutating func noteWrongMask(_ found: TensorShape) {
    let (classes, whole): (TensorShape, TensorShape) = ([geometry.classes], geometry.shape)
    guard found != classes, found != whole else { return }
    faults.append(.field(.input(.where))) { [wire] in
      "\($0) \(found.isEmpty ? "is a single boolean" : wire.found(found)); "
        + "send \(wire.tensor(of: classes)), one boolean for each class"
        + (whole == classes ? "" : ", or \(wire.tensor(of: whole)), one for each logit")
    }
  }

  private mutating func note(
    _ input: Input, _ found: TensorShape, shouldBe shape: TensorShape, _ meaning: String
  ) {
    guard found != shape else { return }
    faults.append(.field(.input(input))) { [wire] in
      "\($0) \(wire.found(found)); send \(wire.tensor(of: shape)), \(meaning)"
    }
  }

  private mutating func noteWrongTarget(_ found: TensorShape) {
    let (batch, whole) = (geometry.batchShape, geometry.shape)
    guard found != batch, found != whole else { return }
    let hasAxisOfOne = !batch.isEmpty && found.count == batch.count + 1 && found.last == 1
    let cure =
      if hasAxisOfOne, found.removing(axis: batch.count) == batch {
        "drop its last axis: one class index for each slice, \(wire.tensor(of: batch))"
      } else {
        "send \(wire.tensor(of: batch)), a class index\(batch.isEmpty ? "" : " for each slice"), "
          + "or \(wire.tensor(of: whole)), a probability for each \(request.hasProbabilitiesAlone ? "class" : "logit")"
          + (targetFitsAxis1(found) ? "; it fits with \(wire.setting(.axis, "1")), as in PyTorch" : "")
      }
    faults.append(.field(.input(.target))) { [wire] in "\($0) \(wire.found(found)); \(cure)" }
  }

  /// Whether a target that does not fit would do so with PyTorch's class axis, which is not the last one from rank 3
  /// on.
  func targetFitsAxis1(_ found: TensorShape) -> Bool {
    geometry.rank > 2 && found != geometry.batchShape && found == geometry.shape.removing(axis: 1)
  }
}
