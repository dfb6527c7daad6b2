import HTTP
import Synchronization
import Testing
import VectorKernels

@testable import SoftmaxService

/// Tensors that are read in the body and written in the answer, beside the same request in JSON.
struct InPlaceTests {
  struct Kind: Sendable, CustomTestStringConvertible {
    let datatype: String
    let format: BinaryFormat
    let size: Int
    let bits: @Sendable (Double) -> UInt64
    let number: @Sendable (UInt64) -> Double

    var testDescription: String { datatype }

    func bytes(_ numbers: [Double]) -> [UInt8] {
      numbers.flatMap { number in (0..<size).map { UInt8(truncatingIfNeeded: bits(number) >> UInt64(8 * $0)) } }
    }

    func numbers(_ bytes: [UInt8]) -> [Double] {
      stride(from: 0, to: bytes.count, by: size).map { start in
        number(bytes[start..<start + size].reversed().reduce(0) { $0 << 8 | UInt64($1) })
      }
    }
  }

  static let kinds = [
    Kind(
      datatype: "FP64", format: .binary64, size: 8, bits: { $0.bitPattern }, number: { Double(bitPattern: $0) }),
    Kind(
      datatype: "FP32", format: .binary32, size: 4, bits: { UInt64(Float($0).bitPattern) },
      number: { Double(Float(bitPattern: UInt32($0))) }),
    Kind(
      datatype: "FP16", format: .binary16, size: 2, bits: { UInt64(Float16($0).bitPattern) },
      number: { Double(Float16(bitPattern: UInt16($0))) }),
    Kind(
      datatype: "BF16", format: .bfloat16, size: 2, bits: { UInt64(Float($0).bitPattern >> 16) },
      number: { Double(Float(bitPattern: UInt32($0) << 16)) }),
  ]

  /// Rows with masks, ties, and results that lie next to a midpoint between two numbers, which take the later stages.
  static func logits(_ rows: Int, _ classes: Int, _ format: BinaryFormat) -> [Double] {
    (0..<rows).flatMap { row in
      (0..<classes).map { place -> Double in
        switch (row + place) % 5 {
        case 0: Double(place) / 8
        case 1: row % 3 == 0 ? -.infinity : -0x1p-30
        case 2: 0x1p-12
        case 3: -600 - Double(row)
        default: Double(row) - 0.375
        }
      }
    }
    .map(format.nearest)
  }

  private func text(_ numbers: [Double]) -> String {
    "[" + numbers.map { $0 == -.infinity ? "\"-Infinity\"" : "\($0)" }.joined(separator: ",") + "]"
  }

  private static func wholeNumbers(_ bytes: [UInt8]) -> [Double] {
    stride(from: 0, to: bytes.count, by: 8).map { start in
      Double(Int64(bitPattern: bytes[start..<start + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }))
    }
  }

  /// Both answers to a request: computed in place, and as JSON.
  private func check(
    _ kind: Kind, _ model: String, _ inputs: [(name: String, shape: [Int], numbers: [Double])],
    target: [Int64]?, outputs: [String], padding: Int = 0, _ parameters: String = ""
  ) throws {
    let list = outputs.map { #"{"name":"\#($0)"}"# }.joined(separator: ",")
    let targets = target.map { littleEndian($0) } ?? []
    func json(_ tensors: [String], isBinary: Bool) -> String {
      #"{"inputs":[\#(tensors.joined(separator: ","))],"outputs":[\#(list)],"#
        + #""parameters":{"binary_data_output":\#(isBinary)\#(parameters)}}"#
    }
    var binary = inputs.map { tensor($0.name, kind.datatype, $0.shape, bytes: kind.size * $0.numbers.count) }
    var plain = inputs.map { tensor($0.name, kind.datatype, $0.shape, text($0.numbers)) }
    if let target {
      binary.append(tensor("target", "INT64", [target.count], bytes: targets.count))
      plain.append(tensor("target", "INT64", [target.count], "\(target)"))
    }
    let spaces = String(repeating: " ", count: padding)
    let bytes = inputs.flatMap { kind.bytes($0.numbers) } + targets
    let found = try Inferred(infer(model, json(binary, isBinary: true) + spaces, bytes))
    let expected = try Inferred(infer(model, json(plain, isBinary: false)))
    #expect(found.outputs.map(\.name) == outputs && expected.outputs.map(\.name) == outputs)
    for (found, expected) in zip(found.outputs, expected.outputs) {
      #expect(found.shape == expected.shape && found.datatype == expected.datatype && found.isBinary)
      if found.datatype == "INT64" {
        #expect(Self.wholeNumbers(found.bytes) == expected.numbers)
        continue
      }
      let numbers = kind.numbers(found.bytes)
      #expect(numbers == expected.numbers.map(kind.format.nearest), "\(found.name)")
    }
  }

  @Test(arguments: kinds, [-1, 0])
  func softmaxInBytesIsThatOfJSON(kind: Kind, axis: Int) throws {
    for (rows, classes) in [(1, 5), (3, 7), (70, 9), (9, 70), (2, 1500)] {
      let logits = Self.logits(rows, classes, kind.format)
      let masks = (0..<rows * classes).map { logits[$0] == -.infinity && ($0 < classes || axis == 0) }
      // Axis 0 must leave a finite logit in each column.
      let sound = zip(logits, masks).map { $1 ? 0 : $0 }
      for outputs in [
        ["probabilities"], ["argmax", "log_probabilities", "entropy", "log_sum_exp"],
        ["top_probabilities", "top_indices", "top_log_probabilities"],
      ] {
        let top = outputs.contains("top_indices") ? #","top_k":1"# : ""
        for padding in [0, 1, 3] {
          try check(
            kind, "softmax", [("logits", [rows, classes], sound)], target: nil, outputs: outputs, padding: padding,
            #","axis":\#(axis)\#(top)"#)
        }
      }
    }
  }

  @Test(arguments: kinds, ["none", "sum", "mean"])
  func gradientsInBytesAreThoseOfJSON(kind: Kind, reduction: String) throws {
    for (rows, classes) in [(1, 5), (5, 7), (70, 9), (9, 70)] {
      let logits = Self.logits(rows, classes, kind.format).map { $0 == -.infinity ? -4 : $0 }
      let target = (0..<rows).map { $0 % 4 == 3 ? Int64(-100) : Int64($0 % classes) }
      for outputs in [["gradient"], ["loss"], ["loss", "gradient"], ["gradient", "loss"]] {
        try check(
          kind, "gradient", [("logits", [rows, classes], logits)], target: target, outputs: outputs,
          #","reduction":"\#(reduction)""#)
      }
      if reduction == "mean" {
        try check(
          kind, "loss", [("logits", [rows, classes], logits)], target: target, outputs: ["perplexity", "loss"])
      }
      let distribution = logits.map { _ in 0.25 }
      try check(
        kind, "gradient",
        [
          ("logits", [rows, classes], logits), ("target", [rows, classes], distribution),
          ("vector", [rows, classes], logits),
        ],
        target: nil, outputs: ["kl_divergence", "gradient", "hessian_vector_product"], #","reduction":"\#(reduction)""#)
    }
  }

  @Test(arguments: kinds, [["gradient"], ["loss", "gradient"], ["loss"]])
  func resultsOfProbabilitiesAreThoseOfJSON(kind: Kind, outputs: [String]) throws {
    let (rows, classes) = (2, 1 << 14)
    try check(
      kind, outputs == ["loss"] ? "loss" : "gradient",
      [("probabilities", [rows, classes], Array(repeating: 0x1p-14, count: rows * classes))], target: [3, 77],
      outputs: outputs)
  }

  /// Large enough for results that go where the logits are.
  @Test(arguments: kinds, [["gradient"], ["loss", "gradient"], ["gradient", "loss"]])
  func gradientsInTheLogitsPlaceAreTheSame(kind: Kind, outputs: [String]) throws {
    let (rows, classes) = (7, 70_000 / 7 / kind.size)
    let logits = Self.logits(rows, classes, kind.format).map { $0 == -.infinity ? -4 : $0 }
    let target = (0..<rows).map { $0 % 4 == 3 ? Int64(-100) : Int64($0 * 5) }
    for reduction in ["none", "mean"] {
      try check(
        kind, "gradient", [("logits", [rows, classes], logits)], target: target, outputs: outputs,
        #","reduction":"\#(reduction)""#)
    }
    for (padding, rest) in [
      (3, #","temperature":0.5"#), (1, #","softcap":5,"z_loss":0.25"#),
    ] {
      try check(
        kind, "gradient", [("logits", [rows, classes], logits)], target: target, outputs: outputs, padding: padding,
        #","reduction":"none""# + rest)
    }
  }

  /// Beside other outputs too.
  @Test(
    arguments: kinds, [["probabilities"], ["argmax", "log_probabilities", "entropy"], ["probabilities", "argmax"]])
  func softmaxInTheLogitsPlaceIsTheSame(kind: Kind, outputs: [String]) throws {
    let (rows, classes) = (7, 70_000 / 7 / kind.size)
    let logits = Self.logits(rows, classes, kind.format)
    for rest in ["", #","temperature":3"#] {
      try check(kind, "softmax", [("logits", [rows, classes], logits)], target: nil, outputs: outputs, rest)
    }
  }

  /// The results are in the body's own memory.
  @Test(arguments: kinds)
  func memoryOfResultsIsThatOfLogits(kind: Kind) throws {
    let size = 70_000 / kind.size * kind.size
    let json = request(
      tensor("logits", kind.datatype, [size / kind.size], bytes: size),
      rest: #","parameters":{"binary_data_output":true}"#)
    let fields: Fields = [.inferenceHeaderContentLength: "\(json.utf8.count)"]
    let head = RequestHead(.post, "/v2/models/softmax/infer", fields: fields, framing: .length(json.utf8.count + size))
    var body = Array(json.utf8)
    body += [UInt8](repeating: 0, count: size)
    let route = Service.routes.route(of: head.path)
    let place = unsafe body.withUnsafeBytes { Int(bitPattern: $0.baseAddress) } + json.utf8.count
    let answer = service.respond(to: Request(head: head, route: route, body: consume body), in: RequestContext())
    #expect(answer.status == .ok)
    let results = try #require(answer.bodyParts.first)
    let found = unsafe results.bytes.withUnsafeBytes { Int(bitPattern: $0.baseAddress) }
    #expect(found == place)
  }

  @Test(arguments: kinds, 0..<8)
  func whatIsNoLogitIsRefused(kind: Kind, padding: Int) throws {
    for bad in [Double.nan, .infinity] {
      var numbers = [Double](repeating: 1, count: 1500)
      numbers[1402] = bad
      let json = request(tensor("logits", kind.datatype, [1500], bytes: 1500 * kind.size))
      let answer = infer("softmax", json + String(repeating: " ", count: padding), kind.bytes(numbers))
      #expect(answer.status == .badRequest)
      #expect(
        try #require(errorText(answer)).hasPrefix(
          "inputs[0].data[1402]: logits[1402] is \(bad == .infinity ? "Infinity" : "NaN")"))
    }
  }

  /// What a request has the server set aside is what it takes: its body, its answer, and rows at work.
  @Test(arguments: kinds)
  func onlyTheMemoryNeededIsAskedFor(kind: Kind) throws {
    let (rows, classes) = (512, 1024)
    let size = rows * classes * kind.size
    let json = request(
      tensor("logits", kind.datatype, [rows, classes], bytes: size),
      rest: #","parameters":{"binary_data_output":true}"#)
    let fields: Fields = [.inferenceHeaderContentLength: "\(json.utf8.count)"]
    let head = RequestHead(.post, "/v2/models/softmax/infer", fields: fields, framing: .length(json.utf8.count + size))
    let route = Service.routes.route(of: head.path)
    let most = Mutex(0)
    let context = RequestContext(
      threads: 2,
      reserveMemory: { bytes in
        most.withLock { $0 = max($0, bytes) }
        return .granted
      })
    let body = Array(json.utf8) + [UInt8](repeating: 0, count: size)
    let answer = service.respond(to: Request(head: head, route: route, body: body), in: context)
    #expect(answer.status == .ok)
    let asked = most.withLock { $0 }
    #expect(asked >= body.count + answer.bodyCount)
    #expect(Double(asked) <= 2.2 * Double(body.count))
  }
}
