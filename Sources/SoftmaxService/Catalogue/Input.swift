/// A tensor that a request brings, under its name on every wire.
enum Input: Int, Sendable, CaseIterable {
  case logits, target, weight, sampleWeight, upstream, `where`, targetLogits, probabilities, vector

  var name: String { descriptor.name }

  var descriptor: InputDescriptor { Self.table[rawValue] }
  private static let table = allCases.map(\.declaration)

  private var declaration: InputDescriptor {
    switch self {
    case .logits:
      InputDescriptor(
        name: "logits", aliases: "input inputs x scores a data",
        requiredBy: [.softmax, .loss, .gradient], shape: .anyRank, elements: .logits,
        demand: "numbers", elementDemand: "a finite number",
        summary: "the numbers whose softmax is taken along the class axis")
    case .target:
      InputDescriptor(
        name: "target", aliases: "label labels targets y y_true class soft_targets soft_labels onehot one_hot",
        requiredBy: [.loss, .gradient], shape: .target, elements: .classesOrProbabilities,
        demand: "a class index for each slice, or a probability for each of its classes",
        elementDemand: "a class index, or a probability",
        summary: "what the loss compares softmax with")
    case .weight:
      InputDescriptor(
        name: "weight", aliases: "weights class_weight class_weights pos_weight alpha",
        optionalFor: [.loss, .gradient],
        shape: .classes, elements: .weights,
        demand: "a list of finite numbers of at least 0, one for each class",
        elementDemand: "a finite number of at least 0", isEmptyLeftOut: true,
        summary: "a weight for each class")
    case .sampleWeight:
      InputDescriptor(
        name: "sample_weight", aliases: "sample_weights", optionalFor: [.loss, .gradient], shape: .batch,
        elements: .weights,
        demand: "a finite number of at least 0 for each slice of the logits",
        elementDemand: "a finite number of at least 0",
        summary: "a weight for each slice of the logits")
    case .upstream:
      InputDescriptor(
        name: "upstream",
        aliases: "grad_output gradient_output grad_loss upstream_gradient upstream_grad dout cotangent",
        optionalFor: [.gradient], shape: .losses, elements: .finite, demand: "a finite number for each loss",
        elementDemand: "a finite number",
        summary: "the gradient with respect to each loss, by which the chain rule goes on")
    case .where:
      InputDescriptor(
        name: "where", aliases: "include", optionalFor: .all,
        shape: .classesOrLogits, elements: .booleans,
        demand:
          "true for each class that takes part and false for each that does not, for all slices or for each logit",
        elementDemand: "true or false", summary: "which classes take part")
    case .targetLogits:
      InputDescriptor(
        name: "target_logits", aliases: "teacher teacher_logits", optionalFor: [.loss, .gradient], insteadOf: .target,
        isForCheck: false, shape: .logits, elements: .logits, demand: "a finite number for each logit",
        elementDemand: "a finite number", isEmptyLeftOut: true,
        summary: "a teacher's logits, whose softmax is the target")
    case .probabilities:
      InputDescriptor(
        name: "probabilities", aliases: "probs prob p softmax y_hat yhat y_pred_probs",
        optionalFor: [.loss, .gradient], insteadOf: .logits,
        isForCheck: false, shape: .anyRank, elements: .probabilities, demand: "numbers from 0 to 1",
        elementDemand: "a number from 0 to 1", isEmptyLeftOut: true,
        summary: "probabilities, of which no softmax is taken")
    case .vector:
      InputDescriptor(
        name: "vector", aliases: "v tangent", optionalFor: [.gradient], isForCheck: false, shape: .logits,
        elements: .finite, demand: "a finite number for each logit", elementDemand: "a finite number",
        isEmptyLeftOut: true,
        summary: "what the Hessian is multiplied by")
    }
  }
}

/// All that the service knows about an input, apart from what is computed with it.
struct InputDescriptor: Sendable {
  let name: String
  /// What other libraries call it.
  let aliases: NameList
  var requiredBy: OperationSet = []
  var optionalFor: OperationSet = []
  /// The required input in whose place it stands, where it is given.
  var insteadOf: Input?
  /// Whether /check takes it where /softmax or /gradient does.
  var isForCheck = true
  let shape: ShapeRule
  let elements: ElementRule
  /// What to send as a whole, and as one element, in a sentence after "send".
  let demand: String
  let elementDemand: String
  /// Whether an empty array means that it is left out: several languages' clients send one for a list not set.
  var isEmptyLeftOut = false
  /// What it is, in half a sentence.
  let summary: String
}

/// The shape that an input must have.
enum ShapeRule: Sendable {
  /// Rank 1 to 8: the shape that the others are checked against.
  case anyRank
  /// The logits' shape.
  case logits
  /// The batch shape (class indices) or the logits' shape (probabilities).
  case target
  /// One number for each class.
  case classes
  /// One for each class, or for each logit.
  case classesOrLogits
  /// The logits' shape without the class axis.
  case batch
  /// The batch shape under the reduction "none", else a single number.
  case losses
}

/// The numbers that an input may hold.
enum ElementRule: Sendable {
  /// Finite, or -Infinity to mask a class, but not for a whole row.
  case logits
  /// Classes or `ignore_index`, or non-negative finite numbers, as the shape tells.
  case classesOrProbabilities
  /// From 0 to 1.
  case probabilities
  /// Non-negative and finite.
  case weights
  /// true or false, which are no numbers.
  case booleans
  case finite

  /// Whether any number below 0 may be among them.
  var mayBeNegative: Bool {
    switch self {
    case .logits, .finite: true
    case .classesOrProbabilities, .probabilities, .weights, .booleans: false
    }
  }
}
