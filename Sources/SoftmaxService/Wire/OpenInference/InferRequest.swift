import NumericJSON
import Softmax

/// An infer request as its JSON has it: tensors under their names, not yet held against a model.
struct InferRequest {
  /// One object of `inputs` or of `outputs`. In a request the former bring numbers and the latter ask for them; in
  /// another model's answer, taken as a request, the latter bring them.
  struct Tensor {
    let place: TensorPlace
    var name: String?
    var shape: TensorShape?
    var datatype: TensorDatatype?
    var content = Content.none
    /// Whether an output is wanted in binary; nil where the request as a whole says so.
    var isBinary: Bool?
    /// How many classes of an output are wanted as texts, if that is wanted.
    var classes: Int?
  }

  enum Content {
    case none
    /// Numbers, and where in the JSON they begin.
    case numbers(ParsedTensor, start: Int)
    /// So many of the bytes that follow the JSON.
    case bytes(Int)

    var isNone: Bool {
      if case .none = self { true } else { false }
    }
  }

  var id: String?
  var inputs: [Tensor]?
  var outputs: [Tensor]?
  /// The parameters, numbers given as text among them.
  var parameters: [(name: String, scalar: UnvalidatedRequest.Scalar)] = []
  /// Whether outputs are wanted in binary where they do not say themselves.
  var hasBinaryOutputs = false
  var issues = IssueList()
  /// What is wrong with parameters: of no account where the request is another model's answer.
  var parameterIssues = IssueList()
}

extension InferRequest {
  /// Whether it is another model's answer: its outputs have numbers.
  var isAnswer: Bool { outputs?.contains { !$0.content.isNone } ?? false }

  /// The most numbers that are copied out of its tensors in binary: they are read where they are, unless there are
  /// booleans, which change the logits.
  var numbersToCopy: Int {
    let tensors = (inputs ?? []) + (outputs ?? [])
    guard tensors.contains(where: { $0.datatype == .bool }) else { return 0 }
    return tensors.reduce(0) { sum, tensor in
      guard case .bytes(let count) = tensor.content else { return sum }
      let (total, overflow) = sum.addingReportingOverflow(count / (tensor.datatype?.size ?? 1))
      return overflow ? .max : total
    }
  }
}

/// Where a tensor stands in the JSON.
struct TensorPlace: Hashable, Sendable {
  enum List: String, Sendable { case inputs, outputs }

  let list: List
  let index: Int

  var path: MemberPath { MemberPath(list.rawValue).element(index) }
}
