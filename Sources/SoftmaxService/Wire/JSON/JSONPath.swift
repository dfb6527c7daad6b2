/// A place in a JSON document: `inputs[0].shape[1]`.
struct JSONPath: Hashable, Sendable, CustomStringConvertible {
  enum Step: Hashable, Sendable {
    case name(String)
    case index(Int)
  }

  private(set) var steps: [Step]

  init(_ name: String) { steps = [.name(name)] }

  /// The place of a member of the object here.
  func member(_ name: String) -> JSONPath {
    var path = self
    path.steps.append(.name(name))
    return path
  }

  /// The place of an element of the array here, or deeper in arrays of arrays.
  func element(_ indices: Int...) -> JSONPath { element(indices) }

  func element(_ indices: [Int]) -> JSONPath {
    var path = self
    path.steps += indices.map(Step.index)
    return path
  }

  var description: String {
    steps.reduce(into: "") { text, step in
      switch step {
      case .name(let name): text += (text.isEmpty ? "" : ".") + name.prefixOfUTF8(64)
      case .index(let index): text += "[\(index)]"
      }
    }
  }
}
