import HTTP
import NumericJSON
import Softmax

/// An infer request as its JSON has it: tensors under their names, not yet checked against a model.
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
    /// This many of the bytes that follow the JSON.
    case bytes(Int)

    var isNone: Bool {
      if case .none = self { true } else { false }
    }
  }

  /// What a parameter of the request is.
  enum ParameterValue {
    case scalar(UnvalidatedRequest.Scalar)
    /// A number beyond binary64's range, and the nearest one within.
    case beyond(Double)
    /// What no model takes.
    case other(JSONKind)
  }

  var id: String?
  var inputs: [Tensor]?
  var outputs: [Tensor]?
  /// The parameters, numbers given as text among them.
  var parameters: [(name: String, value: ParameterValue)] = []
  /// Whether outputs are wanted in binary where they do not say themselves.
  var hasBinaryOutputs = false
  var faults = FaultList()
  /// What is wrong with parameters: ignored where the request is another model's answer.
  var parameterFaults = FaultList()
}

extension InferRequest {
  /// Whether it is another model's answer: its outputs have numbers.
  var isResponse: Bool { outputs?.contains { !$0.content.isNone } ?? false }

  /// The most numbers that are copied out of its tensors in binary: they are read where they are, unless there are
  /// booleans, which change the logits.
  ///
  /// - Parameter left: how many bytes follow the JSON. A tensor that claims more is refused before it is copied.
  func numbersToCopy(from left: Int) -> Int {
    let tensors = (inputs ?? []) + (outputs ?? [])
    guard tensors.contains(where: { $0.datatype == .bool }) else { return 0 }
    var (left, numbers) = (left, 0)
    for tensor in tensors {
      guard case .bytes(let count) = tensor.content, count <= left else { continue }
      left -= count
      numbers += count / (tensor.datatype?.size ?? 1)
    }
    return numbers
  }
}

/// Where a tensor stands in the JSON.
struct TensorPlace: Hashable, Sendable {
  enum List: String, Sendable { case inputs, outputs }

  let list: List
  let index: Int

  var path: MemberPath { MemberPath(list.rawValue).element(index) }
}

/// How a body is divided into JSON and the tensors' bytes after it, by the field Inference-Header-Content-Length.
struct InferBody {
  /// How long the JSON is.
  let jsonBytes: Int
  /// Whether the field says so; without it, all of the body is JSON.
  private let isDeclared: Bool
  /// What a body without any JSON is: the numbers of the operation's only required input.
  private let rawInput: Input?

  /// - Throws: ``RequestError/invalid(_:)`` for a field that the body does not fit.
  init(_ head: RequestHead, _ body: Span<UInt8>, for operation: Operation) throws(RequestError) {
    let fields = head.fields.values(of: .inferenceHeaderContentLength)
    isDeclared = !fields.isEmpty
    guard let text = fields.first else {
      (jsonBytes, rawInput) = (body.count, nil)
      return
    }
    let name = FieldName.inferenceHeaderContentLength.text
    guard fields.count == 1, !text.isEmpty, text.utf8.allSatisfy(ASCII.isDigit) else {
      throw Self.invalid(
        "\(name) is \(quoted(fields.joined(separator: ", "))); it must be the number of bytes of the JSON, in digits")
    }
    // Digits that are no Int are a number that is larger than any body.
    guard let length = Int(text), length <= body.count else {
      throw Self.invalid(
        "\(name) is \(quoted(text)), but the body has \(body.count) bytes; send the length of its JSON")
    }
    jsonBytes = length
    let required = operation.requiredInputs
    rawInput = length == 0 ? required.first : nil
    guard length > 0 || required.count == 1 else {
      let names = listed(required.map { quoted($0.name) })
      throw Self.invalid(
        "\(name) is 0, and so the body one tensor alone, but this model needs \(names); send JSON before the bytes")
    }
  }

  private static func invalid(_ sentence: String) -> RequestError { .invalid(.request) { _ in sentence } }

  /// What the body asks for.
  ///
  /// - Throws: ``RequestError/malformed(detail:offset:)`` with the length to declare, where that is what is wrong.
  func request(_ body: Span<UInt8>, _ decoder: consuming InferRequestDecoder) throws(RequestError) -> InferRequest {
    if let rawInput { return raw(rawInput, bytes: body.count) }
    guard !body.isEmpty else {
      throw .malformed(detail: "The body is empty; send a JSON object, such as \(OpenInferenceWire.example)", offset: 0)
    }
    do throws(RequestError) {
      return try decoder.decode(body.extracting(0..<jsonBytes))
    } catch {
      guard case .malformed(let detail, let offset) = error else { throw error }
      let name = FieldName.inferenceHeaderContentLength.text
      guard let end = Self.endOfJSON(body), end != jsonBytes else {
        guard !isDeclared, let guess = BodyGuess(body, errorAt: offset) else { throw error }
        throw .malformed(
          detail: guess.sentence(
            example: OpenInferenceWire.example,
            bytes: "where it is one tensor of FP64 and nothing else, send the field \(name): 0"),
          offset: offset)
      }
      throw .malformed(
        detail: isDeclared
          ? "\(name) is \(jsonBytes), but the JSON ends at byte \(end); send \(end)"
          : "\(detail); where tensors follow the JSON in binary, send \(name): \(end)",
        offset: offset)
    }
  }

  /// A vector of FP64, answered in binary.
  private func raw(_ input: Input, bytes: Int) -> InferRequest {
    var tensor = InferRequest.Tensor(place: TensorPlace(list: .inputs, index: 0))
    tensor.name = input.name
    tensor.datatype = .fp64
    tensor.shape = [max(1, bytes / 8)]
    tensor.content = .bytes(bytes)
    var request = InferRequest()
    request.inputs = [tensor]
    request.hasBinaryOutputs = true
    return request
  }

  /// Where a JSON value at the beginning of the body ends; nil where there is none.
  private static func endOfJSON(_ body: Span<UInt8>) -> Int? {
    var reader = JSONReader(body, takesNonFiniteWords: true)
    do throws(JSONSyntaxError) {
      try reader.skipValue()
      return reader.offset
    } catch {
      return nil
    }
  }
}
