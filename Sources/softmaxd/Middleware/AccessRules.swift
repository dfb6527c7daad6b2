import HTTP
import SoftmaxService

/// The token that requests must carry in Authorization (RFC 6750 §2.1); of two, either one, so that clients can change
/// from one to the other.
struct BearerToken: Sendable {
  private let tokens: [[UInt8]]

  /// The longest token file that is read, in bytes.
  static let maximumFileBytes = 4096
  /// The shortest token that is taken, in bytes.
  static let leastBytes = 16

  /// Reads a file of one line, or of two; nil unless each is a token of enough visible ASCII characters.
  init?(fileContents: [UInt8]) {
    tokens = fileContents.split { $0 == 0x0A || $0 == 0x0D }.map(Array.init)
    guard (1...2).contains(tokens.count),
      tokens.allSatisfy({ $0.count >= Self.leastBytes && $0.allSatisfy(ASCII.isVisible) })
    else { return nil }
  }

  /// 401 unless the head carries the token.
  func refusal(of head: RequestHead) -> Response? {
    guard let credentials = head.fields[.authorization] else { return Self.missing }
    guard head.fields.count(of: .authorization) == 1 else {
      return Self.unauthorized("The field Authorization is given more than once; send it once", error: "")
    }
    // The scheme's name is case-insensitive (RFC 9110 §11.1), and one or more spaces follow it (§11.4).
    let parts = credentials.split(separator: " ")
    // Only a bearer token can be an invalid one (RFC 6750 §3.1); credentials of another scheme, or the scheme alone,
    // count as none.
    guard parts.count > 1, parts[0].lowercased() == "bearer" else { return Self.missing }
    guard parts.count == 2, matches(Array(parts[1].utf8)) else {
      return Self.unauthorized(
        "The bearer token is wrong; send the one that --token-file holds", error: ", error=\"invalid_token\"")
    }
    return nil
  }

  /// Takes the same time for every `candidate` of one length, wherever it differs from the tokens.
  func matches(_ candidate: [UInt8]) -> Bool {
    var isGood = false
    for bytes in tokens {
      var difference = UInt8(candidate.count == bytes.count ? 0 : 1)
      for index in candidate.indices { difference |= candidate[index] ^ bytes[index % bytes.count] }
      isGood = isGood || difference == 0
    }
    return isGood
  }

  private static var missing: Response {
    unauthorized(ProblemType.unauthorized.example, error: "")
  }

  private static func unauthorized(_ detail: String, error: String) -> Response {
    Response(
      ProblemType.unauthorized.problem(detail), fields: [.wwwAuthenticate: "Bearer realm=\"softmaxd\"\(error)"])
  }
}

/// Lets the web pages of some origins call the service (Fetch §3.2, "CORS protocol").
struct CORS: Sendable {
  private let origins: [String]
  private let allowsAll: Bool

  /// Nil without origins: then no response has CORS fields, and browsers refuse it to pages.
  init?(origins: [String]) {
    guard !origins.isEmpty else { return nil }
    self.origins = origins
    allowsAll = origins == ["*"]
  }

  /// The value of `Access-Control-Allow-Origin` for `origin`, or nil when its pages may not call.
  private func allowed(_ origin: String) -> String? {
    allowsAll ? "*" : origins.contains(origin) ? origin : nil
  }

  /// The response to a preflight request, or nil when the request is not one.
  func preflight(_ head: RequestHead, at route: Route) -> Response? {
    guard head.method == .options, head.fields[.origin] != nil, head.fields[.accessControlRequestMethod] != nil else {
      return nil
    }
    var fields: Fields = [
      .accessControlAllowMethods: "GET, HEAD, POST",
      .accessControlAllowHeaders:
        "Authorization, Content-Type, Inference-Header-Content-Length, X-Request-Id, traceparent, "
        + "tracestate",
      .accessControlMaxAge: "600",
    ]
    if let origin = head.fields[.origin], allowed(origin) == nil { fields = Fields() }
    // Where nothing stands too, so that the page can read the 404 that follows.
    if route.id != Route.unmatched.id { fields.append(.allow, route.methods.text) }
    return Response(.noContent, fields: fields)
  }

  /// Lets the page read the response, and tells caches that it depends on the origin.
  ///
  /// - Parameter head: nil when it could not be parsed. Then the origin is assumed to be the allowed one, if there is
  ///   only one; a browser hides the response from pages of any other origin.
  func decorate(_ response: inout Response, _ head: RequestHead?) {
    if !allowsAll { response.fields.append(.vary, "Origin") }
    let origin = head.map { $0.fields[.origin] } ?? (origins.count == 1 ? origins[0] : nil)
    guard let origin, let allowed = allowed(origin) else { return }
    response.fields.append(.accessControlAllowOrigin, allowed)
    response.fields.append(
      .accessControlExposeHeaders, "Inference-Header-Content-Length, Retry-After, X-Request-Id, traceparent")
  }
}

/// The origin of a page, as browsers write it in the field Origin (RFC 6454 §6.1, Fetch §3.1).
enum WebOrigin {
  /// `*`, or origins separated by commas; nil when a browser would never send one of them.
  static func parseList(_ text: String) -> [String]? {
    if text.isEmpty { return [] }
    if text == "*" { return ["*"] }
    let origins = Option.elements(text)
    return origins.allSatisfy(isValid) ? origins : nil
  }

  /// `scheme://host[:port]` in lower case, without a path, and without the port that the scheme implies.
  static func isValid(_ text: String) -> Bool {
    guard let separator = text.firstRange(of: "://") else { return false }
    let scheme = text[..<separator.lowerBound]
    guard let first = scheme.utf8.first, isLetter(first),
      scheme.utf8.allSatisfy({ isLetter($0) || ASCII.isDigit($0) || $0 == 0x2B || $0 == 0x2D || $0 == 0x2E }),
      let (host, port) = Authority.parts(of: text[separator.upperBound...])
    else { return false }
    // An IPv6 address has no other form there than digits, the letters a to f and colons.
    let isAddress = host.hasPrefix("[") && !host.contains(".") && host == host.lowercased()
    return (isAddress || HostName.isValid(host)) && (port.map { isPort($0, of: scheme) } ?? true)
  }

  private static func isPort(_ text: String, of scheme: Substring) -> Bool {
    guard let port = Int(text), port > 0, text.first != "0" else { return false }
    return port != ["http": 80, "https": 443, "ws": 80, "wss": 443][scheme]
  }
}

/// A host's name or IPv4 address, as the options take it.
enum HostName {
  /// Labels of lower-case letters, digits, hyphens and underscores.
  static func isValid(_ text: String) -> Bool {
    text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
      !label.isEmpty && label.utf8.allSatisfy { isLetter($0) || ASCII.isDigit($0) || $0 == 0x2D || $0 == 0x5F }
    }
  }
}

/// Whether a byte is a lower-case letter of ASCII.
private func isLetter(_ byte: UInt8) -> Bool { byte >= 0x61 && byte <= 0x7A }

/// The hosts that requests may name: a defence against DNS rebinding.
///
/// An attacker can point the name of his own page's host at this server. Then the page has the same origin as the
/// server's responses, and CORS does not apply. But its requests still name the attacker's host.
struct AllowedHosts: Sendable {
  private let hosts: Set<String>

  /// - Parameter hosts: names or addresses in lower case, without ports. Nil when the list is empty: any host is
  ///   allowed.
  init?(_ hosts: [String]) {
    guard !hosts.isEmpty else { return nil }
    self.hosts = Set(hosts)
  }

  /// 421 when the request names a host that is not allowed. A request without one, in HTTP/1.0, does not come from a
  /// browser.
  func refusal(of head: RequestHead) -> Response? {
    guard let authority = head.authority else { return nil }
    // The head's parser has refused what is no authority.
    let host = (Authority.parts(of: authority)?.host ?? authority).lowercased()
    guard !hosts.contains(host) else { return nil }
    return Response(
      ProblemType.misdirectedRequest.problem(
        "This server does not answer for the host \"\(host)\"; use one that --allowed-hosts names"))
  }
}
