// A client in Swift with Foundation's URLSession.
//
// Build: swiftc -O -swift-version 5 client.swift -o client
// Run: ./client http://127.0.0.1:8080

import Foundation
#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

guard let service = URL(string: CommandLine.arguments.dropFirst().first ?? "http://127.0.0.1:8080") else {
  fatalError("the argument is not a URL")
}

struct Row: Encodable { let logits: [Double], target: Int? }
struct Batch: Encodable { let logits: [[Double]], target: [Int] }
struct Softmax: Decodable { let probabilities: [Double] }
struct Loss: Decodable { let loss: Double }
struct Gradient: Decodable { let gradient: [[Double]] }
struct Problem: Decodable, Error { let status: Int, detail: String }

func post<Answer: Decodable>(_ path: String, _ message: some Encodable) async throws -> Answer {
  var request = URLRequest(url: service.appendingPathComponent(path))
  request.httpMethod = "POST"
  request.setValue("application/json", forHTTPHeaderField: "Content-Type")
  request.httpBody = try JSONEncoder().encode(message)
  let (body, response) = try await URLSession.shared.data(for: request)
  guard (response as? HTTPURLResponse)?.statusCode == 200 else {
    throw try JSONDecoder().decode(Problem.self, from: body)
  }
  return try JSONDecoder().decode(Answer.self, from: body)
}

let softmax: Softmax = try await post("softmax", Row(logits: [0.1 + 0.2, 1.0 / 3, -2.5], target: nil))
let loss: Loss = try await post("loss", Row(logits: [40, 0], target: 0))
let gradient: Gradient = try await post("gradient", Batch(logits: [[2, 1, 0.1], [0.5, 2.5, -1]], target: [0, 2]))
print("softmax ", softmax.probabilities)
print("loss    ", loss.loss)
print("gradient", gradient.gradient)
do {
  let _: Loss = try await post("loss", Row(logits: [1, 2], target: 5))
  fatalError("a target that does not exist was answered")
} catch let problem as Problem {
  print("refused ", problem.status, problem.detail)
}

let exact =
  softmax.probabilities == [0.47739415140192576, 0.49357548035441035, 0.02903036824366389]
  && loss.loss == 4.248354255291589e-18
  && gradient.gradient == [
    [-0.17049943055701605, 0.12121648535235696, 0.04928294520465908],
    [0.05805726733707059, 0.42898840530422866, -0.4870456726412992],
  ]
if !exact { fatalError("a number differs") }
