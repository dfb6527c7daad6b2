import HTTP
import Testing

@testable import SoftmaxService

struct BodyTypeTests {
  @Test(
    "Rule 28: JSON under any of its types, in any case",
    arguments: [
      "application/json", "Application/JSON", "application/json; charset=utf-8", "application/json;charset=UTF-8",
      "application/json ; charset=\"utf-8\"", "application/json;", "application/json; ; a=b",
      "application/vnd.api+json",
      "application/problem+JSON; q=\"a;b\\\"c\"", "text/x+json", "application/x-www-form-urlencoded",
      "text/plain;charset=UTF-8", "text/plain", "application/json; charset=latin-1", "application/json; charset=utf-16",
      "application/json; charset=utf-8; charset=ascii",
    ])
  func jsonIsRead(_ type: String) {
    #expect(refusal([.contentType: type]) == nil)
  }

  @Test("Content-Type is sent once: two would be two readings of the body (RFC 9110 §8.3)")
  func aRepeatedContentTypeIsRefused() throws {
    let fields: Fields = [.contentType: "application/json", .contentType: "application/json"]
    let refusal = try #require(answer(toHead: RequestHead(.post, "/softmax", fields: fields, framing: .length(2))))
    #expect(refusal.status == .badRequest)
    #expect(try ProblemBody(refusal).type == "/problems/malformed-field")
  }

  @Test("Rule 28: a missing Content-Type counts as JSON") func aMissingContentTypeCountsAsJSON() {
    #expect(refusal([:]) == nil)
    #expect(ask(RequestHead(.post, "/softmax"), Array(#"{"logits": [0]}"#.utf8)).status == .ok)
  }

  @Test(
    "Rule 28: another type gets 415 that names the field to send",
    arguments: [
      "", "json", "application/", "/json",
      "application json",
      "application/json; charset",
      "application/json; charset=\"utf-8", "application/json; charset=", "application/json, text/plain",
      "application/+json", "text/html", "application/xml", "application/jsonp", "multipart/form-data",
    ])
  func anythingElseIsToldWhatToSend(_ type: String) throws {
    let answer = try #require(refusal([.contentType: type]))
    #expect(answer.status == .unsupportedMediaType)
    #expect(answer.fields[.acceptPost] == "application/json")
    let problem = try ProblemBody(answer)
    #expect(problem.type == "/problems/unsupported-media-type")
    #expect(problem.detail.contains("send \"Content-Type: application/json\""))
    #expect(problem.errors.isEmpty)
  }

  @Test(
    "RFC 8259 §11: a charset has no effect, unless it contradicts the bytes",
    arguments: [
      "latin-1", "utf-16", "us-ascii", "windows-1252",
    ])
  func anotherCharsetIsReadWhereTheBodyIsASCII(_ charset: String) throws {
    let head = RequestHead(.post, "/softmax", fields: [.contentType: "application/json; charset=\(charset)"])
    #expect(ask(head, Array(#"{"logits": [0]}"#.utf8)).status == .ok)
    let answer = ask(head, Array(#"{"logits": [0], "é": 1}"#.utf8))
    #expect(answer.status == .unsupportedMediaType)
    #expect(try ProblemBody(answer).detail.contains("The charset is \"\(charset)\"; send JSON in UTF-8"))
  }

  @Test func aPostWithoutABodyIsToldToSendItsLength() throws {
    let refusal = try #require(answer(toHead: RequestHead(.post, "/loss")))
    #expect(refusal.status == .lengthRequired)
    #expect(try ProblemBody(refusal).detail.contains("neither Content-Length nor Transfer-Encoding: chunked"))
  }

  @Test(arguments: ["identity", "Identity", "identity, identity", "", ",", " , identity,"])
  func anIdentityEncodingIsRead(_ encoding: String) {
    #expect(refusal([.contentEncoding: encoding]) == nil)
  }

  @Test(
    "Rule 28: a coded body gets 415", arguments: ["gzip", "br", "identity, gzip", "x", "identity x", "identity;q=1"])
  func otherEncodingsAreRefused(_ encoding: String) throws {
    let answer = try #require(refusal([.contentType: "application/json", .contentEncoding: encoding]))
    #expect(answer.status == .unsupportedMediaType)
    #expect(answer.fields[.acceptEncoding] == "identity")
    #expect(try ProblemBody(answer).type == "/problems/unsupported-content-encoding")
  }

  @Test func documentsDoNotLookAtTheBodysType() {
    #expect(answer(toHead: RequestHead(.get, "/", fields: [.contentType: "text/plain"])) == nil)
  }

  private func refusal(_ fields: Fields) -> Response? {
    answer(toHead: RequestHead(.post, "/loss", fields: fields, framing: .length(1)))
  }
}
