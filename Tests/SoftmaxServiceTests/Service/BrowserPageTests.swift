import HTTP
import Testing

@testable import SoftmaxService

struct BrowserPageTests {
  private static let own = String(decoding: BrowserPage.own.document, as: UTF8.self)

  @Test func styleAndScriptAreFilledInAndNamedByTheirHashes() {
    let markup = "<style></style><p>é</p><script></script>"
    let page = BrowserPage(markup: Array(markup.utf8), style: Array("a{}".utf8), script: Array("1".utf8))
    #expect(String(decoding: page.document, as: UTF8.self) == "<style>a{}</style><p>é</p><script>1</script>")
    // The digests are from `openssl dgst -sha256 -binary | base64`.
    #expect(page.policy.contains("script-src 'sha256-a4ayc/80/OGda4BO/1o/V0etpOqiLx1JwB5S3beHW0s='"))
    #expect(page.policy.contains("style-src 'sha256-X1RutGBrXCt9KkSaXMK7tHftWiRscFHOhxsS8tv8hBk='"))
  }

  @Test func thePolicyLetsNothingElseIn() {
    let directives = BrowserPage.own.policy.split(separator: "; ")
    #expect(directives.contains("default-src 'none'"))
    #expect(directives.contains("connect-src 'self'"))
    #expect(directives.contains("base-uri 'none'"))
    #expect(directives.contains("form-action 'none'"))
    #expect(directives.contains("frame-ancestors 'none'"))
    #expect(!BrowserPage.own.policy.contains("unsafe"))
    let answer = ask(RequestHead(.get, "/", fields: [.accept: "text/html"]))
    #expect(answer.fields[.contentSecurityPolicy] == BrowserPage.own.policy)
    #expect(answer.body == BrowserPage.own.document)
  }

  @Test("Each element that a hash names is there once, and nothing within it ends it", arguments: ["style", "script"])
  func elementsAreWhole(_ name: String) throws {
    #expect(Self.own.split(separator: "<\(name)", omittingEmptySubsequences: false).count == 2)
    #expect(Self.own.split(separator: "</\(name)", omittingEmptySubsequences: false).count == 2)
    let start = try #require(Self.own.firstRange(of: "<\(name)"))
    let end = try #require(Self.own.firstRange(of: "</\(name)>"))
    let element = Self.own[start.upperBound..<end.lowerBound]
    let text = element[try #require(element.firstIndex(of: ">"))...].dropFirst()
    #expect(text.count > 1000)
    #expect(!text.contains("<!--"))
    let hash = base64(SHA256.digest(of: Array(text.utf8)))
    #expect(BrowserPage.own.policy.contains("\(name)-src 'sha256-\(hash)'"))
  }

  @Test func thePageIsOneSmallFileThatAsksForNothingElse() {
    #expect(BrowserPage.own.document.count < 64_000)
    #expect(Self.own.hasPrefix("<!doctype html>"))
    #expect(Self.own.hasSuffix("</html>\n"))
    for outside in ["https:", "url(", "@import", "import(", "<link rel=\"stylesheet", "<img", "<iframe"] {
      #expect(!Self.own.contains(outside), "\(outside)")
    }
    // The only addresses are names of namespaces.
    for piece in Self.own.split(separator: "http:", omittingEmptySubsequences: false).dropFirst() {
      #expect(piece.hasPrefix("//www.w3.org/"), "\(piece.prefix(40))")
    }
    // Text never becomes markup or a program.
    for sink in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "setHTML"] {
      #expect(!Self.own.contains(sink), "\(sink)")
    }
  }
}
