/// A place in a request, whatever wire it came on.
enum Location: Hashable, Sendable {
  /// The request as a whole, or where a missing field should be.
  case request
  /// A field, or with indices an element of its tensor or list.
  case field(RequestField, [Int] = [])
  /// The caller's own numbers for an output, or with indices one of them.
  case candidate(CheckedOutput, [Int] = [])
  /// A field that the operation does not know, by its name.
  case unknown(String)
  /// A place that only the request's own format has.
  case member(MemberPath)

  /// How a sentence names the place: `logits[3][1]`.
  var displayName: String {
    switch self {
    case .request: "the request"
    case .field(let field, let path): path.reduce(into: field.name) { $0 += "[\($1)]" }
    case .candidate(let output, let path): MemberPath(candidate: output, path).description
    case .unknown(let name): quoted(name)
    case .member(let path): path.description
    }
  }
}

/// A place in a document of objects and arrays: `inputs[0].shape[1]`.
struct MemberPath: Hashable, Sendable, CustomStringConvertible {
  enum Step: Hashable, Sendable {
    case name(String)
    case index(Int)
  }

  private(set) var steps: [Step]

  init(_ name: String) { steps = [.name(name)] }

  /// The place of the caller's own numbers for an output, or of one of them.
  init(candidate output: CheckedOutput, _ indices: [Int] = []) {
    self = MemberPath(RequestField.candidate.name).member(output.name).element(indices)
  }

  /// The place of a member of the object here.
  func member(_ name: String) -> MemberPath {
    var path = self
    path.steps.append(.name(name))
    return path
  }

  /// The place of an element of the array here, or deeper in arrays of arrays.
  func element(_ indices: Int...) -> MemberPath { element(indices) }

  func element(_ indices: [Int]) -> MemberPath {
    var path = self
    path.steps += indices.map(Step.index)
    return path
  }

  var description: String {
    steps.reduce(into: "") { text, step in
      switch step {
      case .name(let name):
        text += (text.isEmpty ? "" : ".") + (name.isEmpty ? quoted(name) : name.prefixOfUTF8(64))
      case .index(let index): text += "[\(index)]"
      }
    }
  }
}

/// One thing wrong with a request: where, and a sentence that says what was found and the cure.
struct InputFault: Hashable, Sendable {
  let location: Location
  let sentence: String
}

/// All faults found, up to a bound, so that neither the answer nor the work grows with the number of mistakes.
struct FaultList: Sendable {
  static let maximumCount = 32

  private(set) var faults: [InputFault] = []
  /// Whether there were more than are kept.
  private(set) var isTruncated = false

  var isEmpty: Bool { faults.isEmpty }

  /// Keeps a fault whose sentence begins by naming its place, or none if there are enough.
  mutating func append(_ location: @autoclosure () -> Location, _ sentence: (String) -> String) {
    guard faults.count < Self.maximumCount else {
      isTruncated = true
      return
    }
    let location = location()
    faults.append(InputFault(location: location, sentence: sentence(location.displayName)))
  }

  /// Keeps the faults of another list too, as far as there is room.
  mutating func append(contentsOf other: FaultList) {
    let room = Self.maximumCount - faults.count
    isTruncated = isTruncated || other.isTruncated || other.faults.count > room
    faults += other.faults.prefix(room)
  }
}

/// Why a request to an operation gets no results, whatever wire it came on; ``Wire/problem(for:)`` makes an answer of
/// it.
enum RequestError: Error, Sendable {
  /// The body is not of the wire's format; the offset is that of the first byte at fault.
  case malformed(detail: String, offset: Int)
  /// The body's media type or charset, as the head tells it, does not fit its bytes.
  case unsupportedBody(detail: String)
  /// There are more logits than the service takes.
  case tooManyLogits(limit: Int)
  /// The request can be read, but not understood or not computed.
  case invalid(FaultList)
  /// "mean" would divide by exactly zero; the fault names the input that makes it so.
  case zeroNormaliser(InputFault)
  /// The server has no memory for it now.
  case outOfMemory
  /// The server never has as much memory as it needs.
  case needsTooMuchMemory(bytes: Int)
  /// The deadline passed, or the client has gone.
  case cancelled
  /// An error of the service's own.
  case inconsistency

  /// A single thing wrong: its place, and a sentence that begins by naming it.
  static func invalid(_ location: Location, _ sentence: (String) -> String) -> RequestError {
    var faults = FaultList()
    faults.append(location, sentence)
    return .invalid(faults)
  }
}

// MARK: What sentences are put together from

/// A client's text in quotation marks, cut where it is long.
func quoted(_ text: String) -> String {
  let longest = 64
  guard text.utf8.count > longest else { return "\"\(text)\"" }
  return "\"\(text.prefixOfUTF8(longest))…\""
}

/// Names as a sentence lists them: `"a", "b" and "c"`.
func listed(_ names: [String], _ conjunction: String = "and") -> String {
  guard let last = names.last, names.count > 1 else { return names.first ?? "" }
  return names.dropLast().joined(separator: ", ") + " \(conjunction) " + last
}

/// How many there are of something: `1 number`, `2 numbers`.
func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

/// A number as a sentence shows it.
func text(of value: Double) -> String {
  if value.isNaN { return "NaN" }
  if value.isInfinite { return value < 0 ? "-Infinity" : "Infinity" }
  if let integer = Int(exactly: value), abs(value) < 1e15 { return "\(integer)" }
  return "\(value)"
}

extension String {
  /// The longest beginning of whole scalars that takes no more than `count` bytes.
  func prefixOfUTF8(_ count: Int) -> String {
    var length = 0
    var prefix = String.UnicodeScalarView()
    for scalar in unicodeScalars {
      length += UTF8.width(scalar)
      if length > count { break }
      prefix.append(scalar)
    }
    return String(prefix)
  }
}
