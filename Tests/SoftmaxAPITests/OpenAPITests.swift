import HTTPCore
import Testing

@testable import SoftmaxAPI

struct OpenAPITests {
  let outline: Outline
  let examples: OpenAPIExamples

  init() {
    outline = Outline(text(get("/openapi.yaml")))
    examples = OpenAPIExamples(outline)
  }

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

  @Test(arguments: zip(Endpoint.allCases, ["SoftmaxRequest", "LossRequest", "GradientRequest"]))
  func itsRequestsAreTheTableOfEndpoints(_ endpoint: Endpoint, _ schema: String) {
    let properties = outline.under("components", "schemas", schema, "properties").filter { $0.path.count == 1 }
    #expect(properties.map(\.key) == endpoint.members.map(\.name))
    #expect(outline.list("components", "schemas", schema, "required") == endpoint.requiredInputs.map(\.name))
    #expect(
      outline.list("components", "schemas", schema.replacing("Request", with: "Output"), "enum")
        == endpoint.outputs.map(\.name))
    for output in endpoint.defaultOutputs {
      let sentence = outline.value("components", "schemas", schema, "properties", "outputs", "description") ?? ""
      #expect(sentence.contains("`\(output.name)`"))
    }
  }

  @Test(arguments: zip(Endpoint.allCases, ["SoftmaxResponse", "LossResponse", "GradientResponse"]))
  func itsResponsesAreTheTableOfEndpoints(_ endpoint: Endpoint, _ schema: String) {
    let properties = outline.under("components", "schemas", schema, "properties").filter { $0.path.count == 1 }
    #expect(properties.map(\.key) == endpoint.outputs.map(\.name))
  }

  @Test(arguments: [
    (Member.axis, "Axis"), (.temperature, "Temperature"), (.dtype, "DataType"), (.ignoreIndex, "IgnoreIndex"),
    (.labelSmoothing, "LabelSmoothing"), (.reduction, "Reduction"),
  ])
  func itsDefaultsAreTheProgrammes(_ member: Member, _ schema: String) {
    #expect(
      outline.value("components", "schemas", schema, "default")
        == Parameters.defaultText(of: member).filter { $0 != "\"" })
  }

  @Test func itListsEveryTypeOfProblem() {
    let names = ProblemType.all.map(\.name)
    #expect(Set(names).count == names.count)
    #expect(outline.list("components", "schemas", "ProblemName", "enum").sorted() == names.sorted())
    #expect(
      outline.list("components", "schemas", "ProblemURI", "enum").sorted() == names.map { "/problems/" + $0 }.sorted())
    for type in ProblemType.all {
      #expect(text(get("/openapi.yaml")).contains("* `/problems/\(type.name)` (\(type.status.code)): "), "\(type.name)")
    }
  }

  @Test func everyPathIsRouted() {
    let operational: Set = ["/livez", "/readyz", "/healthz", "/metrics"]
    for path in Set(outline.under("paths").filter { $0.path.count == 1 }.map(\.key)).subtracting(operational) {
      let example = path.replacing("{name}", with: ProblemType.notFound.name)
      #expect(SoftmaxService.routes.route(of: example).label.description == path)
    }
  }
}
