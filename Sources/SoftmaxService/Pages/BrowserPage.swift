import EmbeddedResources

/// What `GET /` answers to browsers: one document without any outside resource, and the policy under which it runs.
struct BrowserPage: Sendable {
  /// The document, in HTML and UTF-8.
  let document: [UInt8]
  /// The Content Security Policy (CSP Level 3): this script and this style, requests to this service, and nothing else.
  let policy: String

  /// The package's own page, put together when it is first asked for.
  static let own = BrowserPage(
    markup: EmbeddedResources.Page.markup, style: EmbeddedResources.Page.style,
    script: Array(EmbeddedResources.Page.scripts.joined()))

  /// - Parameters:
  ///   - markup: the document with an empty `<style>` and an empty `<script>`, each of which is filled.
  ///   - style: what comes into the one.
  ///   - script: what comes into the other.
  init(markup: [UInt8], style: [UInt8], script: [UInt8]) {
    document = markup.inserting(style, before: "</style>").inserting(script, before: "</script>")
    policy = [
      "default-src 'none'", "script-src \(Self.source(script))", "style-src \(Self.source(style))",
      "connect-src 'self'", "img-src data:", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
      // No text can become markup or a program, whatever a script does with it (Trusted Types).
      "require-trusted-types-for 'script'", "trusted-types 'none'",
    ].joined(separator: "; ")
  }

  /// The text between an element's tags as a hash-source (§2.3.1).
  private static func source(_ text: [UInt8]) -> String { "'sha256-\(base64(SHA256.digest(of: text)))'" }
}

extension [UInt8] {
  /// With `text` before the first place where `mark` stands, or unchanged where it stands nowhere.
  fileprivate func inserting(_ text: [UInt8], before mark: String) -> [UInt8] {
    guard let place = indices.first(where: { self[$0...].starts(with: mark.utf8) }) else { return self }
    return self[..<place] + text + self[place...]
  }
}
