import NumericJSON

/// What the protocol tells of a model, from the catalogue.
///
/// A document names one datatype and one rank for each tensor; inference takes and answers others too.
enum ModelDocuments {
  static let platform = "softmaxd"
  static let version = "1"

  /// `GET /v2/models/{model}`: the inputs that must be there, and the outputs that can always be asked for, since some
  /// clients ask for all that are listed.
  static func metadata(of operation: Operation, as name: String) -> [UInt8] {
    document { writer in
      writer.member("name", name)
      writer.array("versions") { $0.string(version) }
      writer.member("platform", platform)
      writer.array("inputs") { writer in
        for input in operation.requiredInputs {
          write(TensorOutline(.input(input)), as: .metadata, to: &writer)
        }
      }
      writer.array("outputs") { writer in
        for output in operation.tensorOutputs where output.descriptor.isAlwaysReturned {
          write(TensorOutline(output), as: .metadata, to: &writer)
        }
        for output in operation.reportOutputs { write(TensorOutline(output), as: .metadata, to: &writer) }
      }
    }
  }

  /// `GET /v2/models/{model}/config`: Triton's ModelConfig as JSON, with every input, output and parameter. No tensor
  /// has a batch dimension of its own (`max_batch_size` 0).
  static func configuration(of operation: Operation, as name: String) -> [UInt8] {
    document { writer in
      writer.member("name", name)
      writer.member("platform", platform)
      writer.member("backend", platform)
      writer.member("max_batch_size", 0)
      writer.array("input") { writer in
        for input in operation.modelInputs {
          let isOptional = !operation.requiredInputs.contains { input == .input($0) }
          write(TensorOutline(input), as: .configuration, isOptional: isOptional, to: &writer)
        }
      }
      writer.array("output") { writer in
        for output in operation.tensorOutputs {
          write(TensorOutline(output), as: .configuration, to: &writer)
        }
        for output in operation.reportOutputs { write(TensorOutline(output), as: .configuration, to: &writer) }
      }
      writer.object("parameters") { writer in
        for parameter in operation.modelParameters {
          // Left out, the dtype is that of the logits.
          let value = parameter == .dtype ? "" : parameter.descriptor.defaultText ?? ""
          writer.object(parameter.name) { $0.member("string_value", value) }
        }
      }
    }
  }

  private enum Document { case metadata, configuration }

  private static func write(
    _ tensor: TensorOutline, as document: Document, isOptional: Bool = false, to writer: inout JSONWriter
  ) {
    let (datatypeName, datatype, shapeName) =
      switch document {
      case .metadata: ("datatype", tensor.datatype.rawValue, "shape")
      case .configuration: ("data_type", tensor.datatype.configurationName, "dims")
      }
    writer.object { writer in
      writer.member("name", tensor.name)
      writer.member(datatypeName, datatype)
      writer.array(shapeName) { writer in
        for _ in 0..<tensor.rank { writer.integer(-1) }
      }
      if isOptional { writer.member("optional", true) }
    }
  }

  /// A JSON object of the members that `write` writes.
  static func document(_ write: (inout JSONWriter) -> Void) -> [UInt8] {
    var writer = JSONWriter(capacity: 1024)
    writer.object { write(&$0) }
    return writer.finish()
  }
}

/// A tensor with the one datatype and the one rank that a document names: those of logits of rank 2 under the default
/// parameters.
private struct TensorOutline {
  let name: String
  let datatype: TensorDatatype
  let rank: Int

  init(_ input: ModelInput) {
    name = input.name
    datatype = input.datatype
    switch input {
    case .input(let input):
      rank =
        switch input.descriptor.shape {
        case .anyRank, .logits: 2
        case .target, .classes, .classesOrLogits, .batch: 1
        case .losses: 0
        }
    case .candidate(let output): rank = TensorOutline(output.inCatalogue).rank
    }
  }

  init(_ output: ReportOutput) { (name, datatype, rank) = (output.rawValue, output.datatype, 0) }

  init(_ output: Output) {
    name = output.name
    switch output.descriptor.content {
    case .numbers(let extent): (datatype, rank) = (.fp64, Self.rank(extent))
    case .indices(let extent): (datatype, rank) = (.int64, Self.rank(extent))
    case .derivation: (datatype, rank) = (.bytes, 1)
    }
  }

  private static func rank(_ extent: OutputDescriptor.Extent) -> Int {
    switch extent {
    case .logits: 2
    case .batch: 1
    case .classesSquared: 3
    case .top: 2
    case .losses: 0
    }
  }
}

extension Operation {
  /// The outputs that are tensors: all that the protocol can answer.
  var tensorOutputs: [Output] { outputs.filter { $0.descriptor.isTensor } }

  /// The parameters that the protocol can give: all but the type of the inputs' numbers, which each tensor names.
  var modelParameters: [Parameter] { parameters.filter { $0 != .inputDtype } }
}

extension OutputDescriptor {
  /// Whether it is a tensor, and not several in an object.
  var isTensor: Bool {
    switch content {
    case .numbers, .indices: true
    case .derivation: false
    }
  }

  /// Whether every request can ask for it.
  var isAlwaysReturned: Bool {
    switch content {
    case .numbers(.classesSquared), .indices(.classesSquared), .derivation: false
    case .numbers, .indices:
      !needsSingleRow && needs == nil && onlyUnder == nil && !needsDistribution && needsInput == nil
    }
  }
}

/// The names under which operations are models of the Open Inference Protocol: their own, and those that the program
/// was given.
public struct ModelNames: Sendable, Hashable {
  /// In the order in which they are listed.
  private(set) var entries: [(name: String, operation: Operation)]

  /// The operations: each is a model.
  private static let models = Operation.allCases
  /// Those that can have other names. Check's path has a route of its own, since it has a threshold of its own.
  private static let others = models.filter { $0 != .check }

  /// The models that can have other names, in a sentence.
  public static let renamable = listed(others.map(\.modelName), "or")

  /// The operations' own names.
  public init() { entries = Self.models.map { ($0.modelName, $0) } }

  /// Adds another name of a model.
  ///
  /// - Parameter text: `NAME=MODEL`, MODEL being an operation's own name, or `NAME` for another name of softmax: what
  ///   KServe's `--model_name` has.
  /// - Returns: false, with nothing added, where the name cannot stand in a path or is taken, or there is no such
  ///   model.
  public mutating func add(_ text: String) -> Bool {
    let parts = text.split(separator: "=", omittingEmptySubsequences: false).map(String.init)
    guard parts.count <= 2, Self.isName(parts[0]), self[parts[0]] == nil,
      let operation = parts.count == 2 ? Self.others.first(where: { $0.modelName == parts[1] }) : .softmax
    else { return false }
    entries.append((parts[0], operation))
    return true
  }

  /// The operation of a model.
  subscript(name: String) -> Operation? { entries.first { $0.name == name }?.operation }

  /// The names that were added, as ``add(_:)`` takes them.
  public var added: [String] {
    entries.dropFirst(Self.models.count).map { "\($0.name)=\($0.operation.modelName)" }
  }

  /// Letters, digits, `-`, `_` and `.`; not `stats`, which is a path of the protocol's statistics, nor what clients
  /// take out of a path.
  private static func isName(_ text: String) -> Bool {
    !["", "stats", ".", ".."].contains(text) && text.utf8.count <= 253
      && text.unicodeScalars.allSatisfy {
        $0.isASCII && ($0.properties.isAlphabetic || "0123456789-_.".unicodeScalars.contains($0))
      }
  }

  public static func == (left: ModelNames, right: ModelNames) -> Bool { left.added == right.added }
  public func hash(into hasher: inout Hasher) { hasher.combine(added) }
}

extension Operation {
  /// Its name as a model: its path without the slash.
  var modelName: String { String(path.dropFirst()) }
}
