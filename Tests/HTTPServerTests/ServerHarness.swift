import Dispatch
import Glibc
import HTTP
import Synchronization
import TestSupport
import Testing

@testable import HTTPServer

/// A handler whose answers tests can hold back.
final class TestHandler: RequestHandler {
  let hold = DispatchSemaphore(value: 0)
  let began = DispatchSemaphore(value: 0)
  let cancelled = Atomic<Int>(0)
  let calls = Atomic<Int>(0)
  /// Whether the server's own answers take longer than the pause between two looks for slow transfers, and are long.
  let areRefusalsSlow = Atomic<Bool>(false)
  /// Those of requests to /kept.
  let contexts = Mutex<[RequestContext]>([])

  private static let anyBody = BodyPolicy(mediaTypes: "*/*", workPoolBytes: 32 * 1024)
  private static let routes = RouteTable([
    RouteDeclaration("/livez", .reading, body: anyBody, isServedBeyondCap: true),
    RouteDeclaration("/{any}", [.get, .post], body: anyBody),
  ])

  func route(_ head: RequestHead) -> Routing {
    let route = Self.routes.route(of: head.path)
    if head.path == "/refused-late" {
      calls.add(1, ordering: .relaxed)
      _ = compute(for: 1_000_000)
    }
    return head.path.hasPrefix("/refused")
      ? .refuse(Refusal(head, route, Response(.notFound, .plainText, body: Array("no".utf8)))) : .accept(route)
  }

  func decorate(_ response: inout Response, for head: RequestHead?, of route: Route, at path: String?) {
    response.fields.append(.xRequestID, "marked")
    if areRefusalsSlow.load(ordering: .relaxed) {
      usleep(20_000)
      response = Response(response.status, .plainText, body: [UInt8](repeating: 0x2E, count: 8 << 20))
    }
  }

  func respond(to request: consuming Request, in context: RequestContext) -> Response {
    calls.add(1, ordering: .relaxed)
    switch request.head.path {
    case "/held":
      began.signal()
      hold.wait()
      return Response(.ok, .plainText, body: Array("held".utf8))
    case "/capacity":
      began.signal()
      hold.wait()
      return Response(.ok, .plainText, body: Array(String(request.body.capacity).utf8))
    case "/kept":
      contexts.withLock { $0.append(context) }
      return Response(.ok, .plainText, body: Array("kept".utf8))
    case "/until-cancelled":
      began.signal()
      // Bounded: a test that fails must end.
      for _ in 0..<5000 where !context.isCancelled() { usleep(1000) }
      if context.isCancelled() { cancelled.add(1, ordering: .relaxed) }
      return Response(.serviceUnavailable, .plainText, body: Array("cancelled".utf8))
    case "/expensive":
      context.reportUnboundedWork(WorkerPlace.expensive + 1)
      if context.isCancelled() {
        cancelled.add(1, ordering: .relaxed)
        return Response(.serviceUnavailable, .plainText, body: Array("cancelled".utf8))
      }
      began.signal()
      hold.wait()
      return Response(.ok, .plainText, body: Array("held".utf8))
    // Work for 20 ms and for 1 ms, which asks as it goes.
    case "/slow": return compute(for: 20_000_000, context)
    case "/brief": return compute(for: 1_000_000, context)
    case "/calls":
      return Response(.ok, .plainText, body: Array(String(calls.load(ordering: .relaxed)).utf8))
    case "/big":
      return Response(.ok, .plainText, body: [UInt8](repeating: 0x2E, count: 8 << 20))
    case let path where path.hasPrefix("/bytes/"):
      return Response(.ok, .plainText, body: [UInt8](repeating: 0x2E, count: Int(path.dropFirst(7)) ?? 0))
    case let path where path.hasPrefix("/reserve/"):
      let grant = context.reserveMemory(Int(path.dropFirst(9)) ?? 0)
      return Response(.ok, .plainText, body: Array("\(grant)".utf8))
    default:
      return Response(.ok, .plainText, body: Array("\(request.head.path) \(request.body.count)".utf8))
    }
  }
}

/// Keeps the thread busy for so many nanoseconds, unless the request is cancelled.
private func compute(for nanoseconds: UInt64, _ context: RequestContext? = nil) -> Response {
  let began = Clock.threadTime()
  while Clock.threadTime() - began < nanoseconds {
    if context?.isCancelled() == true { return Response(.serviceUnavailable, .plainText, body: Array("cut".utf8)) }
  }
  return Response(.ok, .plainText, body: Array("done".utf8))
}

/// Counts the connections that the server has dropped.
final class DropCounter: ServerObserver {
  let dropped = Atomic<Int>(0)
  let rejected = Atomic<Int>(0)

  func connectionDropped(_ reason: ConnectionDrop, loop: Int) { dropped.add(1, ordering: .relaxed) }

  func connectionOpened(loop: Int) {}
  func connectionClosed(loop: Int) {}
  func connectionRejected(_ reason: ConnectionRejection) { rejected.add(1, ordering: .relaxed) }
  func requestBegan(_ request: RequestMetrics, loop: Int) {}
  func requestAbandoned(_ request: RequestMetrics, loop: Int) {}
  func requestCompleted(_ request: RequestMetrics, _ response: Response, loop: Int) {}
  func requestRefused(_ request: RequestMetrics, _ response: Response, loop: Int) {}
  func requestRejected(_ problem: ProblemDetails, _ request: RequestMetrics?, _ response: Response, loop: Int) {}
}

/// A server on a free port of the loopback, stopped at the end.
func withServer(
  handler: TestHandler = TestHandler(), observer: any ServerObserver = DropCounter(),
  _ change: (inout ServerConfiguration) -> Void = { _ in },
  _ body: (SocketAddress, Server, TestHandler) throws -> Void
) throws {
  var configuration = ServerConfiguration(
    addresses: [SocketAddress(host: "127.0.0.1", port: 0)].compactMap { $0 }, loops: 2)
  configuration.drainTimeout = .seconds(2)
  configuration.limits.stopGrace = .milliseconds(50)
  change(&configuration)
  let server = Server(ServerStatus(configuration), handler: handler, observer: observer)
  let addresses = try server.start()
  defer { stop(server) }
  try body(#require(addresses.first), server, handler)
}

/// A body that goes to the work pool.
let large = [UInt8](repeating: 0x61, count: 100_000)

extension ServerConfiguration {
  /// Takes memory for one body of 100,000 bytes, not for two, and reads none of more than 150,000.
  mutating func holdOneLargeBody() {
    limits.bodyBytes = 150_000
    memoryBytes = 200_000
  }
}

/// A server whose memory one request holds while `body` runs; afterwards another may have it.
func withHeldMemory(_ body: (SocketAddress) throws -> Void) throws {
  try withServer {
    $0.holdOneLargeBody()
  } _: { address, _, handler in
    let first = try TestClient(address)
    first.post("/held", large)
    handler.began.wait()
    try body(address)
    handler.hold.signal()
    #expect(first.answer() == "200 held")
    first.post("/x", large)
    #expect(first.answer() == "200 /x 100000")
  }
}

extension TestClient {
  convenience init(_ address: SocketAddress) throws { try self.init(host: address.host, port: address.port) }
}

/// Stops a server and waits until it has.
func stop(_ server: Server) {
  let done = DispatchSemaphore(value: 0)
  server.stop { done.signal() }
  #expect(done.wait(timeout: .now() + .seconds(10)) == .success)
}
