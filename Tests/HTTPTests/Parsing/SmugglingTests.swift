import Testing

@testable import HTTP

/// Heads mutated in every way that smuggling has used. Whatever our parser accepts, the most lenient reader imaginable
/// must frame in the same way; all else must be refused and the connection ended.
struct SmugglingTests {
  static let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
  static let body = "0\r\n\r\n\(smuggled)"

  /// Feeds one mutation. Returns what is wrong, or nil.
  private static func fault(_ raw: [UInt8]) -> String? {
    let harness = Harness()
    harness.feed(raw)
    if harness.rejections.isEmpty {
      // The rest may be a piece of a request; its end must be its refusal, not a wait.
      harness.finish()
    }
    if let request = harness.requests.first, let fault = LenientReader.disagreement(raw, request) { return fault }
    guard harness.rejections.count <= 1 else { return "two refusals" }
    if !harness.rejections.isEmpty {
      guard let last = harness.answers().last, last.status >= 400, last["connection"] == "close" else {
        return "not ended"
      }
      let before = harness.requests.count
      harness.feed(smuggled)
      guard harness.requests.count == before else { return "read on" }
    }
    return nil
  }

  private static func check(_ cases: some Sequence<[UInt8]>) -> (count: Int, faults: [String]) {
    var count = 0
    var faults: [String] = []
    for raw in cases {
      count += 1
      if let fault = fault(raw) { faults.append("\(fault): \(String(decoding: raw, as: UTF8.self).debugDescription)") }
    }
    return (count, faults)
  }

  private static let lines = [
    "Content-Length: \(body.utf8.count)", "Transfer-Encoding: chunked", "Host: a", "Connection: keep-alive", "X: y",
  ]

  /// A POST whose framing depends on `line`, in front of a body that holds another request.
  private static func message(_ line: [UInt8], _ others: [String]) -> [UInt8] {
    Array("POST /a HTTP/1.1\r\n") + others.flatMap { Array($0 + "\r\n") } + line + Array("\r\n\r\n" + body)
  }

  @Test("Every byte put into, and in place of, every byte of a framing line", arguments: 0...1)
  func mutatedLine(which: Int) {
    let line = Array(Self.lines[which].utf8)
    let other = Self.lines[1 - which]
    var mutations: [[UInt8]] = []
    for byte in UInt8.min...UInt8.max {
      for index in 0...line.count {
        mutations.append(line[..<index] + [byte] + line[index...])
        if index < line.count { mutations.append(line[..<index] + [byte] + line[(index + 1)...]) }
      }
    }
    let alone = Self.check(mutations.lazy.map { Self.message($0, ["Host: a"]) })
    #expect(alone.faults.isEmpty && alone.count > 9_000)
    // Beside the other framing field, a mutation may pass only as a field that nobody takes for framing.
    let beside = Self.check(mutations.lazy.map { Self.message($0, ["Host: a", other]) })
    #expect(beside.faults.isEmpty)
  }

  @Test("Line ends, folds, repetitions and orders of the framing fields")
  func combinations() {
    let ends = [
      "\r\n", "\n", "\r", "\r\r\n", "\n\r", "\r\n ", "\r\n\t", " \r\n", "\u{0}\r\n", "\u{B}", "\u{C}", "\u{0}",
      "\r\n\r\n", "\u{85}",
    ]
    let lengths = [
      "Content-Length: 5", "Content-Length: \(Self.body.utf8.count)", "Content-Length: 0", "Content-Length : 5",
      "content-length:5",
      "Content-Length: +5", "Content-Length: 5, 5", "Content-Length: 0x5", "Content-Length:", "Content-Length: 5\u{B}",
      "Content-Length: 5;", " Content-Length: 5", "Content_Length: 5", "X: y\rContent-Length: 5",
      "X: y\nContent-Length: 5",
      "Content-Length: -0", "Content-Length: 18446744073709551621", "Content-Length\u{0}: 5", "X: y",
    ]
    let codings = [
      "Transfer-Encoding: chunked", "Transfer-Encoding: Chunked", "Transfer-Encoding: xchunked",
      "Transfer-Encoding: chunked, identity",
      "Transfer-Encoding : chunked", "Transfer-Encoding:\u{B}chunked", "Transfer-Encoding:\r\n chunked",
      "Transfer-Encoding: chunked;a",
      "Transfer-Encoding: \"chunked\"", "Transfer-Encoding: identity", "Transfer_Encoding: chunked",
      " Transfer-Encoding: chunked",
      "X: y\nTransfer-Encoding: chunked", "X: y\rTransfer-Encoding: chunked", "Transfer-Encoding: gzip, chunked",
      "Transfer-Encoding:",
      "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nTransfer-Encoding: x",
      "Z: y",
    ]
    var cases: [[UInt8]] = []
    for end in ends {
      for length in lengths {
        for coding in codings {
          for version in ["1.1", "1.0"] {
            for (first, second) in [(length, coding), (coding, length)] {
              cases.append(
                Array("POST /a HTTP/\(version)\r\nHost: a\r\n\(first)\(end)\(second)\r\n\r\n\(Self.body)".utf8))
            }
          }
        }
      }
    }
    let result = Self.check(cases)
    #expect(result.faults.isEmpty && result.count > 10_000)
  }

  @Test("Every byte in place of, and put into, every byte of a chunked body")
  func mutatedChunks() {
    let head = Array("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    let body = Array("3;a=\"b\"\r\nabc\r\n0\r\nX: y\r\n\r\n")
    var tooMany: [String] = []
    for byte in UInt8.min...UInt8.max {
      for index in body.indices {
        for mutation in [body[..<index] + [byte] + body[index...], body[..<index] + [byte] + body[(index + 1)...]] {
          let harness = Harness()
          harness.feed(head + Array(mutation) + Array(Self.smuggled))
          let reached = harness.requests.dropFirst().map(\.head.path)
          // The request behind is reached at its own first byte, or not at all.
          if !harness.requests.isEmpty, reached != ["/smuggled"], harness.rejections.isEmpty {
            tooMany.append(String(decoding: mutation, as: UTF8.self).debugDescription)
          }
          if let first = harness.requests.first, first.body.count > 3 + 12 { tooMany.append("data") }
        }
      }
    }
    #expect(tooMany.isEmpty)
  }
}

/// Reads a head as the most careless server might: any control ends a line, only a name's letters count.
enum LenientReader {
  static func disagreement(_ raw: [UInt8], _ request: Request) -> String? {
    guard let end = raw.firstRange(of: "\r\n\r\n".utf8) else { return "a request without a head" }
    var lengths: [String] = []
    var codings: [String] = []
    let isEnd: (UInt8) -> Bool = { $0 < 0x20 && $0 != 0x09 || $0 == 0x7F }
    for line in raw[..<end.lowerBound].split(omittingEmptySubsequences: true, whereSeparator: isEnd).dropFirst() {
      if line.first == 0x20 || line.first == 0x09 { return "a folded line" }
      let parts = line.split(separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
      let name = parts[0].map { $0 | 0x20 }.filter { (0x61...0x7A).contains($0) }
      let value = parts.count > 1 ? String(decoding: parts[1], as: UTF8.self) : ""
      if name.elementsEqual("contentlength".utf8) { lengths.append(value) }
      if name.elementsEqual("transferencoding".utf8) { codings.append(value) }
    }
    func bare(_ text: String) -> String { text.lowercased().filter { $0 != " " && $0 != "\t" } }
    switch (lengths.count, codings.count, request.head.framing) {
    case (0, 0, .none): return nil
    case (1, 0, .length(let length)) where bare(lengths[0]) == String(length): return nil
    case (1, 0, .length(let length)) where bare(lengths[0]).allSatisfy { "0123456789".contains($0) }:
      return Int(bare(lengths[0])) == length ? nil : "another length"
    case (0, 1, .chunked) where bare(codings[0]) == "chunked": return nil
    default: return "\(lengths) \(codings) read as \(request.head.framing)"
    }
  }
}
