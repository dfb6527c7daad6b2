import Testing

@testable import HTTP

/// Host (RFC 9112 §3.2, RFC 3986 §3.2), rules 16 and 29.
struct HostTests {
  @Test("Rule 16: HTTP/1.1 has exactly one Host")
  func exactlyOne() {
    expectRejected("GET / HTTP/1.1\r\n\r\n", 400, .invalidHost)
    expectRejected("GET / HTTP/1.1\r\nX: y\r\n\r\n", 400, .invalidHost)
    expectRejected("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, .invalidHost)
    expectRejected("GET / HTTP/1.1\r\nHost: a\r\nX: y\r\nhOST: b\r\n\r\n", 400, .invalidHost)
    expectRejected("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400, .invalidHost)
    expectAccepted("GET / HTTP/1.1\r\nHOST:a\r\n\r\n")
  }

  @Test(
    "Rules 16 and 29: a host is a reg-name or an address, its port possibly empty",
    arguments: [
      "a", "a.b.c", "a:80", "a:", "a:0", "a:65535", "127.0.0.1", "127.0.0.1:8080", "my_service", "my_service:80",
      "A-B.C",
      "[::1]", "[::1]:80", "[::]", "[2001:db8::1]", "[1:2:3:4:5:6:7:8]", "[::ffff:1.2.3.4]", "[1::8]:", "a%20b",
      "xn--bcher-kva",
      "a~!$&'()*+;=", "[1:2:3:4:5:6:1.2.3.4]", "[1:2:3:4:5:6:7::]", "1.2.3.4.5", "localhost", "a..b", "a.:1",
    ])
  func valid(host: String) {
    expectAccepted("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n") { #expect($0.head.authority == host) }
  }

  @Test(
    "An authority is a host, an address in its brackets, and perhaps a port (RFC 3986 §3.2)",
    arguments: [
      ("a", "a", nil), ("a:", "a", ""), ("A.b:80", "A.b", "80"), ("[::1]", "[::1]", nil),
      ("[::1]:8080", "[::1]", "8080"),
      ("1.2.3.4:0", "1.2.3.4", "0"),
    ] as [(String, String, String?)])
  func partsOfAnAuthority(text: String, host: String, port: String?) throws {
    let parts = try #require(Authority.parts(of: text))
    #expect(parts.host == host && parts.port == port)
  }

  @Test("What is no authority has no parts", arguments: ["", ":80", "a,b", "a:b", "u@a", "::1", "[::1]x", "a:65536"])
  func whatIsNoAuthority(text: String) {
    #expect(Authority.parts(of: text) == nil)
  }

  @Test(
    "Rule 16: no user information, path, list or bad character in Host",
    arguments: [
      "", " ", "a@b", "user:pw@b", "@b", "a/b", "/", "a/", "a,b", "a, b", ",", "a b", "a\tb", "a:b", "a:80:80", "a:-1",
      "a:+80",
      "a:80 80", "a:65536", "a:999999", "a:8x", ":80", ":", "http://a", "a?b", "a#b", "a\\b", "a\"b", "<a>", "a|b",
      "{a}", "a^b",
      "a`b", "a%00", "a%0d%0A", "a%7F", "a%", "a%2", "a%zz", "\u{E9}", "a\u{A0}", "[", "]", "[]", "[::1", "::1",
      "[::1]a", "[::1]:x", "[:::]",
      "[1::2::3]",
      "[1:2:3:4:5:6:7]", "[1:2:3:4:5:6:7:8:9]", "[12345::]", "[g::]", "[::1%25eth0]", "[v1.a]", "[1.2.3.4]",
      "[::1.2.3]",
      "[::1.2.3.256]", "[::01.2.3.4]", "[::1.2.3.4.5]", "[1:]", "[:1]", "[1:2:3:4:5:6:7:8::]", "a[b]", "[::1][::1]",
      "[::1]:65536",
    ])
  func invalid(host: String) {
    expectRejected("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n", 400, .invalidHost)
    expectRejected("GET / HTTP/1.0\r\nHost: \(host)\r\n\r\n", 400, .invalidHost)
    expectRejected("GET http://b/ HTTP/1.1\r\nHost: \(host)\r\n\r\n", 400, .invalidHost)
  }
}
