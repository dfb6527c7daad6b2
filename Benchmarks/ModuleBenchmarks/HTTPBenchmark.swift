import HTTP

/// A connection without a socket: from a request's bytes to its answer's, parse, frame and state in all.
func benchmarkHTTP() {
  for input in HTTPInput.all { benchmark(input) }
}

private struct HTTPInput {
  let name: String
  let bytes: [UInt8]
  /// Requests in `bytes`.
  let count: Int
  /// The answer's body.
  let answer: Int

  static var all: [HTTPInput] {
    let short = "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n"
    let post = """
      POST /gradient HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nContent-Type: application/json\r\nAccept: */*\r\n\
      User-Agent: python-requests/2.32.3\r\nAccept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\n\
      Content-Length: 20000\r\n\r\n
      """
    let browser = """
      GET /livez?probe=1 HTTP/1.1\r\nHost: softmax.example.org\r\nConnection: keep-alive\r\nCache-Control: max-age=0\r\n\
      sec-ch-ua: "Chromium";v="128", "Not;A=Brand";v="24", "Google Chrome";v="128"\r\nsec-ch-ua-mobile: ?0\r\n\
      sec-ch-ua-platform: "Linux"\r\nUpgrade-Insecure-Requests: 1\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) \
      AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36\r\nAccept: text/html,application/xhtml+xml,\
      application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8\r\nSec-Fetch-Site: none\r\nSec-Fetch-Mode: \
      navigate\r\nSec-Fetch-User: ?1\r\nSec-Fetch-Dest: document\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n\
      Accept-Language: en-GB,en;q=0.9\r\n\r\n
      """
    let body = String(repeating: "0", count: 20_000)
    let chunked =
      post.replacing("Content-Length: 20000", with: "Transfer-Encoding: chunked")
      + String(repeating: "3e8\r\n\(body.prefix(1000))\r\n", count: 20) + "0\r\n\r\n"
    return [
      HTTPInput(name: "GET, \(short.utf8.count)-byte head", bytes: Array(short.utf8), count: 1, answer: 3),
      HTTPInput(name: "GET, \(browser.utf8.count)-byte head", bytes: Array(browser.utf8), count: 1, answer: 3),
      HTTPInput(
        name: "GET, pipelined by 16", bytes: Array(String(repeating: short, count: 16).utf8), count: 16, answer: 3),
      HTTPInput(
        name: "POST of 20 kB, \(post.utf8.count)-byte head", bytes: Array((post + body).utf8), count: 1, answer: 20_000),
      HTTPInput(name: "POST of 20 kB in 20 chunks", bytes: Array(chunked.utf8), count: 1, answer: 20_000),
    ]
  }
}

private func benchmark(_ input: HTTPInput) {
  let now = Moment(instant: Instant(nanoseconds: 0), date: HTTPDate(unixSeconds: 0))
  let body = [UInt8](repeating: 0x30, count: input.answer)
  let repetitions = 100
  var connection = ConnectionState(limits: SharedLimits(HTTPLimits()), at: now)
  let time = nanoseconds {
    for _ in 0..<repetitions {
      func perform(_ action: consuming ConnectionState.Action, _ state: inout ConnectionState) {
        switch action {
        case .head: state.proceed(to: .unmatched, at: now)
        case .request(let id, let request):
          keep(request.body.count)
          state.respond(to: id, with: Response(.ok, .json, body: body), at: now)
        default: break
        }
      }
      connection.process(input.bytes.span, at: now, perform: perform)
      connection.flush(at: now, perform: perform) { first, second in
        keep(first.count)
        return first.count + second.count
      }
    }
  }
  let request = time / Double(repetitions * input.count)
  let byte = time / Double(repetitions * input.bytes.count)
  print("http \(input.name): \(request.rounded()) ns a request, \((byte * 100).rounded() / 100) ns a byte")
}
