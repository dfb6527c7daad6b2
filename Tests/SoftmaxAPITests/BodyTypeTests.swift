import HTTPCore
import Testing

@testable import SoftmaxAPI

struct BodyTypeTests {
  @Test(
    "Rule 28: JSON under any of its types, in any case",
    arguments: [
      "application/json", "Application/JSON", "application/json; charset=utf-8", "application/json;charset=UTF-8",
      "application/json ; charset=\"utf-8\"", "application/json;", "application/json; ; a=b",
      "application/vnd.api+json",
      "application/problem+JSON; q=\"a;b\\\"c\"", "text/x+json",
    ])
  func jsonIsRead(_ type: String) {
    #expect(refusal([.contentType: type]) == nil)
  }

  @Test("Rule 28: a missing Content-Type counts as JSON") func aMissingContentTypeCountsAsJSON() {
    #expect(refusal([:]) == nil)
    #expect(ask(RequestHead(.post, "/softmax"), Array(#"{"logits": [0]}"#.utf8)).status == .ok)
  }

  @Test(
    "Rule 28: another type gets 415 that names the field to send",
    arguments: [
      "application/x-www-form-urlencoded", "text/plain;charset=UTF-8", "", "json", "application/", "/json",
      "application json",
      "application/json; charset=latin-1", "application/json; charset=utf-16", "application/json; charset",
      "application/json; charset=\"utf-8", "application/json; charset=", "application/json, text/plain",
      "application/json; charset=utf-8; charset=ascii", "application/+json", "application/jsonp", "multipart/form-data",
    ])
  func anythingElseIsToldWhatToSend(_ type: String) throws {
    let answer = try #require(refusal([.contentType: type]))
    #expect(answer.status == .unsupportedMediaType)
    #expect(answer.fields[.acceptPost] == "application/json")
    let problem = try Parsed(answer)
    #expect(problem.type == "/problems/unsupported-media-type")
    #expect(problem.detail.contains("send \"Content-Type: application/json\""))
    #expect(problem.errors.isEmpty)
  }

  @Test(arguments: ["identity", "Identity", "identity, identity"])
  func anIdentityEncodingIsRead(_ encoding: String) {
    #expect(refusal([.contentEncoding: encoding]) == nil)
  }

  @Test("Rule 28: a coded body gets 415", arguments: ["gzip", "br", "identity, gzip", "", "x"])
  func otherEncodingsAreRefused(_ encoding: String) throws {
    let answer = try #require(refusal([.contentType: "application/json", .contentEncoding: encoding]))
    #expect(answer.status == .unsupportedMediaType)
    #expect(answer.fields[.acceptEncoding] == "identity")
    #expect(try Parsed(answer).type == "/problems/unsupported-content-encoding")
  }

  @Test func documentsDoNotLookAtTheBodysType() {
    #expect(answer(toHead: RequestHead(.get, "/", fields: [.contentType: "text/plain"])) == nil)
  }

  private func refusal(_ fields: Fields) -> Response? {
    answer(toHead: RequestHead(.post, "/loss", fields: fields))
  }
}
