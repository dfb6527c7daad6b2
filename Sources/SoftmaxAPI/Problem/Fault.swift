/// A place in a request, whatever wire it came on.
enum Place: Hashable, Sendable {
  /// The request as a whole, or the object that should hold a missing member.
  case request
  /// A member, or with indices an element of its tensor or list.
  case member(Member, [Int] = [])
  /// A member that the endpoint does not know, by its name.
  case unknown(String)

  /// How a sentence names the place: `logits[3][1]`.
  var spoken: String {
    switch self {
    case .request: "the request"
    case .member(let member, let path): path.reduce(into: member.name) { $0 += "[\($1)]" }
    case .unknown(let name): quoted(name)
    }
  }
}

/// One thing wrong with a request: where, and a sentence that says what was found and the cure.
struct Fault: Hashable, Sendable {
  let place: Place
  let sentence: String
}

/// All faults found, up to a bound, so that neither the answer nor the work grows with the number of mistakes.
struct FaultList: Sendable {
  static let maximumCount = 32

  private(set) var faults: [Fault] = []
  /// Whether there were more than are kept.
  private(set) var isTruncated = false

  var isEmpty: Bool { faults.isEmpty }
  /// Whether a further fault would not be kept, so that looking for it is vain.
  var isFull: Bool { faults.count == Self.maximumCount }

  /// Keeps a fault whose sentence begins by naming its place, or none if there are enough.
  mutating func note(_ place: @autoclosure () -> Place, _ sentence: (String) -> String) {
    guard !isFull else {
      isTruncated = true
      return
    }
    let place = place()
    faults.append(Fault(place: place, sentence: sentence(place.spoken)))
  }
}

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
