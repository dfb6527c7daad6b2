import Softmax
import VectorKernels

/// A scalar that changes what is computed, under its name on every wire.
enum Parameter: Int, Sendable, CaseIterable {
  case axis, temperature, dtype, ignoreIndex, labelSmoothing, reduction, zLoss, focalGamma, softcap, divisor,
    inputDtype, empty, topK, rtol, atol

  var name: String { descriptor.name }

  var descriptor: ParameterDescriptor { Self.table[rawValue] }
  private static let table = allCases.map(\.declaration)

  private var declaration: ParameterDescriptor {
    switch self {
    case .axis:
      ParameterDescriptor(
        name: "axis", aliases: "dim", operations: .all, kind: .integer(default: -1),
        insteadOfArray: "to take several axes as one, flatten them into one in the tensors",
        summary: "the class axis, from -rank to rank-1")
    case .temperature:
      ParameterDescriptor(
        name: "temperature", aliases: "T tau temp", operations: .all,
        kind: .number(
          default: 1,
          .positive(hints: [0: "the limit for 0 is the output \"argmax\""])),
        summary: "what the logits are divided by")
    case .dtype:
      ParameterDescriptor(
        name: "dtype", aliases: "precision type", operations: .all,
        kind: .choice(default: DataType.float64, hints: DataType.hints),
        summary: "what each result is rounded to")
    case .ignoreIndex:
      ParameterDescriptor(
        name: "ignore_index", aliases: "", operations: [.loss, .gradient], kind: .integer(default: -100),
        summary: "the target that makes an item count for nothing")
    case .labelSmoothing:
      ParameterDescriptor(
        name: "label_smoothing", aliases: "epsilon eps smoothing", operations: [.loss, .gradient],
        kind: .number(default: 0, NumberRange("a number from 0 to 1", contains: LossProblem.isProbability)),
        summary: "the share of each target that is spread evenly over all classes")
    case .reduction:
      ParameterDescriptor(
        name: "reduction", aliases: "size_average reduce", operations: [.loss, .gradient],
        kind: .choice(
          default: ReductionName.mean,
          hints: [
            "avg": "here it is called \"mean\"", "average": "here it is called \"mean\"",
            "batchmean": "ask for \"mean\", with the number of slices as \"divisor\"",
            "sum_over_batch_size": "ask for \"mean\", with the number of slices as \"divisor\"",
          ]),
        summary: "what becomes of the items' losses")
    case .zLoss:
      ParameterDescriptor(
        name: "z_loss", aliases: "zloss z_loss_weight z_loss_multiplier lse_square_scale",
        operations: [.loss, .gradient],
        kind: .number(default: 0, .nonNegative),
        summary: "the factor of the squared log-sum-exp that each item's loss gains")
    case .focalGamma:
      ParameterDescriptor(
        name: "focal_gamma", aliases: "gamma", operations: [.loss, .gradient],
        kind: .number(default: 0, .nonNegative),
        summary: "the power of 1-p of the target class by which each item's loss is multiplied")
    case .softcap:
      ParameterDescriptor(
        name: "softcap",
        aliases: "soft_cap cap logit_cap logits_soft_cap final_logit_softcapping attn_logit_softcapping",
        operations: .all,
        kind: .number(
          default: nil,
          .positive(hints: [0: "leave it out where nothing caps the logits"])),
        summary: "the c of the logits c·tanh(a/c), before the temperature")
    case .divisor:
      ParameterDescriptor(
        name: "divisor", aliases: "normalizer normaliser denominator num_items_in_batch avg_factor batch_size",
        operations: [.loss, .gradient],
        kind: .number(default: nil, .positive()),
        onlyUnder: .mean, summary: "what \"mean\" divides by, in place of the sum of the weights")
    case .inputDtype:
      ParameterDescriptor(
        name: "input_dtype", aliases: "input_precision input_type", operations: .all,
        kind: .choice(default: DataType.float64, hints: DataType.hints),
        summary: "what each number of an input is rounded to, from its text")
    case .empty:
      ParameterDescriptor(
        name: "empty", aliases: "empty_slice on_empty", operations: [.softmax],
        kind: .choice(default: EmptyRows.refuse),
        summary: "what a slice gets whose classes are all masked")
    case .topK:
      ParameterDescriptor(
        name: "top_k", aliases: "k topk num_top n_probs top_logprobs", operations: [.softmax],
        kind: .integer(default: nil),
        isForCheck: false,
        summary: "of how many classes the outputs \"top_…\" are")
    case .rtol:
      ParameterDescriptor(
        name: "rtol", aliases: "rel_tol relative_tolerance", operations: [.check],
        kind: .number(default: nil, .nonNegative),
        summary: "the relative error that passes; where left out, what suits \"dtype\"")
    case .atol:
      ParameterDescriptor(
        name: "atol", aliases: "abs_tol absolute_tolerance", operations: [.check],
        kind: .number(default: 0, .nonNegative),
        summary: "the absolute error that passes beside it")
    }
  }
}

/// All that the service knows about a parameter, apart from what is computed with it.
struct ParameterDescriptor: Sendable {
  enum Kind: Sendable {
    /// Without a default, leaving it out means something that no number does.
    case number(default: Double?, NumberRange)
    case integer(default: Double?)
    /// One of these names, given by its index among them, and what to do instead of names that other libraries have.
    case choice(default: Int, names: [String], hints: [String: String])

    static func choice<Name: RawRepresentable<String> & CaseIterable>(
      default name: Name, hints: [String: String] = [:]
    ) -> Kind {
      let names = Name.allCases.map(\.rawValue)
      return .choice(default: names.firstIndex(of: name.rawValue) ?? 0, names: names, hints: hints)
    }
  }

  let name: String
  /// What other libraries call it.
  let aliases: NameList
  /// The operations that take it.
  let operations: OperationSet
  let kind: Kind
  /// The only reduction under which it means anything; nil where all are good.
  var onlyUnder: ReductionName?
  /// What to do instead of sending an array.
  var insteadOfArray: String?
  /// Whether /check takes it too, where it compares outputs of the operations.
  var isForCheck = true
  /// What it is, in half a sentence.
  let summary: String

  var isNumber: Bool {
    switch kind {
    case .number, .integer: true
    case .choice: false
    }
  }

  /// What to send, in a sentence after "must be".
  var demand: String {
    switch kind {
    case .number(_, let range): range.demand
    case .integer: "an integer"
    case .choice(_, let names, _): listed(names.map { quoted($0) }, "or")
    }
  }

  /// The value that stands for it where it is left out, as ``ParameterValues`` holds it; NaN, which no parameter may
  /// be, where none does.
  var defaultValue: Double {
    switch kind {
    case .number(let value, _), .integer(let value): value ?? .nan
    case .choice(let index, _, _): Double(index)
    }
  }

  /// The same as a text: `-1` or `mean`; nil where there is none.
  var defaultText: String? {
    switch kind {
    case .number(let value, _), .integer(let value): value.map { text(of: $0) }
    case .choice(let index, let names, _): names[index]
    }
  }

  /// The same in JSON: `-1` or `"mean"`; nil where there is none.
  var defaultJSON: String? { isNumber ? defaultText : defaultText.map { quoted($0) } }
}

/// The numbers that a parameter may be.
struct NumberRange: Sendable {
  /// In a sentence after "must be".
  let demand: String
  /// What to do instead of single numbers outside it.
  let hints: [Double: String]
  let contains: @Sendable (Double) -> Bool

  init(_ demand: String, hints: [Double: String] = [:], contains: @escaping @Sendable (Double) -> Bool) {
    self.demand = demand
    self.hints = hints
    self.contains = contains
  }

  /// Finite numbers greater than 0.
  static func positive(hints: [Double: String] = [:]) -> NumberRange {
    NumberRange("a finite number greater than 0", hints: hints, contains: SoftmaxProblem.isFactor)
  }

  /// Finite numbers of at least 0.
  static let nonNegative = NumberRange("a finite number of at least 0", contains: LossProblem.isWeight)
}

/// The names that `dtype` and `input_dtype` take.
enum DataType: String, Sendable, CaseIterable {
  case float64, float32, float16, bfloat16

  var format: BinaryFormat {
    switch self {
    case .float64: .binary64
    case .float32: .binary32
    case .float16: .binary16
    case .bfloat16: .bfloat16
    }
  }

  /// Other names for them.
  static let otherNames = [
    "half": float16, "fp16": float16, "f16": float16, "binary16": float16, "bf16": bfloat16, "float": float32,
    "single": float32, "fp32": float32, "f32": float32, "binary32": float32, "double": float64, "fp64": float64,
    "f64": float64, "binary64": float64,
  ]
  static let hints = otherNames.mapValues { "here it is called \(quoted($0.rawValue))" }
}

extension BinaryFormat {
  /// How sentences name it, as IEEE 754 does; a caller sends a ``DataType``.
  var name: String {
    switch self {
    case .binary64: "binary64"
    case .binary32: "binary32"
    case .binary16: "binary16"
    case .bfloat16: "bfloat16"
    default: "\(precision) bits"
    }
  }
}

/// The names that `empty` takes.
enum EmptyRows: String, Sendable, CaseIterable {
  case refuse, zero
}

/// The names that `reduction` takes.
enum ReductionName: String, Sendable, CaseIterable {
  case none, sum, mean

  var reduction: Reduction {
    switch self {
    case .mean: .mean
    case .none: .none
    case .sum: .sum
    }
  }
}

/// The scalars that steer a computation, each at its default unless it is set: a parameter given at its default is as
/// if it were left out.
///
/// What reads them is inlined, since a call would copy them all.
struct ParameterValues: Sendable {
  /// By parameter: numbers as they are, choices as indices in the descriptor's list.
  private var values = Self.defaults

  private static let defaults = InlineArray<15, Double> { Parameter.allCases[$0].descriptor.defaultValue }
  /// How many parameters there is room for: a test holds the catalogue to it.
  static var room: Int { defaults.count }

  @inline(__always)
  subscript(parameter: Parameter) -> Double { values[parameter.rawValue] }

  mutating func set(_ parameter: Parameter, to value: Double) { values[parameter.rawValue] = value }

  /// A parameter that has no default; nil where it is left out.
  @inline(__always)
  func value(ifGiven parameter: Parameter) -> Double? {
    let value = self[parameter]
    return value.isNaN ? nil : value
  }

  /// A parameter that is a choice.
  @inline(__always) var dataType: DataType { DataType.allCases[Int(self[.dtype])] }
  @inline(__always) var empty: EmptyRows { EmptyRows.allCases[Int(self[.empty])] }
  @inline(__always) var reduction: ReductionName { ReductionName.allCases[Int(self[.reduction])] }

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
      if let index = names.firstIndex(of: name) { return .success(Double(index)) }
      return .failure(Complaint(quoted(name), demand, hint: Self.hint(for: name, among: names, hints)))
    case (.number, .name(let name)), (.integer, .name(let name)):
      return .failure(Complaint("the string \(quoted(name))", demand))
    case (.choice, .number(let number)):
      return .failure(Complaint(text(of: number), demand))
    }
  }

  /// What is said of a name elsewhere: also with a module before it and in another case, such as `torch.Float32`.
  private static func hint(for name: String, among names: [String], _ hints: [String: String]) -> String? {
    guard name.utf8.count <= NameSuggestion.longestCompared, let last = name.split(separator: ".").last else {
      return nil
    }
    let plain = last.lowercased()
    return hints[plain] ?? (names.contains(plain) ? "here it is called \(quoted(plain))" : nil)
  }

  /// What is wrong with a value.
  struct Complaint: Error {
    let sentence: String

    init(_ found: String, _ demand: String, hint: String? = nil) {
      sentence = "is \(found); it must be \(demand)" + (hint.map { "; \($0)" } ?? "")
    }
  }
}
