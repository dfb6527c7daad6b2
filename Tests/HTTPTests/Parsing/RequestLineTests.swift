import Testing

@testable import HTTP

/// The request line and its target (RFC 9112 §3), rules 16 to 19.
struct RequestLineTests {
  @Test(
    "Rule 17: single spaces, a token as method, exactly HTTP/1.x",
    arguments: [
      "GET  / HTTP/1.1", "GET /  HTTP/1.1", "GET / HTTP/1.1 ", " GET / HTTP/1.1", "GET\t/\tHTTP/1.1", "GET\t/ HTTP/1.1",
      "GET /\tHTTP/1.1", "GET", "GET ", "GET /", "GET / ", "/ HTTP/1.1", "GET/ HTTP/1.1", "GET /HTTP/1.1",
      "GET  HTTP/1.1",
      "G:T / HTTP/1.1", "G(T) / HTTP/1.1", "G\u{C9}T / HTTP/1.1", "\"GET\" / HTTP/1.1", "GET/ / HTTP/1.1",
      "GET, / HTTP/1.1",
      "GET / http/1.1", "GET / Http/1.1", "GET / HTTP/01.1", "GET / HTTP/1.10", "GET / HTTP/1.01", "GET / HTTP/1",
      "GET / HTTP/1.",
      "GET / HTTP/.1", "GET / HTTP 1.1", "GET / HTTP/1,1", "GET / HTTP/1.1x", "GET / HTTP/1.1\t", "GET / HTTP/+1.1",
      "GET / HTTP/1.-1", "GET / HTTPS/1.1", "GET / HTTP//1.1", "GET / HTTP/1.1 HTTP/1.1", "GET / / HTTP/1.1",
      "GET / FTP/1.1",
      "GET / ICY/1.1", "GET / HTTP/1 1", "GET / HTTP/ 1.1", "GET / HTTP/a.b", "GET / HTTP/1.a", "GET / HTTP/\u{661}.1",
      "SSH-2.0-OpenSSH_9.2", "EHLO a", "",
    ])
  func malformed(line: String) {
    expectRejected((line.isEmpty ? "\r\n" : "") + "\(line)\r\nHost: a\r\n\r\n", 400, .malformedRequestLine)
  }

  @Test("Rule 17: other major versions get 505, and there is no HTTP/0.9")
  func otherVersions() {
    for version in ["HTTP/2.0", "HTTP/0.9", "HTTP/3.0", "HTTP/9.9", "HTTP/0.0"] {
      expectRejected("GET / \(version)\r\nHost: a\r\n\r\n", 505, .versionNotSupported)
    }
    expectRejected("GET /\r\n", 400, .malformedRequestLine)
    // A higher minor version is served as 1.1 (RFC 9110 §2.5).
    expectAccepted("GET / HTTP/1.2\r\nHost: a\r\n\r\n") { #expect($0.head.version == .http11) }
    expectRejected("GET / HTTP/1.9\r\n\r\n", 400, .invalidHost)
  }

  @Test("Rule 26: the preface of HTTP/2 gets 505")
  func preface() {
    expectRejected("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, .versionNotSupported)
  }

  @Test(
    "A method that is a token but none of ours gets 501",
    arguments: [
      "get", "Get", "FOO", "GETX", "GE", "CONNECT", "PROPFIND", "!#$%&'*+-.^_`|~", "P", "POSTT", "M-SEARCH", "PRI",
    ])
  func unknownMethod(method: String) {
    expectRejected("\(method) / HTTP/1.1\r\nHost: a\r\n\r\n", 501, .methodNotImplemented)
  }

  @Test("Each method of ours is read", arguments: Method.allCases)
  func methods(method: Method) {
    expectAccepted("\(method.name) / HTTP/1.0\r\n\r\n", keeps: false) { #expect($0.head.method == method) }
  }

  @Test(
    "Rule 18: targets that are accepted",
    arguments: [
      ("/", "/"), ("/a/b.c", "/a/b.c"), ("/?", "/"), ("/?a=b&c=d", "/"), ("/a?b?c", "/a"), ("//a", "//a"),
      ("/%41%2f", "/A%2f"), ("/%6Civ%65z", "/livez"), ("/%2e%2E/%7e%2d%5f%30", "/../~-_0"), ("/%25%36%63", "/%256c"),
      ("http://b/%61?%61", "/a"), ("/a?x={[|]}^`\"<>\\", "/a"), ("/~a-b_c!$&'()*+,;=:@", "/~a-b_c!$&'()*+,;=:@"),
      ("/../a", "/../a"), ("http://b", "/"), ("http://b/", "/"), ("http://b:80/c?d", "/c"), ("HTTP://b/c", "/c"),
      ("https://b/c", "/c"), ("http://b?d", "/"), ("http://[::1]:80/c", "/c"), ("http://b:/c", "/c"),
      ("http://127.0.0.1/c", "/c"), ("/a%20b%80%ff", "/a%20b%80%ff"), ("/?%00%0D%0A", "/"),
    ])
  func targets(target: String, path: String) {
    expectAccepted("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n") { #expect($0.head.path == path) }
  }

  @Test(
    "Rule 18: targets that are refused",
    arguments: [
      "*", "/a#b", "#", "/#", "/?#", "a", "a/b", "softmax", "?a", "\\a", "/a\\b", "/\"", "/<a>", "/{a}", "/a|b", "/a^b",
      "/`",
      "/[a]", "/%", "/%4", "/%zz", "/%4g", "/?%", "/?%zz", "/\u{E9}", "/?\u{E9}", "/\u{7F}", "a:80", "a.b:443", "http:",
      "http:/",
      "http:/a", "http://", "http:///a", "http://?a", "http://a@b/", "http://a:b@c/", "http://@b/", "http://b:port/",
      "http://b:99999/", "http://b:-1/", "http://[::1/", "http://::1/", "http://b c/", "http://b#c", "http://b/c#d",
      "ftp://b/",
      "httpx://b/", "http//b", "https:/b", "ws://b/", "file:///etc/passwd", "*/a", "**", "/*?#", "http://b,c/",
      "http://b\\c/",
      "/a%00", "/%00.html", "/%0d%0aX:%20y", "/%0A", "/%1f", "/%7F", "http://a%00/", "http://a%7f/",
      "http://[::1]x/", "http://%/", "http://b:80:80/", "://b/", "//b\u{0}",
    ])
  func badTargets(target: String) {
    let kind = target.utf8.contains { $0 < 0x20 || $0 == 0x7F } ? ProblemType.malformedField : .malformedRequestLine
    expectRejected("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n", 400, kind)
  }

  @Test(
    "A target that is refused is told what in it is at fault",
    arguments: [
      ("/livez%", "write the character % itself as %25"), ("/%zz", "two hexadecimal digits"), ("/%4", "digits"),
      ("/?%zz", "two hexadecimal digits"), ("/a%00", "escaped control characters, such as %00"), ("/%0d%0a", "%0A"),
      ("/a#b", "must not contain #"), ("/?#", "must not contain #"), ("http://b/c#d", "must not contain #"),
      ("http://a@b/", "a user or a password"), ("http://a:b@c/", "a user or a password"),
      ("/{a}", "percent-encode other characters"), ("a/b", "begins with a slash"), ("ftp://b/", "begins with a slash"),
    ])
  func badTargetsAreExplained(target: String, part: String) {
    let harness = Harness()
    harness.feed("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(harness.rejections.first?.detail.contains(part) == true, "\(harness.rejections)")
  }

  @Test("Rule 18: a target holds no control and nothing beyond ASCII", arguments: Array(0...0x20) + Array(0x7F...0xFF))
  func targetBytes(byte: Int) {
    for before in ["/", "/a", "/?", "http://a", "http://a/"] {
      let raw = Array("GET \(before)") + [UInt8(byte)] + Array("b HTTP/1.1\r\nHost: a\r\n\r\n")
      let isControl = byte == 0x7F || (byte < 0x20 && byte != 9)
      expectRejected(raw, 400, isControl ? .malformedField : .malformedRequestLine)
    }
  }

  @Test("Rule 18: absolute-form's authority wins over Host; the asterisk is for OPTIONS")
  func authority() {
    expectAccepted("GET http://b:81/c HTTP/1.1\r\nHost: a\r\n\r\n") { #expect($0.head.authority == "b:81") }
    expectAccepted("GET /c HTTP/1.1\r\nHost: a\r\n\r\n") { #expect($0.head.authority == "a") }
    expectAccepted("GET /c HTTP/1.0\r\n\r\n", keeps: false) { #expect($0.head.authority == nil) }
    expectAccepted("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n") { #expect($0.head.path == "*") }
    expectAccepted("OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n") { #expect($0.head.path == "*") }
    expectAccepted("OPTIONS http://a/ HTTP/1.1\r\nHost: a\r\n\r\n") { #expect($0.head.path == "/") }
    expectRejected("GET http://b/ HTTP/1.1\r\n\r\n", 400, .invalidHost)
    expectRejected("POST * HTTP/1.1\r\nHost: a\r\n\r\n", 400, .malformedRequestLine)
  }

  @Test("Rule 19: a target beyond 8 KiB gets 414, as soon as that is certain")
  func longTarget() {
    let most = "/" + String(repeating: "a", count: 8191)
    expectAccepted("GET \(most) HTTP/1.1\r\nHost: a\r\n\r\n")
    expectRejected("GET \(most)a HTTP/1.1\r\nHost: a\r\n\r\n", 414, .targetTooLong)
    expectRejected("GET \(most)?\(most) HTTP/1.1\r\nHost: a\r\n\r\n", 414, .targetTooLong)
    expectRejected("GET " + most + String(repeating: "a", count: 100), 414, .targetTooLong)
    // A method longer than any that is known (RFC 9112 §3), and what can be no method.
    for count in [8255, 8256, 9000, 100_000] {
      expectRejected(String(repeating: "A", count: count), 501, .methodNotImplemented)
      expectRejected("/" + String(repeating: "A", count: count), 400, .malformedRequestLine)
    }
    expectRejected(String(repeating: "A", count: 8000) + " / HTTP/1.1\r\nHost: a\r\n\r\n", 501, .methodNotImplemented)
  }
}
