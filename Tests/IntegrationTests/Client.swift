import CCurl
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
  var milliseconds: Double

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
      opened: ccurl_number(handle, CURLINFO_NUM_CONNECTS),
      milliseconds: Double(ccurl_size(handle, CURLINFO_TOTAL_TIME_T)) / 1_000)
  }

  /// True when the whole body of the call has been handed to the kernel.
  var hasSentBody: Bool { transfer.sent == transfer.upload.count }

  private func set(_ option: CURLoption, _ value: Int) { unsafe _ = ccurl_set_number(handle, option, value) }

  private static func transfer(_ context: UnsafeMutableRawPointer?) -> Transfer {
    guard let context = unsafe context else { preconditionFailure("libcurl lost the callback's context") }
    return unsafe Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
  }
}

extension Substring.SubSequence {
  fileprivate func lowercased() -> String { String(self).lowercased() }
}

extension String {
  fileprivate func trimmingSuffix(while predicate: (Character) -> Bool) -> Substring {
    var rest = self[...]
    while let last = rest.last, predicate(last) { rest.removeLast() }
    return rest
  }
}
