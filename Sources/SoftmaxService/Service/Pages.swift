import EmbeddedResources
import HTTP
import NumericJSON
import Softmax

/// What `GET /` answers: what this is and how to call it, made from the catalogue.
struct IndexPage: Sendable {
  private let before: [UInt8]
  private let after: [UInt8]

  init(limits: Limits, version: String) {
    before = Array(
      """
      softmaxd\(version.isEmpty ? "" : " \(version)"): softmax, softmax cross-entropy and its gradient over HTTP.
      Each result is the true value, rounded once: to binary64, or to the format that "dtype" names.

        curl http://
      """.utf8)
    after = Array(
      """
      /gradient -d '{"logits": [40, 0], "target": 0}'
        {"loss":4.248354255291589e-18,"gradient":[-4.248354255291589e-18,4.248354255291589e-18]}


      \(Operation.allCases.map(Self.description).joined())\
      logits are nested arrays of rank 1 to \(TensorShape.maximumRank), at most \(limits.logits) numbers; "-Infinity" (a \
      string) masks a class.
      "outputs": [...] chooses what is answered, and in which order.

      POST /v2/models/{softmax,loss,gradient,check}/infer  the same by the Open Inference Protocol, in JSON or binary
      GET /openapi.yaml, GET /openapi.json  the whole contract (OpenAPI 3.1)
      GET /problems  each type of error, with its cure
      GET /livez, GET /readyz, GET /healthz, GET /metrics  for those who run the service

      """.utf8)
  }

  /// The text for a client that reached the service under an authority: `localhost:8080`.
  func text(authority: String?) -> [UInt8] { before + Array((authority ?? "localhost:8080").utf8) + after }

  private static func description(of operation: Operation) -> String {
    let parameters = operation.parameters.map(\.descriptor).map {
      $0.name + ($0.defaultJSON.map { " (\($0))" } ?? "")
    }
    return """
      POST \(operation.path): \(operation.summary)
        inputs      \(inputs(of: operation))
        parameters  \(parameters.joined(separator: ", "))
        \(outputs(of: operation))


      """
  }

  private static func outputs(of operation: Operation) -> String {
    guard operation.answersTensors else {
      return "candidate   your numbers: \(CheckedOutput.allCases.map(\.name).joined(separator: ", "))"
    }
    let defaults = operation.defaultOutputs.map(\.name).joined(separator: ", ")
    return "outputs     \(operation.outputs.map(\.name).joined(separator: ", ")); by default \(defaults)"
  }

  private static func inputs(of operation: Operation) -> String {
    let required = operation.requiredInputs.map { input in
      [input.name, operation.alternative(to: input)?.name].compactMap(\.self).joined(separator: " or ")
    }
    let optional = operation.optionalInputs.filter { $0.descriptor.insteadOf == nil }.map(\.name)
    return (required + (optional.isEmpty ? [] : ["optional: " + optional.joined(separator: ", ")]))
      .joined(separator: "; ")
  }
}

/// What `GET /problems` and `GET /problems/<name>` answer.
enum ProblemPages {
  /// All types.
  static let all: [UInt8] = {
    var writer = JSONWriter(capacity: 16 * 1024)
    writer.beginObject()
    writer.name("problems")
    writer.beginArray()
    for type in ProblemType.all { write(type, to: &writer) }
    writer.endArray()
    writer.endObject()
    return writer.finish()
  }()

  static func text(of type: ProblemType) -> [UInt8] {
    var writer = JSONWriter(capacity: 1024)
    write(type, to: &writer)
    return writer.finish()
  }

  private static func write(_ type: ProblemType, to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("type", type.uri)
    writer.member("title", type.title)
    writer.member("status", type.status.code)
    writer.member("description", type.explanation)
    writer.member("cure", type.cure)
    writer.member("example", type.example)
    if let retryAfter = type.retryAfter {
      writer.member("retry_after", retryAfter)
    }
    writer.endObject()
  }
}

/// What `GET /` answers to browsers: one document without any outside resource, and the policy under which it runs.
struct BrowserPage: Sendable {
  /// The document, in HTML and UTF-8.
  let document: [UInt8]
  /// The Content Security Policy (CSP Level 3): this script and this style, requests to this service, and nothing else.
  let policy: String

  /// The package's own page, put together when it is first asked for.
  static let own = BrowserPage(
    markup: EmbeddedResources.Page.markup, style: EmbeddedResources.Page.style,
    script: Array(EmbeddedResources.Page.scripts.joined()))

  /// - Parameters:
  ///   - markup: the document with an empty `<style>` and an empty `<script>`, each of which is filled.
  ///   - style: what comes into the one.
  ///   - script: what comes into the other.
  init(markup: [UInt8], style: [UInt8], script: [UInt8]) {
    document = markup.inserting(style, before: "</style>").inserting(script, before: "</script>")
    policy = [
      "default-src 'none'", "script-src \(Self.source(script))", "style-src \(Self.source(style))",
      "connect-src 'self'", "img-src data:", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
      // No text can become markup or a program, whatever a script does with it (Trusted Types).
      "require-trusted-types-for 'script'", "trusted-types 'none'",
    ].joined(separator: "; ")
  }

  /// The text between an element's tags as a hash-source (§2.3.1).
  private static func source(_ text: [UInt8]) -> String { "'sha256-\(base64(SHA256.digest(of: text)))'" }
}

extension [UInt8] {
  /// With `text` before the first place where `mark` stands, or unchanged where it stands nowhere.
  fileprivate func inserting(_ text: [UInt8], before mark: String) -> [UInt8] {
    guard let place = indices.first(where: { self[$0...].starts(with: mark.utf8) }) else { return self }
    return self[..<place] + text + self[place...]
  }
}

/// The hash by which a Content Security Policy names a script or a style (CSP Level 3 §2.3.1).
enum SHA256 {
  /// The digest of a message (FIPS 180-4 §6.2): 32 bytes.
  static func digest(of message: [UInt8]) -> [UInt8] {
    var state = initial
    let padded = padded(message)
    for start in stride(from: 0, to: padded.count, by: 64) { state.absorb(padded[start..<start + 64]) }
    return state.flatMap { word in [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: word >> $0) } }
  }

  /// The message, a bit 1, zeros, and its length in bits, in whole blocks of 64 bytes (§5.1.1).
  private static func padded(_ message: [UInt8]) -> [UInt8] {
    var bytes = message
    bytes.append(0x80)
    while bytes.count % 64 != 56 { bytes.append(0) }
    let bits = UInt64(message.count) * 8
    for shift in stride(from: 56, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: bits >> UInt64(shift))) }
    return bytes
  }

  /// §5.3.3.
  private static let initial: [UInt32] = [
    0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
  ]

  /// §4.2.2.
  fileprivate static let constants: [UInt32] = [
    0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5,
    0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174,
    0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da,
    0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7, 0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967,
    0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85,
    0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070,
    0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
    0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2,
  ]
}

extension [UInt32] {
  /// One block of 64 bytes (§6.2.2).
  fileprivate mutating func absorb(_ block: ArraySlice<UInt8>) {
    var schedule = InlineArray<64, UInt32>(repeating: 0)
    for (place, byte) in block.enumerated() { schedule[place / 4] = schedule[place / 4] << 8 | UInt32(byte) }
    for t in 16..<64 {
      let (early, late) = (schedule[t - 15], schedule[t - 2])
      let small0 = early.rotated(7) ^ early.rotated(18) ^ early >> 3
      let small1 = late.rotated(17) ^ late.rotated(19) ^ late >> 10
      schedule[t] = small1 &+ schedule[t - 7] &+ small0 &+ schedule[t - 16]
    }
    var (a, b, c, d, e, f, g, h) = (self[0], self[1], self[2], self[3], self[4], self[5], self[6], self[7])
    for t in 0..<64 {
      let sum1 = e.rotated(6) ^ e.rotated(11) ^ e.rotated(25)
      let first = h &+ sum1 &+ ((e & f) ^ (~e & g)) &+ SHA256.constants[t] &+ schedule[t]
      let sum0 = a.rotated(2) ^ a.rotated(13) ^ a.rotated(22)
      let second = sum0 &+ ((a & b) ^ (a & c) ^ (b & c))
      (a, b, c, d, e, f, g, h) = (first &+ second, a, b, c, d &+ first, e, f, g)
    }
    for (index, word) in [a, b, c, d, e, f, g, h].enumerated() { self[index] &+= word }
  }
}

extension UInt32 {
  /// ROTR (§3.2).
  fileprivate func rotated(_ count: UInt32) -> UInt32 { self >> count | self << (32 - count) }
}

/// Base64 with padding (RFC 4648 §4).
func base64(_ bytes: [UInt8]) -> String {
  let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
  var text = ""
  for start in stride(from: 0, to: bytes.count, by: 3) {
    let group = bytes[start..<Swift.min(start + 3, bytes.count)]
    let bits = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
    for place in 0..<4 { text.append(place <= group.count ? alphabet[bits >> (18 - 6 * place) & 63] : "=") }
  }
  return text
}
