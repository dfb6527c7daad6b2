import HTTP
import Testing

@testable import SoftmaxService

struct BrowserPageTests {
  private let answer = ask(RequestHead(.get, "/", fields: [.accept: "text/html"]))
  private let style = get("/page.css")
  private let script = get("/page.js")

  @Test func thePolicyLetsNothingElseIn() throws {
    let policy = try #require(answer.fields[.contentSecurityPolicy])
    let directives = policy.split(separator: "; ")
    for directive in ["script-src 'self'", "style-src 'self'", "connect-src 'self'"] {
      #expect(directives.contains { $0 == directive })
    }
    for directive in ["default-src", "base-uri", "form-action", "frame-ancestors", "trusted-types"] {
      #expect(directives.contains { $0 == "\(directive) 'none'" })
    }
    #expect(!policy.contains("unsafe"))
  }

  /// A path without a slash before it works behind a proxy's prefix too.
  @Test func thePageNamesItsStyleAndItsScript() {
    #expect(text(answer).contains(#"<link rel="stylesheet" href="page.css">"#))
    #expect(text(answer).contains(#"<script type="module" src="page.js"></script>"#))
    #expect(!text(answer).contains("<style"))
    #expect(style.contentType == .css && style.body.count > 1000)
    #expect(script.contentType == .javascript && script.body.count > 1000)
  }

  @Test func thePageIsSmallAndAsksForNothingElse() {
    let page = text(answer) + text(style) + text(script)
    #expect(page.utf8.count < 80_000)
    #expect(page.hasPrefix("<!doctype html>"))
    #expect(text(answer).hasSuffix("</html>\n"))
    for outside in ["https:", "url(", "@import", "import(", "<img", "<iframe"] {
      #expect(!page.contains(outside), "\(outside)")
    }
    // The only addresses are names of namespaces.
    for piece in page.split(separator: "http:", omittingEmptySubsequences: false).dropFirst() {
      #expect(piece.hasPrefix("//www.w3.org/"), "\(piece.prefix(40))")
    }
    // Text never becomes markup or a program.
    for sink in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "setHTML"] {
      #expect(!page.contains(sink), "\(sink)")
    }
  }
}
