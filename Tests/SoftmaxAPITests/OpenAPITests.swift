import HTTPCore
import Testing

@testable import SoftmaxAPI

struct OpenAPITests {
  let examples = OpenAPIExamples(String(decoding: contract(), as: UTF8.self))

  @Test func everyResponseExampleIsWhatTheHandlerAnswers() throws {
    var checked = 0
    for response in examples.values where response.path.contains("responses") {
      guard response.path.first == "paths" else { continue }
      let path = response.path[1]
      let status = try #require(response.path.first { Int($0) != nil })
      let request = try #require(
        examples.values.first {
          $0.path.starts(with: ["paths", path, "post", "requestBody"]) && $0.name == response.name
        }, "\(response.path) has no request")
      let answer = post(path, request.text)
      #expect(String(answer.status.code) == status, "\(response.path)")
      #expect(text(answer) == response.text, "\(response.path)")
      checked += 1
    }
    #expect(checked >= 16)
  }

  @Test func everyRequestExampleHasItsResponse() {
    for request in examples.values where request.path.contains("requestBody") {
      let isAnswered = examples.values.contains {
        $0.path.starts(with: ["paths", request.path[1], "post", "responses"]) && $0.name == request.name
      }
      #expect(isAnswered, "\(request.path)")
    }
  }

  @Test func bodiesThatAreNoJSONGetTheirExample() throws {
    #expect(!examples.bodies.isEmpty)
    for body in examples.bodies {
      let response = try #require(examples.values.first { $0.path == body.path })
      let answer = post("/softmax", body.text)
      #expect(answer.status == .badRequest)
      #expect(text(answer) == response.text, "\(body.path)")
    }
  }
}

/// openapi.yaml as the service serves it.
func contract() -> [UInt8] { get("/openapi.yaml").body }
