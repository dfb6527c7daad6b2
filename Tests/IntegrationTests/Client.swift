import CCurl
import Foundation
import TestSupport

/// What to ask for.
struct Call {
  var method = "GET"
  var path: String
  var fields: [String] = []
  var body: [UInt8]?
  /// Sends the body chunked, in pieces of this many bytes, with no Content-Length.
  var pieces: Int?

  static func get(_ path: String) -> Call { Call(path: path) }

  static func post(_ path: String, _ json: String, pieces: Int? = nil) -> Call {
    Call(method: "POST", path: path, fields: ["Content-Type: application/json"], body: Array(json.utf8), pieces: pieces)
  }
}

/// What came back.
struct Answer {
  var status: Int
  var fields: [(name: String, value: String)]
  var body: [UInt8]
  /// Connections that libcurl had to open for it: 0 when an old one served again.
  var opened: Int

  var text: String { String(decoding: body, as: UTF8.self) }

  /// The value of the field with this name, in lower case; nil unless there is exactly one.
  subscript(_ name: String) -> String? {
    let found = fields.filter { $0.name == name }
    return found.count == 1 ? found[0].value : nil
  }
}

/// One libcurl handle: a client that keeps its connection between calls.
@safe final class Client {
  struct Failure: Error { var code: UInt32 }

  let handle: UnsafeMutableRawPointer
  private let origin: String
  private var list: UnsafeMutablePointer<curl_slist>?
  private var transfer = Transfer()

  /// What the callbacks read from and write into.
  final class Transfer {
    var head: [String] = []
    var body: [UInt8] = []
    var upload: [UInt8] = []
    var sent = 0
    var piece = Int.max
  }

  init(_ daemon: Daemon) {
    guard let made = unsafe curl_easy_init() else { preconditionFailure("libcurl gives no handle") }
    unsafe handle = made
    unsafe list = nil
    origin = daemon.url
  }

  deinit {
    unsafe curl_easy_cleanup(handle)
    unsafe curl_slist_free_all(list)
  }

  /// Sends the call and waits for its answer.
  func send(_ call: Call) throws -> Answer {
    prepare(call)
    let code = unsafe curl_easy_perform(handle)
    guard code == CURLE_OK else { throw Failure(code: code.rawValue) }
    return answer()
  }

  /// Sets the handle up for the call, so that it can be performed here or by a `Crowd`.
  func prepare(_ call: Call) {
    transfer = Transfer()
    unsafe curl_easy_reset(handle)
    unsafe curl_slist_free_all(list)
    unsafe list = nil
    for field in call.fields { unsafe list = curl_slist_append(list, field) }
    set(CURLOPT_NOSIGNAL, 1)
    set(CURLOPT_TIMEOUT_MS, 240_000)
    unsafe _ = ccurl_set_string(handle, CURLOPT_URL, origin + call.path)
    unsafe _ = ccurl_set_string(handle, CURLOPT_NOPROXY, "*")
    if call.method == "HEAD" {
      set(CURLOPT_NOBODY, 1)
    } else if let body = call.body {
      set(CURLOPT_POST, 1)
      transfer.upload = body
      if let piece = call.pieces {
        transfer.piece = piece
        unsafe list = curl_slist_append(list, "Transfer-Encoding: chunked")
      } else {
        unsafe _ = ccurl_set_size(handle, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(body.count))
      }
    }
    if call.method != "HEAD" { unsafe _ = ccurl_set_string(handle, CURLOPT_CUSTOMREQUEST, call.method) }
    unsafe _ = ccurl_set_list(handle, CURLOPT_HTTPHEADER, list)
    let context = unsafe Unmanaged.passUnretained(transfer).toOpaque()
    unsafe _ = ccurl_set_pointer(handle, CURLOPT_WRITEDATA, context)
    unsafe _ = ccurl_set_pointer(handle, CURLOPT_HEADERDATA, context)
    unsafe _ = ccurl_set_pointer(handle, CURLOPT_READDATA, context)
    unsafe _ = ccurl_set_callback(handle, CURLOPT_WRITEFUNCTION) { bytes, size, count, context in
      let received = unsafe UnsafeBufferPointer(start: bytes, count: size * count)
      unsafe Client.transfer(context).body.append(contentsOf: received.lazy.map { UInt8(bitPattern: $0) })
      return size * count
    }
    unsafe _ = ccurl_set_callback(handle, CURLOPT_HEADERFUNCTION) { bytes, size, count, context in
      let received = unsafe UnsafeBufferPointer(start: bytes, count: size * count)
      let line = unsafe String(decoding: received.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      unsafe Client.transfer(context).head.append(line)
      return size * count
    }
    unsafe _ = ccurl_set_callback(handle, CURLOPT_READFUNCTION) { bytes, size, count, context in
      let transfer = unsafe Client.transfer(context)
      let next = min(size * count, transfer.piece, transfer.upload.count - transfer.sent)
      for index in 0..<next { unsafe bytes?[index] = CChar(bitPattern: transfer.upload[transfer.sent + index]) }
      transfer.sent += next
      return next
    }
  }

  /// The answer to the call that was performed last.
  func answer() -> Answer {
    // An interim answer (100 Continue) comes first and ends in an empty line too: the last head counts.
    let lines = transfer.head.map { $0.trimmingSuffix { $0.isWhitespace } }
    let start = lines.lastIndex { $0.hasPrefix("HTTP/") } ?? lines.startIndex
    let fields = lines[start...].dropFirst().compactMap { line -> (name: String, value: String)? in
      guard let colon = line.firstIndex(of: ":") else { return nil }
      let value = line[line.index(after: colon)...].drop { $0 == " " }
      return (line[..<colon].lowercased(), String(value))
    }
    return unsafe Answer(
      status: ccurl_number(handle, CURLINFO_RESPONSE_CODE), fields: fields, body: transfer.body,
      opened: ccurl_number(handle, CURLINFO_NUM_CONNECTS))
  }

  /// True when the whole body of the call has been handed to the kernel.
  var hasSentBody: Bool { transfer.sent == transfer.upload.count }

  private func set(_ option: CURLoption, _ value: Int) { unsafe _ = ccurl_set_number(handle, option, value) }

  private static func transfer(_ context: UnsafeMutableRawPointer?) -> Transfer {
    guard let context = unsafe context else { preconditionFailure("libcurl lost the callback's context") }
    return unsafe Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
  }
}

extension String {
  fileprivate func trimmingSuffix(while predicate: (Character) -> Bool) -> Substring {
    var rest = self[...]
    while let last = rest.last, predicate(last) { rest.removeLast() }
    return rest
  }
}

/// Many clients at once on one thread, by libcurl's multi interface.
@safe final class Crowd {
  let clients: [Client]
  private let handle: UnsafeMutableRawPointer

  init(_ count: Int, of daemon: Daemon) {
    guard let made = unsafe curl_multi_init() else { preconditionFailure("libcurl gives no multi handle") }
    unsafe handle = made
    clients = (0..<count).map { _ in Client(daemon) }
  }

  deinit { unsafe _ = curl_multi_cleanup(handle) }

  /// Sends the calls, one a client, all at once. `meanwhile` runs after each round of input and output.
  ///
  /// - Returns: an answer a client, or the libcurl code of what went wrong with it.
  func send(_ calls: [Call], meanwhile: ([Client]) -> Void = { _ in }) -> [Result<Answer, Client.Failure>] {
    for (client, call) in zip(clients, calls) {
      client.prepare(call)
      unsafe _ = curl_multi_add_handle(handle, client.handle)
    }
    var running: Int32 = 1
    let limit = Date().addingTimeInterval(240)
    while running > 0, Date() < limit {
      unsafe _ = curl_multi_perform(handle, &running)
      meanwhile(clients)
      if running > 0 { unsafe _ = curl_multi_poll(handle, nil, 0, 20, nil) }
    }
    var codes: [UnsafeMutableRawPointer: CURLcode] = unsafe [:]
    var left: Int32 = 0
    while let message = unsafe curl_multi_info_read(handle, &left) {
      unsafe codes[message.pointee.easy_handle] = message.pointee.data.result
    }
    return zip(clients, calls).map { client, _ in
      unsafe _ = curl_multi_remove_handle(handle, client.handle)
      let code = unsafe codes[client.handle] ?? CURLE_OPERATION_TIMEDOUT
      return code == CURLE_OK ? .success(client.answer()) : .failure(Client.Failure(code: code.rawValue))
    }
  }
}

/// Request bodies of a chosen size, made fast.
enum Bodies {
  /// `{"logits":[…]}` of this many numbers in a row, each of about `digits` digits, a few values over and over.
  static func logits(_ count: Int, digits: Int = 6) -> [UInt8] {
    let numbers = (0..<64).map { index -> [UInt8] in
      let tail = "73918264505192837".prefix(max(1, digits - 1))
      return Array("\(index % 2 == 0 ? "-" : "")\(index % 9).\(tail)".utf8)
    }
    var body = Array(#"{"logits":["#.utf8)
    body.reserveCapacity(count * (digits + 4) + 32)
    for index in 0..<count {
      if index > 0 { body.append(UInt8(ascii: ",")) }
      body.append(contentsOf: numbers[index % numbers.count])
    }
    body.append(contentsOf: "]}".utf8)
    return body
  }

  /// The same, filled with white space to exactly `size` bytes.
  static func logits(_ count: Int, paddedTo size: Int, digits: Int = 6) -> [UInt8] {
    let body = logits(count, digits: digits)
    return body + [UInt8](repeating: UInt8(ascii: " "), count: max(0, size - body.count))
  }

  /// A check of a gradient of this many numbers, which are the logits again, and so wrong.
  static func check(_ count: Int) -> [UInt8] {
    let numbers = logits(count).dropFirst(#"{"logits":"#.utf8.count).dropLast()
    return Array(#"{"logits":"#.utf8) + numbers + Array(#","target":1,"candidate":{"gradient":"#.utf8) + numbers
      + Array("}}".utf8)
  }

  /// How many numbers `{"probabilities":[…]}` holds: one more than its commas.
  static func count(in answer: Answer) -> Int {
    answer.body.reduce(1) { $0 + ($1 == UInt8(ascii: ",") ? 1 : 0) }
  }
}
