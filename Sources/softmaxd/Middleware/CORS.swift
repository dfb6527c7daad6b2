import HTTP

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
  func preflight(_ head: RequestHead) -> Response? {
    guard head.method == .options, head.fields[.origin] != nil, head.fields[.accessControlRequestMethod] != nil else {
      return nil
    }
    var fields: Fields = [
      .accessControlAllowMethods: "GET, HEAD, POST",
      .accessControlAllowHeaders:
        "Authorization, Content-Type, Inference-Header-Content-Length, X-Request-Id, traceparent",
      .accessControlMaxAge: "600",
    ]
    if let origin = head.fields[.origin], allowed(origin) == nil { fields = Fields() }
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
    response.fields.append(.accessControlExposeHeaders, "Inference-Header-Content-Length, X-Request-Id, Retry-After")
  }
}
