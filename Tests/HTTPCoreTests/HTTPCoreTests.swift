import Testing

@testable import HTTPCore

@Test func smoke() {
  var h = Harness()
  h.feed("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nPOST /softmax HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
  print(h.text, h.requests.map { $0.body }, h.rejections)
  h.feed(
    "POST /softmax HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nX: y\r\n\r\n", by: 1)
  print(h.text, h.requests.map { $0.body }, h.rejections)
  h.feed("GET /healthz HTTP/1.1\nHost: a\r\n\r\n")
  print(h.text, h.requests.count, h.rejections, h.shutsDown)
  h.finish()
  #expect(h.closed == .finished)
}
