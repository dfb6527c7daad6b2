import HTTP
import SoftmaxService

/// The token that requests must carry in Authorization (RFC 6750 §2.1).
struct BearerToken: Sendable {
  private let bytes: [UInt8]

  /// The longest token file that is read, in bytes.
  static let maximumFileBytes = 4096

  /// Reads a file's only line; nil unless that is a token of 16 or more visible ASCII characters.
  init?(fileContents: [UInt8]) {
    var bytes = fileContents[...]
    while let last = bytes.last, last == 0x0A || last == 0x0D { bytes.removeLast() }
    guard bytes.count >= 16, bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
    self.bytes = Array(bytes)
  }

  /// 401 unless the head carries the token.
  func refusal(of head: RequestHead) -> Response? {
    guard head.fields.count(of: .authorization) == 1, let credentials = head.fields[.authorization] else {
      return Self.missing
    }
    // The scheme's name is case-insensitive (RFC 9110 §11.1), and one or more spaces follow it (§11.4).
    let parts = credentials.split(separator: " ")
    // Only a bearer token can be an invalid one (RFC 6750 §3.1); credentials of another scheme count as none.
    guard parts.first?.lowercased() == "bearer" else { return Self.missing }
    guard parts.count == 2, matches(Array(parts[1].utf8)) else {
      return Self.unauthorized("The token is not the right one", error: ", error=\"invalid_token\"")
    }
    return nil
  }

  /// Takes the same time for every `candidate` of one length, wherever it differs from the token.
  func matches(_ candidate: [UInt8]) -> Bool {
    var difference = UInt8(candidate.count == bytes.count ? 0 : 1)
    for index in candidate.indices { difference |= candidate[index] ^ bytes[index % bytes.count] }
    return difference == 0
  }

  private static var missing: Response {
    unauthorized("This path needs the field \"Authorization: Bearer <token>\"", error: "")
  }

  private static func unauthorized(_ detail: String, error: String) -> Response {
    Response(
      ProblemType.unauthorized.problem(detail), fields: [.wwwAuthenticate: "Bearer realm=\"softmaxd\"\(error)"])
  }
}
