import HTTP
import NumericJSON
import Testing

@testable import SoftmaxService

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
      let answer = post(path.replacing("{model}", with: "softmax"), request.text)
      #expect(String(answer.status.code) == status, "\(response.path)")
      #expect(text(answer) == response.text, "\(response.path)")
      checked += 1
    }
    #expect(checked >= 20)
  }

  @Test func everyRequestExampleHasItsResponse() {
    let requests = examples.values.filter { $0.path.contains("requestBody") }
    #expect(requests.count >= 20)
    for request in requests {
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

  /// The first part of the names of an operation's schemas: `Softmax`.
  private func name(of operation: Operation) -> String {
    operation.path.dropFirst().prefix(1).uppercased() + operation.path.dropFirst(2)
  }

  @Test(arguments: Operation.allCases)
  func itsRequestsAreTheCatalogue(_ operation: Operation) {
    let schema = name(of: operation) + "Request"
    let properties = outline.under("components", "schemas", schema, "properties").filter { $0.path.count == 1 }
    #expect(properties.map(\.key) == operation.fields.map(\.name))
    let inputs = operation.requiredInputs.filter { operation.alternative(to: $0) == nil }
    let required = inputs.map(\.name) + (operation == .check ? [RequestField.candidate.name] : [])
    #expect(outline.list("components", "schemas", schema, "required") == required)
    let inline = outline.list("components", "schemas", schema, "properties", "outputs", "items", "enum")
    let named = outline.list("components", "schemas", name(of: operation) + "Output", "enum")
    #expect(inline + named == operation.outputs.map(\.name))
    for output in operation.defaultOutputs {
      let sentence = outline.value("components", "schemas", schema, "properties", "outputs", "description") ?? ""
      #expect(sentence.contains("`\(output.name)`"))
    }
  }

  @Test(arguments: Operation.allCases.filter(\.returnsTensors))
  func itsResponsesAreTheCatalogue(_ operation: Operation) {
    let properties = outline.under("components", "schemas", name(of: operation) + "Response", "properties")
      .filter { $0.path.count == 1 }
    #expect(properties.map(\.key) == operation.outputs.map(\.name))
  }

  @Test(arguments: Operation.allCases)
  func itsParametersAreTheCatalogue(_ operation: Operation) throws {
    for parameter in operation.parameters {
      let reference = try #require(
        outline.value("components", "schemas", name(of: operation) + "Request", "properties", parameter.name))
      let schema = String(reference.split(separator: "/").last?.prefix { $0 != "'" } ?? "")
      let descriptor = parameter.descriptor
      #expect(
        outline.value("components", "schemas", schema, "default")
          == descriptor.defaultText)
      let type = outline.value("components", "schemas", schema, "type")
      switch descriptor.kind {
      case .number: #expect(type == "number")
      case .integer: #expect(type == "integer")
      case .choice(_, let names, _):
        #expect(type == "string")
        #expect(outline.list("components", "schemas", schema, "enum").sorted() == names.sorted())
      }
    }
  }

  @Test func itsBoundOfAnIdIsTheReaders() {
    let bound = outline.value("components", "schemas", "InferRequest", "properties", "id", "maxLength")
    #expect(bound == "\(JSONString.longestText)")
  }

  @Test func itsReportsAreTheCatalogue() {
    let candidates = outline.under("components", "schemas", "Candidate", "properties").filter { $0.path.count == 1 }
    #expect(candidates.map(\.key) == CheckedOutput.allCases.map(\.name))
    let reports = outline.under("components", "schemas", "OutputReports", "properties").filter { $0.path.count == 1 }
    #expect(reports.map(\.key) == CheckedOutput.allCases.map(\.name))
    #expect(outline.list("components", "schemas", "Cause", "examples") == Cause.allCases.map(\.rawValue))
  }

  /// Else typed clients read binary32.
  @Test func everyNumberIsADouble() {
    let lines = text(get("/openapi.yaml")).split(separator: "\n").map { $0.drop { $0 == " " || $0 == "-" } }
    let numbers = lines.indices.filter { lines[$0] == "type: number" }
    #expect(numbers.count > 5)
    for index in numbers { #expect(lines[index + 1] == "format: double", "line \(index + 1)") }
  }

  /// scripts/test holds the two documents equal; here, that it is JSON, and of the same paths.
  @Test func itsJSONHasItsPaths() throws {
    let answer = get("/openapi.json")
    #expect(answer.contentType == .json)
    var reader = JSONReader(answer.body.span)
    var paths: [String] = []
    try reader.beginObject()
    while let name = try reader.nextMember()?.text {
      guard name == "paths" else {
        try reader.skipValue()
        continue
      }
      try reader.beginObject()
      while let path = try reader.nextMember()?.text {
        paths.append(path)
        try reader.skipValue()
      }
    }
    try reader.finish()
    #expect(paths == outline.under("paths").filter { $0.path.count == 1 }.map(\.key))
  }

  @Test func itListsEveryTypeOfProblem() {
    let names = ProblemType.all.map(\.name)
    #expect(Set(names).count == names.count)
    for type in ProblemType.all {
      #expect(text(get("/openapi.yaml")).contains("* `/problems/\(type.name)` (\(type.status.code)): "), "\(type.name)")
    }
  }

  @Test func everyPathIsRouted() {
    let operational: Set = ["/livez", "/readyz", "/healthz", "/health", "/metrics"]
    let paths = Set(outline.under("paths").filter { $0.path.count == 1 }.map(\.key)).subtracting(operational)
    #expect(paths.count >= 20)
    for path in paths {
      let example = path.replacing("{name}", with: ProblemType.notFound.name)
      #expect(Service.routes.route(of: example).label.description == path)
    }
  }
}
