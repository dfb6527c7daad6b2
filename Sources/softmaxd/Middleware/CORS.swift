import HTTPCore

/// Which web pages may call the service (Fetch §3.2, "CORS protocol").
struct CORS: Sendable {
  private let origins: [String]
  private let allowsAll: Bool

  /// Nil without origins: then no answer says anything of CORS, and browsers refuse.
  init?(origins: [String]) {
    guard !origins.isEmpty else { return nil }
    self.origins = origins
    allowsAll = origins == ["*"]
  }

  /// What `Access-Control-Allow-Origin` says to `origin`, or nil when its pages may not call.
  private func allowed(_ origin: String) -> String? {
    allowsAll ? "*" : origins.contains(origin) ? origin : nil
  }

  /// The answer to a preflight, or nil when the request is none.
  func preflight(_ head: RequestHead) -> Response? {
    guard head.method == .options, head.fields[.origin] != nil, head.fields[.accessControlRequestMethod] != nil else {
      return nil
    }
    var fields: Fields = [
      .accessControlAllowMethods: "GET, HEAD, POST",
      .accessControlAllowHeaders: "Authorization, Content-Type, X-Request-Id, traceparent",
      .accessControlMaxAge: "600",
    ]
    if let origin = head.fields[.origin], allowed(origin) == nil { fields = Fields() }
    return Response(.noContent, fields: fields)
  }

  /// Tells the browser that the page may read the answer, and caches that it depends on who asks.
  ///
  /// - Parameter head: nil when it could not be read. Then the page is taken to be of the only origin that is allowed; a
  ///   browser keeps the answer from any other.
  func decorate(_ response: inout Response, _ head: RequestHead?) {
    if !allowsAll { response.fields.append(.vary, "Origin") }
    let origin = head.map { $0.fields[.origin] } ?? (origins.count == 1 ? origins[0] : nil)
    guard let origin, let allowed = allowed(origin) else { return }
    response.fields.append(.accessControlAllowOrigin, allowed)
    response.fields.append(.accessControlExposeHeaders, "X-Request-Id, Retry-After")
  }
}
