// Calls the client that openapi-generator writes for Swift 6, with URLSession.
//
// Debian: swiftlang default-jre-headless
// Generate: openapi-generator-cli generate -g swift6 -i openapi.yaml -o client
// Build: swift build --package-path client
// Build: cp -r client/.build/debug/Modules client/.build/debug/OpenAPIClient.build .
// Build: swiftc -swift-version 6 -parse-as-library -I Modules -o driver OpenAPIClient.build/*.o swift6.swift
// Run: ./driver http://127.0.0.1:8080

import Foundation
import OpenAPIClient

func bits(_ value: JSONValue?) -> String {
  switch value {
  case .array(let elements): elements.map(bits).joined(separator: " ")
  case .double(let number): bits(number)
  case .int(let number): bits(Double(number))  // its decoder makes an integer of 0.0
  case .string(let text): text
  default: "none"
  }
}

func bits(_ number: Double) -> String {
  let digits = String(number.bitPattern, radix: 16)
  return String(repeating: "0", count: 16 - digits.count) + digits
}

@main
struct Driver {
  static func main() async throws {
    let service = OpenAPIClientAPIConfiguration(basePath: CommandLine.arguments[1])

    let softmax = try await MathematicsAPI.softmax(
      softmaxRequest: SoftmaxRequest(
        logits: [0.1, "-Infinity", .double(1.0 / 3)], temperature: 0.7, outputs: [.probabilities, .logProbabilities]),
      apiConfiguration: service)
    print("softmax probabilities", bits(softmax.probabilities))
    print("softmax log_probabilities", bits(softmax.logProbabilities))

    let loss = try await MathematicsAPI.loss(
      lossRequest: LossRequest(
        logits: [0.1, 1.2345678901234567, -2.5], target: 1, weight: [0.1, 0.7, 0.3], labelSmoothing: 0.1,
        reduction: .sum),
      apiConfiguration: service)
    print("loss loss", bits(loss.loss))

    let gradient = try await MathematicsAPI.gradient(
      gradientRequest: GradientRequest(
        logits: [[0.1, 0.2, "-Infinity"], [-1.5, 2.25, 0.7]], target: [0, 2], reduction: ._none,
        outputs: [.gradient, .loss]),
      apiConfiguration: service)
    print("gradient gradient", bits(gradient.gradient))
    print("gradient loss", bits(gradient.loss))

    let teacher = try await MathematicsAPI.gradient(
      gradientRequest: GradientRequest(
        logits: [0.1, 0.2, 0.7], targetLogits: [-1.5, "-Infinity", 2.25], outputs: [.klDivergence]),
      apiConfiguration: service)
    print("gradient kl_divergence", bits(teacher.klDivergence))

    let check = try await MathematicsAPI.check(
      checkRequest: CheckRequest(logits: [1, 2], candidate: Candidate(probabilities: [0.26894142, 0.73105858])),
      apiConfiguration: service)
    print("check max_relative_error", bits(check.outputs.probabilities?.maxRelativeError))

    do {
      _ = try await MathematicsAPI.loss(
        lossRequest: LossRequest(logits: [1, 2], target: 5), apiConfiguration: service)
    } catch {
      guard case .error(let status, let body?, _, _) = error else { throw error }
      let problem = try JSONDecoder().decode(Problem.self, from: body)
      print("refused", status, problem.type, problem.errors?.first?.pointer ?? "", problem.detail)
    }
  }
}
