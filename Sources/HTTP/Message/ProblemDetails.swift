internal import Allocation

/// Problem details of RFC 9457: what went wrong, where, and what to do about it.
public struct ProblemDetails: Sendable, Hashable {
  /// One place in the request's body that is at fault.
  public struct Fault: Sendable, Hashable {
    /// A JSON pointer as a URI fragment (RFC 6901 §6): `#/logits/3`.
    public var pointer: String
    /// What is wrong there, and the cure, in one sentence.
    public var detail: String

    /// A fault at a place.
    public init(pointer: String, detail: String) {
      self.pointer = pointer
      self.detail = detail
    }
  }

  /// What kind it is: the same title and Retry-After for each occurrence.
  public var type: ProblemType
  /// What it is answered with: its type's status, unless the protocol of the path wants another.
  public var status: Status
  /// This occurrence: names the place and the cure.
  public var detail: String
  /// The places at fault, at most as many as the maker chose to collect.
  public var errors: [Fault]
  /// The zero-based offset of the fault in bytes: in the body or, for what is wrong with a head, from the request's
  /// first byte on.
  public var offset: Int?

  /// An occurrence of a type, with the type's status.
  public init(_ type: ProblemType, detail: String, errors: [Fault] = [], offset: Int? = nil) {
    self.type = type
    status = type.status
    self.detail = detail
    self.errors = errors
    self.offset = offset
  }
}

extension Response {
  /// The problem as an answer in application/problem+json, with the Retry-After of its type.
  public init(_ problem: ProblemDetails, fields: Fields = Fields(), closes: Bool = false, forbidsStoring: Bool = false)
  {
    self.init(
      problem.status, .problem, body: problem.json, fields: fields, closes: closes, forbidsStoring: forbidsStoring)
    if let seconds = problem.type.retryAfter { self.fields.append(.retryAfter, "\(seconds)") }
    self.problem = problem
  }
}

extension ProblemDetails {
  /// The problem as a JSON object in UTF-8: `detail`, `type`, `title`, `status`, then `offset` and `errors` if any. The
  /// detail comes first because several clients show only the beginning of an error's body.
  public var json: [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(160 + detail.utf8.count + 96 * errors.count)
    out.append(contentsOf: #"{"detail":"#.utf8)
    out.append(jsonString: detail)
    out.append(contentsOf: #","type":"#.utf8)
    out.append(jsonString: type.uri)
    out.append(contentsOf: #","title":"#.utf8)
    out.append(jsonString: type.title)
    out.append(contentsOf: #","status":"#.utf8)
    out.append(contentsOf: String(status.code).utf8)
    if let offset {
      out.append(contentsOf: #","offset":"#.utf8)
      out.append(contentsOf: String(offset).utf8)
    }
    if !errors.isEmpty {
      out.append(contentsOf: #","errors":["#.utf8)
      for (index, fault) in errors.enumerated() {
        out.append(contentsOf: (index == 0 ? #"{"pointer":"# : #",{"pointer":"#).utf8)
        out.append(jsonString: fault.pointer)
        out.append(contentsOf: #","detail":"#.utf8)
        out.append(jsonString: fault.detail)
        out.append(UInt8(ascii: "}"))
      }
      out.append(UInt8(ascii: "]"))
    }
    out.append(UInt8(ascii: "}"))
    return out
  }
}

extension ProblemDetails {
  /// A body that cannot be read, or work that cannot begin, until other requests are done.
  public static let outOfMemory = ProblemType.overloaded.problem(
    "The server has no memory for this request now; try again after the seconds in Retry-After")
}
