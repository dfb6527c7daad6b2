/// The names under which operations are models of the Open Inference Protocol: their own, and those that the program
/// was given.
public struct ModelNames: Sendable, Hashable {
  /// In the order in which they are listed.
  private(set) var entries: [(name: String, operation: Operation)]

  /// The operations: each is a model.
  private static let models = Operation.allCases

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
      let operation = parts.count == 2 ? Self.models.first(where: { $0.modelName == parts[1] }) : .softmax,
      // Its path has a route of its own, since it never runs on an event loop.
      operation != .check
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
