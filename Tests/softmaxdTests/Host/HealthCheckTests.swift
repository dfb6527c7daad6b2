import HTTP
import HTTPServer
import Testing

@testable import softmaxd

@Suite struct HealthCheckTests {
  private struct Handler: RequestHandler {
    func route(_ head: RequestHead) -> Routing { .accept(.unmatched) }

    func respond(to request: consuming Request, in context: RequestContext) -> Response { Response(.ok) }
  }

  @Test func hearsTheFirstLine() throws {
    let address = try #require(SocketAddress(host: "127.0.0.1", port: 0))
    let server = Server(configuration: ServerConfiguration(addresses: [address]), handler: Handler())
    let open = try #require(try server.start().first)
    defer { server.stop {} }
    #expect(try HealthCheck.statusLine(of: "/livez", at: open, seconds: 5) == "HTTP/1.1 200 OK")
  }

  @Test func nobodyIsAnError() throws {
    let nobody = try #require(SocketAddress(host: "127.0.0.1", port: 1))
    #expect(throws: SystemError.self) { try HealthCheck.statusLine(of: "/livez", at: nobody, seconds: 1) }
  }
}
