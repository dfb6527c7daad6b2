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

  /// The kebab-case name that makes the `type`: `/problems/<name>`.
  public var name: String
  /// The problem type in a few words, the same for each occurrence.
  public var title: String
  public var status: Status
  /// This occurrence: names the place and the cure.
  public var detail: String
  /// The places at fault, at most as many as the maker chose to collect.
  public var errors: [Fault]
  /// The zero-based offset in bytes of the fault: in the body or, for the parser's own problems, as ``ParseFailure`` counts.
  public var offset: Int?

  public init(
    _ name: String, title: String, status: Status, detail: String, errors: [Fault] = [], offset: Int? = nil
  ) {
    self.name = name
    self.title = title
    self.status = status
    self.detail = detail
    self.errors = errors
    self.offset = offset
  }

  /// The value of `type`.
  public var type: String { "/problems/" + name }
}

extension Response {
  /// The problem as an answer in application/problem+json.
  public init(_ problem: Problem, fields: Fields = Fields(), closes: Bool = false) {
    self.init(problem.status, .problem, body: problem.json, fields: fields, closes: closes)
  }
}
