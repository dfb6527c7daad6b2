import HTTP
import Testing

@testable import SoftmaxService

struct EndpointTests {
  @Test(arguments: ["/v2", "/v2/"]) func theServerTellsWhatItIs(_ path: String) {
    let answer = ask(RequestHead(.get, path), of: Service(version: "1.2.3"))
    #expect(
      text(answer)
        == #"{"name":"softmaxd","version":"1.2.3","extensions":["binary_tensor_data","classification","model_configuration","parameters"]}"#
    )
    #expect(answer.contentType == .json)
  }

  @Test("Health bodies are JSON with live and ready")
  func health() {
    #expect(text(get("/v2/health/live")) == #"{"live":true}"#)
    #expect(text(get("/v2/health/ready")) == #"{"live":true,"ready":true}"#)
    #expect(text(get("/v2/models/loss/ready")) == #"{"name":"loss","ready":true}"#)
    #expect(text(get("/v2/models/loss/versions/1/ready")) == #"{"name":"loss","ready":true}"#)
  }

  @Test(arguments: [Readiness.notRunning, .shortOfMemory])
  func healthOfAProcessThatIsNotReady(_ readiness: Readiness) throws {
    let service = Service(readiness: { readiness })
    let complaint = try #require(readiness.complaint)
    for (path, subject) in [("/v2/health/ready", #""live":true"#), ("/v2/models/loss/ready", #""name":"loss""#)] {
      let answer = ask(RequestHead(.get, path), of: service)
      #expect(answer.status == .serviceUnavailable)
      #expect(answer.fields[.retryAfter] == "1")
      #expect(text(answer) == #"{\#(subject),"ready":false,"error":"\#(complaint)"}"#)
    }
    #expect(ask(RequestHead(.get, "/v2/health/live"), of: service).status == .ok)
  }

  @Test func theModelsAreTheOperations() {
    #expect(text(get("/v2/models")) == #"{"models":["softmax","loss","gradient","check"]}"#)
    let index = text(ask(RequestHead(.post, "/v2/repository/index"), Array(#"{"ready":true}"#.utf8)))
    #expect(index.hasPrefix(#"[{"name":"softmax","version":"1","state":"READY","reason":""},"#))
    #expect(text(ask(RequestHead(.post, "/v2/repository/index"))) == index)
    #expect(ask(RequestHead(.post, "/v2/repository/index"), Array("{".utf8)).status == .badRequest)
    let coded = RequestHead(
      .post, "/v2/repository/index", fields: [.contentEncoding: "gzip"], framing: .length(2))
    #expect(answer(toHead: coded)?.status == .unsupportedMediaType)
  }

  @Test(arguments: Operation.allCases.filter(\.returnsTensors))
  func metadataIsTheCatalogue(_ operation: Operation) {
    let metadata = text(get("/v2/models/\(operation.modelName)"))
    #expect(text(get("/v2/models/\(operation.modelName)/versions/1")) == metadata)
    for input in operation.requiredInputs { #expect(metadata.contains(#"{"name":"\#(input.name)","datatype":"#)) }
    for input in operation.optionalInputs { #expect(!metadata.contains(#""\#(input.name)""#)) }
    for output in operation.defaultOutputs { #expect(metadata.contains(#"{"name":"\#(output.name)","datatype":"#)) }
    let configuration = text(get("/v2/models/\(operation.modelName)/config"))
    #expect(configuration.contains(#""max_batch_size":0"#))
    for input in operation.requiredInputs + operation.optionalInputs {
      #expect(configuration.contains(#"{"name":"\#(input.name)","data_type":"TYPE_"#))
    }
    for output in operation.tensorOutputs {
      #expect(configuration.contains(#"{"name":"\#(output.name)","data_type":"#))
    }
    for parameter in operation.modelParameters {
      #expect(configuration.contains(#""\#(parameter.name)":{"string_value":"#))
    }
  }

  @Test(
    "Every output that metadata lists can be asked for, all at once",
    arguments: Operation.allCases.filter(\.returnsTensors))
  func allOutputsOfMetadata(_ operation: Operation) throws {
    let names = operation.tensorOutputs.filter(\.descriptor.isAlwaysReturned).map { #"{"name":"\#($0.name)"}"# }
    var tensors = [tensor("logits", "FP64", [2, 3], "[1,2,3,4,5,6]")]
    if operation.requiredInputs.contains(.target) { tensors.append(tensor("target", "INT64", [2], "[0,2]")) }
    let hasReduction = operation.parameters.contains(.reduction)
    for parameters in hasReduction ? ["none", "sum", "mean"].map({ #""reduction":"\#($0)""# }) : [""] {
      let answer = infer(
        operation.modelName,
        #"{"inputs":[\#(tensors.joined(separator: ","))],"outputs":[\#(names.joined(separator: ","))],"#
          + #""parameters":{\#(parameters)}}"#)
      #expect(try Inferred(answer).outputs.count == names.count, "\(text(answer))")
    }
  }

  @Test(
    "What is not there is 404, /v2/models/stats too",
    arguments: [
      "/v2/models/stats", "/v2/models/softmax/stats", "/v2/x", "/v2/models/softmax/generate", "/v2/trace/setting",
      "/v2/models/resnet", "/v2/models/softmax/versions/2", "/v2/models/softmax/versions/2/ready", "/v2/logging",
      "/v2/systemsharedmemory/status", "/v2/models/softmax/versions/1/stats", "/v2/models/", "/v2/models/softmax/",
    ])
  func whatIsNotThere(_ path: String) throws {
    let answer = get(path)
    #expect(answer.status == .notFound)
    #expect(try #require(errorText(answer)).contains("\""))
  }

  @Test(
    "Where no model or version is, it is 404 whatever the method",
    arguments: [
      "/v2/models/nope/infer", "/v2/models/nope", "/v2/models/softmax/versions/2/ready", "/v2/models/stats",
      "/v2/models/softmax/versions/2/infer",
    ], [Method.get, .put, .post, .options])
  func noMethodMakesAModel(_ path: String, _ method: Method) {
    let refusal = answer(toHead: RequestHead(method, path))
    #expect(refusal?.status == .notFound && refusal?.fields[.allow] == nil)
  }

  @Test("A model's name may be percent-encoded")
  func percentEncodedNames() {
    #expect(get("/v2/models/so%66tmax").status == .ok)
    #expect(get("/v2/models/softmax%2F").status == .notFound)
    #expect(get("/v2/models/%E2").status == .notFound)
  }

  @Test func otherMethodsAreRefusedWithAllow() throws {
    for (endpoint, route) in OpenInferenceEndpoint.routes where endpoint != .statistics {
      let path = route.template.description.replacing("{model}", with: "loss").replacing("{version}", with: "1")
      let refusal = answer(toHead: RequestHead(.delete, path))
      let answer = try #require(refusal)
      #expect(answer.status == .methodNotAllowed)
      #expect(answer.fields[.allow]?.contains("OPTIONS") == true)
      #expect(errorText(answer) != nil)
    }
  }
}
