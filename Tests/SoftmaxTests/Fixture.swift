import Foundation
import Softmax
import VectorKernels

/// One case of a fixture file (Fixtures/README.md): a request to the core and its true answers.
struct Fixture {
  enum Operation { case softmax, loss, derivation(target: Int) }
  enum Answer {
    case numbers([Double])
    case indices([Int])
    case digest(UInt64, samples: [(index: Int, value: Double)])
  }

  let name: String
  let operation: Operation
  let softmax: SoftmaxProblem
  let loss: LossProblem?
  let upstream: [Double]?
  let vector: [Double]?
  let topCount: Int
  let answers: [(output: String, answer: Answer)]

  struct Malformed: Error { let place: String }

  /// The families in Tests/SoftmaxTests/Fixtures.
  static var directory: URL {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Fixtures")
  }

  static func families() -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory.path)) ?? []
    return names.filter { $0.hasSuffix(".txt") }.map { String($0.dropLast(4)) }.sorted()
  }

  static func read(family: String) throws -> [Fixture] {
    let file = try String(contentsOf: directory.appendingPathComponent(family + ".txt"), encoding: .utf8)
    var fixtures: [Fixture] = []
    var lines: [[Substring]] = []
    for line in file.split(separator: "\n") where !line.hasPrefix("#") {
      if line.hasPrefix("case "), !lines.isEmpty {
        fixtures.append(try Fixture(lines))
        lines = []
      }
      lines.append(line.split(separator: " "))
    }
    if !lines.isEmpty { fixtures.append(try Fixture(lines)) }
    return fixtures
  }

  private init(_ lines: [[Substring]]) throws {
    var fields: [String: [Substring]] = [:]
    var wanted: [(String, [Substring])] = []
    for line in lines {
      if line[0] == "=" {
        wanted.append((String(line[1]), Array(line.dropFirst(2))))
      } else {
        fields[String(line[0])] = Array(line.dropFirst())
      }
    }
    let name = fields["case"]?.first.map(String.init) ?? "?"
    func malformed() -> Malformed { Malformed(place: name) }
    func numbers(_ field: String) throws -> [Double]? {
      if let words = fields[field + "_recurrence"] { return try Self.recurrence(words) }
      return try fields[field].map { try Self.numbers($0, .binary64) }
    }
    func integers(_ field: String) -> [Int]? { fields[field]?.compactMap { Int($0) } }

    let formats: [Substring: BinaryFormat] = [
      "float64": .binary64, "float32": .binary32, "float16": .binary16, "bfloat16": .bfloat16,
    ]
    guard let format = formats[fields["dtype"]?.first ?? "float64"] else { throw malformed() }
    guard let logits = try numbers("logits"), let shape = integers("shape"), let axis = integers("axis")?.first else {
      throw malformed()
    }
    softmax = try SoftmaxProblem(
      logits: logits, layout: Layout(shape: shape, axis: axis),
      temperature: try numbers("temperature")?.first ?? 1, softcap: try numbers("softcap")?.first, format: format,
      allowsEmptyRows: fields["empty"]?.first == "zero" || fields["op"]?.first == "loss")
    self.name = name
    upstream = try numbers("upstream")
    vector = try numbers("vector")
    topCount = integers("top_k")?.first ?? 1
    switch fields["op"]?.first {
    case "softmax":
      operation = .softmax
      loss = nil
    case "derivation":
      guard let target = integers("class")?.first else { throw malformed() }
      operation = .derivation(target: target)
      loss = nil
    case "loss":
      operation = .loss
      let target: Target
      if let indices = integers("indices") {
        target = .indices(indices)
      } else if let probabilities = try numbers("probabilities") {
        target = .probabilities(Numbers(probabilities))
      } else if let teacher = try numbers("target_logits") {
        target = .logits(Numbers(teacher))
      } else {
        throw malformed()
      }
      let reductions: [Substring: Reduction] = ["none": .none, "sum": .sum, "mean": .mean]
      guard let reduction = reductions[fields["reduction"]?.first ?? "mean"] else { throw malformed() }
      loss = try LossProblem(
        softmax: softmax, takesProbabilities: fields["input"]?.first == "probabilities", target: target,
        weight: try numbers("weight"), sampleWeight: try numbers("sample_weight"),
        ignoreIndex: integers("ignore_index")?.first ?? -100,
        labelSmoothing: try numbers("label_smoothing")?.first ?? 0, reduction: reduction,
        zLoss: try numbers("z_loss")?.first ?? 0, focalGamma: try numbers("focal_gamma")?.first ?? 0,
        divisor: try numbers("divisor")?.first)
    default:
      throw malformed()
    }
    answers = try wanted.map { output, words in (output, try Self.answer(output, words, format)) }
  }

  private static func answer(_ output: String, _ words: [Substring], _ format: BinaryFormat) throws -> Answer {
    if output == "argmax" || output == "top_indices" { return .indices(words.compactMap { Int($0) }) }
    guard words.first == "digest", words.count > 1, let digest = UInt64(words[1], radix: 16) else {
      return .numbers(try numbers(words, format))
    }
    let samples = try words.dropFirst(2).map { word in
      let pair = word.split(separator: ":")
      guard pair.count == 2, let index = Int(pair[0]) else { throw Malformed(place: String(word)) }
      return (index: index, value: try number(pair[1], format))
    }
    return .digest(digest, samples: samples)
  }

  private static func number(_ word: Substring, _ format: BinaryFormat) throws -> Double {
    guard let bits = UInt64(word, radix: 16) else { throw Malformed(place: String(word)) }
    switch format {
    case .binary64: return Double(bitPattern: bits)
    case .binary32: return Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits)))
    case .bfloat16: return Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits) << 16))
    default: return Double(Float16(bitPattern: UInt16(truncatingIfNeeded: bits)))
    }
  }

  private static func numbers(_ words: [Substring], _ format: BinaryFormat) throws -> [Double] {
    var values: [Double] = []
    for word in words {
      let parts = word.split(separator: "*")
      let value = try number(parts[0], format)
      values.append(contentsOf: repeatElement(value, count: parts.count > 1 ? Int(parts[1]) ?? 0 : 1))
    }
    return values
  }

  private static func recurrence(_ words: [Substring]) throws -> [Double] {
    guard words.count == 5, var state = UInt64(words[0]), let count = Int(words[1]), let width = Int(words[2]),
      let exponent = Int(words[3])
    else { throw Malformed(place: "recurrence") }
    let middle = words[4] == "signed" ? Int64(1) << (width - 1) : 0
    return (0..<count).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Double(sign: .plus, exponent: exponent, significand: Double(Int64(state >> (64 - width)) - middle))
    }
  }

  /// FNV-1a over whole words; every zero counts as +0.
  static func digest(_ values: [Double]) -> UInt64 {
    values.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ ($1 == 0 ? 0 : $1.bitPattern)) &* 0x100_0000_01b3 }
  }
}
