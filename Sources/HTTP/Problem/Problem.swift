/// A problem in the form of RFC 9457: what went wrong, where, and what to do about it.
public struct Problem: Sendable, Hashable {
  /// One place in the request's body that is at fault.
  public struct Fault: Sendable, Hashable {
    /// A JSON pointer as a URI fragment (RFC 6901 §6): `#/logits/3`.
    public var pointer: String
    public var detail: String

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
  /// The zero-based offset of the fault in bytes: in the body or, for the parser's own problems, as ``ParseFailure``
  /// counts.
  public var offset: Int?

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
  public init(_ problem: Problem, fields: Fields = Fields(), closes: Bool = false, forbidsStoring: Bool = false) {
    self.init(
      problem.status, .problem, body: problem.json, fields: fields, closes: closes, forbidsStoring: forbidsStoring)
    if let seconds = problem.type.retryAfter { self.fields.append(.retryAfter, "\(seconds)") }
    self.problem = problem
  }
}
