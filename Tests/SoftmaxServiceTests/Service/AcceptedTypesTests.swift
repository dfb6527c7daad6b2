import HTTP
import Testing

@testable import SoftmaxService

@Suite("Content negotiation at GET / (RFC 9110 §12.5.1)")
struct AcceptedTypesTests {
  @Test(
    "Rule 31: who wants HTML more than text gets the page",
    arguments: [
      // Chromium, Firefox, and Safari as they ask for a document.
      "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
      "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
      "text/html", "TEXT/Html", "text/html;q=0.001", "text/html, text/plain;q=0.999", "text/html ;\tq=1.000, */*;q=0.5",
      "text/*;q=0.5, text/html;q=0.6", "text/*, text/plain;q=0", "text/html;Q=1", ",, text/html ,,",
      "text/html; charset=utf-8", "text/html;charset=\"UTF-8\", text/plain;q=0.9",
      // The range with a parameter that the page has names it more exactly than the one without.
      "text/html;q=0.1, text/html;charset=utf-8, text/plain;q=0.5",
      // A member that is no media range is passed over.
      "nonsense, text/html;q=2, text/html;q=0.5",
    ])
  func thePage(_ accept: String) {
    #expect(answer([accept]).contentType == .html)
  }

  @Test(
    "Rule 31: all others get the text",
    arguments: [
      "", "*/*", "text/plain", "text/*", "application/json", "text/html, text/plain",
      "text/html;q=0.5, text/plain;q=0.5",
      "text/html;q=0.5, */*;q=0.6", "text/html;q=0", "text/html;q=0.000, */*;q=0.1", "*/*, text/html;q=0.9",
      "text/html;level=1, text/plain;q=0.1", "text/html;charset=latin-1, */*;q=0.1",
      "text/html;q=0.1, text/html;charset=utf-8;q=0, text/plain;q=0.05",
      "text/plain;a=\"x, text/html\"", "text/plain;a=\"\\\", text/html\"", "text", "/", "text/", "*/html", "*",
      "text/html;q=", "text/html;q=2", "text/html;q=1.001", "text/html;q=0.1234", "text/html;q=.5", "text/html;q=-1",
      "text/html;q=1;q=1", "text/html;q=\u{0661}", "text/html q=1", "text/html;a=\"", "text/html; charset",
    ])
  func theText(_ accept: String) {
    #expect(answer([accept]).contentType == .plainText)
  }

  @Test func aRequestWithoutTheFieldGetsTheText() {
    #expect(answer([]).contentType == .plainText)
  }

  @Test func severalLinesAreOneList() {
    #expect(answer(["text/plain;q=0.5", "text/html"]).contentType == .html)
    #expect(answer(["text/html;q=0.5", "text/plain"]).contentType == .plainText)
  }

  @Test("Rule 31: both answers tell caches what they depend on", arguments: ["text/html", "*/*"], [Method.get, .head])
  func bothVary(_ accept: String, _ method: Method) {
    let answer = answer([accept], method)
    #expect(answer.status == .ok)
    #expect(answer.fields.values(of: .vary) == ["Accept"])
    #expect(!answer.body.isEmpty)
  }

  @Test(
    "A field as long as a head may be is read",
    arguments: ["a/b,", "\",", "text/html;", "\\\"", "*/*;q=0.1,", ",", ";"])
  func longFields(_ part: String) {
    let accept = String(repeating: part, count: 16_384 / part.utf8.count)
    #expect(answer([accept]).status == .ok)
  }

  private func answer(_ accept: [String], _ method: Method = .get) -> Response {
    var fields = Fields()
    for value in accept { fields.append(.accept, value) }
    return ask(RequestHead(method, "/", fields: fields))
  }
}
