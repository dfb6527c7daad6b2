import NumericJSON
import Softmax
import VectorKernels

/// What a tensor brings to a model: an input of the operation, or the caller's own numbers for one of its outputs.
enum ModelInput: Hashable, Sendable {
  case input(Input)
  case candidate(CheckedOutput)

  /// The name of its tensor: the input's, or the output's after "candidate.".
  var name: String {
    switch self {
    case .input(let input): input.name
    case .candidate(let output): MemberPath(candidate: output).description
    }
  }

  /// What other libraries call it.
  var aliases: [String] {
    switch self {
    case .input(let input): input.descriptor.aliases.names
    case .candidate(let output): [output.name] + output.aliases
    }
  }

  var field: RequestField {
    switch self {
    case .input(let input): .input(input)
    case .candidate: .candidate
    }
  }

  var takesBooleans: Bool {
    switch self {
    case .input(let input): input.descriptor.elements == .booleans
    case .candidate: false
    }
  }

  /// The type that documents name for it.
  var datatype: TensorDatatype {
    switch self {
    case .input(let input): input.descriptor.elements.datatype
    case .candidate: .fp64
    }
  }

  var location: Location {
    switch self {
    case .input(let input): .field(.input(input))
    case .candidate(let output): .candidate(output)
    }
  }

  /// What is wrong with a value of its tensor, and what to send instead.
  func sentence(
    about fault: TensorFault, at place: String, format: BinaryFormat, _ wire: OpenInferenceWire
  ) -> String {
    switch self {
    case .input(let input): wire.sentence(about: fault, in: input, at: place, format: format)
    case .candidate(let output): wire.sentence(aboutCandidate: fault, for: output, at: place, format: format)
    }
  }
}

extension Operation {
  /// What the tensors of its model may bring.
  var modelInputs: [ModelInput] {
    let inputs = (requiredInputs + optionalInputs).map(ModelInput.input)
    return returnsTensors ? inputs : inputs + CheckedOutput.allCases.map(ModelInput.candidate)
  }

  /// What its model answers besides outputs.
  var reportOutputs: [ReportOutput] { returnsTensors ? [] : ReportOutput.allCases }
}

/// How the outputs of a model are answered.
struct RequestedOutputs: Sendable {
  struct Form: Sendable {
    /// As bytes after the JSON.
    var isBinary = false
    /// As texts of this many classes instead of numbers.
    var classes: Int?
  }

  /// Those asked for by name.
  var named: [(name: String, form: Form)] = []
  /// All others.
  var other = Form()

  func form(of output: String) -> Form { named.first { $0.name == output }?.form ?? other }
}

/// The protocol's names of element types.
enum TensorDatatype: String, Sendable, CaseIterable {
  case bool = "BOOL"
  case uint8 = "UINT8"
  case uint16 = "UINT16"
  case uint32 = "UINT32"
  case uint64 = "UINT64"
  case int8 = "INT8"
  case int16 = "INT16"
  case int32 = "INT32"
  case int64 = "INT64"
  case fp16 = "FP16"
  case fp32 = "FP32"
  case fp64 = "FP64"
  case bf16 = "BF16"
  /// Texts of any length: in answers only, for classifications.
  case bytes = "BYTES"

  /// How an element is written in binary; nil where it is not a number.
  var element: ElementType? {
    switch self {
    case .bool, .uint8: .uint8
    case .uint16: .uint16
    case .uint32: .uint32
    case .uint64: .uint64
    case .int8: .int8
    case .int16: .int16
    case .int32: .int32
    case .int64: .int64
    case .fp16: .binary16
    case .fp32: .binary32
    case .fp64: .binary64
    case .bf16: .bfloat16
    case .bytes: nil
    }
  }

  /// What an element takes in binary; nil where each element has its own length.
  var size: Int? { element?.size }

  /// The whole numbers that it holds; nil where it holds others too.
  var integers: ClosedRange<Double>? {
    switch self {
    case .bool: 0...1
    case .uint8: 0...255
    case .uint16: 0...65_535
    case .uint32: 0...4_294_967_295
    case .uint64: 0...Self.greatestExactInteger
    case .int8: -128...127
    case .int16: -32_768...32_767
    case .int32: -2_147_483_648...2_147_483_647
    case .int64: -Self.greatestExactInteger...Self.greatestExactInteger
    case .fp16, .fp32, .fp64, .bf16, .bytes: nil
    }
  }

  /// The same in words; nil where it holds others too.
  var wholeNumbers: String? {
    integers.map { "whole numbers from \(Int($0.lowerBound)) to \(Int($0.upperBound))" }
  }

  /// 2^53 - 1: up to here no two whole numbers become one in binary64, in which everything is computed (RFC 8259 §6).
  static let greatestExactInteger = 9_007_199_254_740_991.0

  /// The `dtype` of results that are to have the type of the logits; nil for the default.
  var resultType: DataType? { DataType.allCases.first { $0 != .float64 && TensorDatatype($0.format) == self } }

  /// What its numbers are rounded to where they are read as text.
  var format: BinaryFormat { resultType?.format ?? .binary64 }

  /// The type of results that are rounded to a format.
  init(_ format: BinaryFormat) { self = Self.allCases.first { $0.element == ElementType(format) } ?? .fp64 }

  /// What another library calls by a name, in whatever case.
  init?(otherName name: String) {
    let plain = name.prefixOfUTF8(NameSuggestion.longestCompared).lowercased()
    if let type = Self(rawValue: plain.uppercased()) {
      self = type
    } else if let type = DataType(rawValue: plain) ?? DataType.otherNames[plain] {
      self.init(type.format)
    } else {
      return nil
    }
  }

  /// The name in a model's configuration.
  var configurationName: String { self == .bytes ? "TYPE_STRING" : "TYPE_" + rawValue }
}

extension ElementRule {
  /// The type that a model's metadata names, where one must be named: its natural one. Any type of numbers is read.
  var datatype: TensorDatatype {
    switch self {
    case .logits, .weights, .probabilities, .finite: .fp64
    case .classesOrProbabilities: .int64
    case .booleans: .bool
    }
  }
}

extension TensorShape {
  /// How many values a tensor of the shape holds; nil where that is beyond `Int`.
  var checkedVolume: Int? {
    var volume = 1
    for extent in self {
      let (product, overflow) = volume.multipliedReportingOverflow(by: extent)
      if overflow { return nil }
      volume = product
    }
    return volume
  }
}
