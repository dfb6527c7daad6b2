import Testing

@testable import HTTP

/// Clients that send a request in pieces, with Nagle's algorithm on, wait for the first to be acknowledged.
struct AcknowledgementTests {
  static let post = "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789"
  static let chunked = "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n"

  @Test("A part of a request is acknowledged at once, wherever it is cut", arguments: [post, chunked])
  func everyCut(request: String) {
    let bytes = Array(request.utf8)
    for cut in 1..<bytes.count {
      let harness = Harness()
      harness.feed(request)
      #expect(harness.acknowledgements == 0)
      harness.feed(Array(bytes[..<cut]))
      #expect(harness.acknowledgements == 1 && harness.requests.count == 1, "cut at \(cut)")
      harness.feed(Array(bytes[cut...]))
      #expect(harness.acknowledgements == 1 && harness.requests.count == 2, "cut at \(cut)")
    }
  }

  @Test("Each part but the last is acknowledged", arguments: [post, chunked]) func everyByte(request: String) {
    let harness = Harness()
    harness.feed(request, by: 1)
    #expect(harness.acknowledgements == request.utf8.count - 1)
  }

  @Test("A body that is read straight into its place is acknowledged as it comes, and not when nothing came")
  func directBody() {
    let harness = Harness()
    harness.feed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n")
    #expect(harness.readInterest == .body && harness.acknowledgements == 1)
    harness.feed([UInt8](repeating: 0x20, count: 999_999))
    let soFar = harness.acknowledgements
    #expect(soFar > 1)
    harness.state.readBody(at: harness.now) { (_: inout OutputSpan<UInt8>) in }
    harness.goOn()
    #expect(harness.acknowledgements == soFar)
    harness.feed([0x20])
    #expect(harness.acknowledgements == soFar && harness.requests.count == 1)
  }

  @Test("Whole requests need none, one or many at a time: the answer carries it", arguments: [1, 2, 5])
  func wholeRequests(count: Int) {
    let harness = Harness()
    harness.feed(String(repeating: Self.post, count: count))
    #expect(harness.acknowledgements == 0 && harness.requests.count == count)
    harness.feed("\r\n")
    #expect(harness.acknowledgements == 0, "an empty line is no part of a request")
  }

  @Test("The part of a pipelined request behind a whole one is acknowledged by that one's answer")
  func pipelined() {
    let harness = Harness()
    harness.respond = { _ in nil }
    harness.feed(Self.post + "POST /b HTTP/1.1\r\n")
    #expect(harness.acknowledgements == 0)
    harness.answer(Response(.ok, .plainText, body: [0x61]))
    #expect(harness.acknowledgements <= 1)
    harness.feed("Host: a\r\n")
    harness.feed("Content-Length: 0\r\n\r\n")
    #expect(harness.requests.map { $0.head.path } == ["/a", "/b"])
  }

  @Test("100 Continue and an early refusal carry it themselves; the rest of a refused body is acknowledged as it comes")
  func answersCarryIt() {
    let expecting = Harness()
    expecting.feed("POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n")
    #expect(expecting.acknowledgements == 0 && expecting.text.hasPrefix("HTTP/1.1 100"))
    let refused = Harness()
    refused.decide = { _ in Response(.unsupportedMediaType, .plainText, body: [0x61]) }
    refused.feed("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n")
    let before = refused.acknowledgements
    refused.feed("01234")
    #expect(refused.acknowledgements == before + 1)
    refused.feed("56789")
    #expect(refused.acknowledgements == before + 1 && refused.statuses == [415])
  }
}
