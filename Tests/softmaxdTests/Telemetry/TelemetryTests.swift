import HTTP
import HTTPServer
import SoftmaxService
import Testing

@testable import softmaxd

/// What is counted, as a scrape would see it.
@Suite struct TelemetryTests {
  private func lines(_ telemetry: Telemetry) -> [Substring] {
    String(decoding: telemetry.exposition(ServerStatus(ServerConfiguration(addresses: []))), as: UTF8.self).split(
      separator: "\n")
  }

  private func request(
    _ method: HTTP.Method, _ path: String, milliseconds: UInt64 = 0, bytes: Int = 0
  ) -> RequestMetrics {
    RequestMetrics(
      RequestHead(method, path), OperationalEndpoints.routes.route(of: path), bodyBytes: bytes,
      began: Instant(nanoseconds: 1_000_000_000),
      ended: Instant(nanoseconds: 1_000_000_000 + milliseconds * 1_000_000))
  }

  @Test func loopsAreAddedUpByMethodRouteAndStatus() {
    let telemetry = Telemetry(loops: 2, log: .off)
    let response = Response(.ok, .json, body: [UInt8](repeating: 0, count: 2000))
    let quick = request(.post, "/softmax", milliseconds: 7, bytes: 100)
    let slow = request(.post, "/softmax", milliseconds: 20_000, bytes: 100)
    telemetry.requestBegan(quick, loop: 0)
    telemetry.requestCompleted(quick, response, loop: 0)
    telemetry.requestBegan(slow, loop: 1)
    telemetry.requestCompleted(slow, response, loop: 1)
    telemetry.requestBegan(slow, loop: 1)
    let route = "http_request_method=\"POST\",http_route=\"/softmax\""
    let labels = route + ",http_response_status_code=\"200\""
    let text = lines(telemetry)
    for line in [
      "http_server_request_duration_seconds_bucket{\(labels),le=\"0.005\"} 0",
      "http_server_request_duration_seconds_bucket{\(labels),le=\"0.01\"} 1",
      "http_server_request_duration_seconds_bucket{\(labels),le=\"10\"} 1",
      "http_server_request_duration_seconds_bucket{\(labels),le=\"+Inf\"} 2",
      "http_server_request_duration_seconds_sum{\(labels)} 20.007",
      "http_server_request_duration_seconds_count{\(labels)} 2",
      "http_server_request_body_size_bytes_sum{\(route)} 200",
      "http_server_response_body_size_bytes_sum{\(route)} 4000",
      "http_server_response_body_size_bytes_bucket{\(route),le=\"1024\"} 0",
      "http_server_response_body_size_bytes_bucket{\(route),le=\"8192\"} 2",
      "http_server_active_requests{http_request_method=\"POST\"} 1",
    ] { #expect(text.contains(Substring(line))) }
  }

  @Test("Requests of microseconds are told from those of milliseconds")
  func quickRequestsAreResolved() {
    let telemetry = Telemetry(loops: 1, log: .off)
    let began = Instant(nanoseconds: 1_000_000_000)
    func answer(nanoseconds: UInt64) {
      let ended = Instant(nanoseconds: began.nanoseconds + nanoseconds)
      let route = OperationalEndpoints.routes.route(of: "/loss")
      let request = RequestMetrics(RequestHead(.post, "/loss"), route, bodyBytes: 0, began: began, ended: ended)
      telemetry.requestCompleted(request, Response(.ok), loop: 0)
    }
    for _ in 0..<900 { answer(nanoseconds: 10_000) }
    for _ in 0..<100 { answer(nanoseconds: 70_000) }
    answer(nanoseconds: 25_000)
    let text = lines(telemetry)
    let name = "http_server_request_duration_seconds_bucket"
    let labels = "http_request_method=\"POST\",http_route=\"/loss\",http_response_status_code=\"200\""
    for (bound, count) in [("0.000025", 901), ("0.00005", 901), ("0.0001", 1001), ("10", 1001)] {
      #expect(text.contains("\(name){\(labels),le=\"\(bound)\"} \(count)"))
    }
  }

  @Test("Bounds rise")
  func boundsRise() {
    #expect(Bounds.durations.indices.dropFirst().allSatisfy { Bounds.durations[$0 - 1] < Bounds.durations[$0] })
    #expect(Bounds.sizes.indices.dropFirst().allSatisfy { Bounds.sizes[$0 - 1] < Bounds.sizes[$0] })
  }

  @Test("Each status is counted under its own code, and there is no other")
  func everyStatusHasItsLabel() {
    let codes = [
      200, 204, 304, 400, 401, 404, 405, 408, 411, 412, 413, 414, 415, 417, 421, 422, 431, 500, 501, 503, 505,
    ]
    #expect(Status.allCases.map(\.code) == codes)
    for code in codes {
      let telemetry = Telemetry(loops: 1, log: .off)
      telemetry.requestCompleted(request(.post, "/loss"), Response(Status(rawValue: code) ?? .ok), loop: 0)
      let counts = lines(telemetry).filter { $0.hasPrefix("http_server_request_duration_seconds_count") }
      #expect(counts.count == 1 && counts.first?.contains("http_response_status_code=\"\(code)\"") == true)
    }
  }

  @Test("A further status of a route adds one histogram to a scrape, and none of sizes")
  func statusesAddNoSizes() {
    let telemetry = Telemetry(loops: 2, log: .off)
    func count(_ prefix: String) -> Int { lines(telemetry).count { $0.hasPrefix(prefix) } }
    telemetry.requestCompleted(request(.post, "/loss"), Response(.ok), loop: 0)
    let (durations, all) = (count("http_server_request_duration_seconds"), count(""))
    for status in [Status.badRequest, .unprocessableContent, .serviceUnavailable] {
      telemetry.requestCompleted(request(.post, "/loss"), Response(status), loop: 1)
    }
    #expect(count("http_server_request_duration_seconds") == durations * 4)
    #expect(count("") == all + durations * 3)
  }

  @Test func whatIsRunningIsTold() {
    let text = lines(Telemetry(loops: 1, log: .off))
    #expect(text.contains { $0.hasPrefix("softmaxd_build_info{version=\"\(Program.version)\"") && $0.hasSuffix("} 1") })
    #expect(text.contains("softmaxd_queue_length 0"))
    // Nothing has been started here.
    #expect(text.contains("softmaxd_draining 1"))
  }

  @Test func openDescriptorsAreCounted() {
    let before = ProcessMetrics.read().openDescriptors
    #expect(before > 2 && before < ProcessMetrics.read().descriptorLimit)
  }

  @Test func aRequestWhoseClientHasGoneIsNoLongerActive() {
    let telemetry = Telemetry(loops: 2, log: .off)
    let request = request(.post, "/softmax")
    telemetry.requestBegan(request, loop: 1)
    telemetry.requestAbandoned(request, loop: 1)
    let text = lines(telemetry)
    #expect(text.contains("softmaxd_requests_abandoned_total 1"))
    #expect(text.contains("http_server_active_requests{http_request_method=\"POST\"} 0"))
  }

  @Test func pathsNeverBecomeLabels() {
    let telemetry = Telemetry(loops: 1, log: .off)
    for number in 0..<100 {
      telemetry.requestRefused(request(.get, "/scan/\(number)"), Response(.notFound), loop: 0)
    }
    let counts = lines(telemetry).filter { $0.hasPrefix("http_server_request_duration_seconds_count") }
    #expect(
      counts == [
        "http_server_request_duration_seconds_count{http_request_method=\"GET\",http_response_status_code=\"404\"} 100"
      ])
  }

  private func durationCounts(_ telemetry: Telemetry) -> [Substring] {
    lines(telemetry).filter { $0.hasPrefix("http_server_request_duration_seconds_count") }
  }

  @Test("What clients do wrong adds no histogram for each route, and the server's own refusals do")
  func refusalsByRoute() {
    let telemetry = Telemetry(loops: 1, log: .off)
    let problem = ProblemType.malformedField.problem("")
    let paths = OperationalEndpoints.routes.routes.filter { $0.methods.contains(MethodSet.post) }.map(
      \.label.description)
    for path in paths {
      telemetry.requestRefused(request(.post, path), Response(.contentTooLarge), loop: 0)
      telemetry.requestRejected(problem, request(.post, path), Response(problem), loop: 0)
      telemetry.requestRefused(request(.post, path), Response(.serviceUnavailable), loop: 0)
      telemetry.requestCompleted(request(.post, path), Response(.unprocessableContent), loop: 0)
    }
    let counts = durationCounts(telemetry)
    #expect(paths.count > 5 && counts.count == 2 + 2 * paths.count)
    for code in [400, 413] {
      let labels = "http_request_method=\"POST\",http_response_status_code=\"\(code)\""
      #expect(counts.contains("http_server_request_duration_seconds_count{\(labels)} \(paths.count)"))
    }
  }

  /// Anyone may read every route in each of these ways, without a token.
  @Test("What is only read counts without its route, and so does a POST where none is taken")
  func onlyWorkCountsByRoute() {
    let telemetry = Telemetry(loops: 1, log: .off)
    let reads = [
      (HTTP.Method.get, Status.ok), (.get, .notModified), (.head, .ok), (.head, .notModified), (.options, .noContent),
    ]
    let routes = OperationalEndpoints.routes.routes
    for route in routes {
      let path = route.label.description
      for (method, status) in reads { telemetry.requestCompleted(request(method, path), Response(status), loop: 0) }
      telemetry.requestRefused(request(.get, path), Response(.serviceUnavailable), loop: 0)
      if !route.methods.contains(MethodSet.post) {
        telemetry.requestRefused(request(.post, path), Response(.serviceUnavailable), loop: 0)
      }
    }
    let counts = durationCounts(telemetry)
    #expect(counts.count == reads.count + 2 && !counts.contains { $0.contains("http_route") })
    let labels = "http_request_method=\"GET\",http_response_status_code=\"200\""
    #expect(counts.contains("http_server_request_duration_seconds_count{\(labels)} \(routes.count)"))
  }

  @Test("Scrapes share a text when making it takes too much of the time")
  func scrapesShareTheirText() {
    var (shared, now, made) = (SharedText(), Instant(nanoseconds: 1_000_000_000), UInt8(0))
    func ask(_ shared: inout SharedText, at asked: Instant? = nil) -> [UInt8] {
      shared.text(askedAt: asked ?? now, clock: { now }) {
        made += 1
        now = now.advanced(by: .milliseconds(10))
        return [made]
      }
    }
    // Alone, each gets its own.
    for number in 1...3 {
      #expect(ask(&shared) == [UInt8(number)])
      now = now.advanced(by: .seconds(1))
    }
    // One that has waited while another's was made takes that.
    let asked = now
    #expect(ask(&shared) == [4] && ask(&shared, at: asked) == [4])
    for _ in 0..<1000 { _ = ask(&shared) }
    #expect(made < 12)
    let before = made
    for _ in 0..<100 {
      now = now.advanced(by: .milliseconds(10))
      _ = ask(&shared)
    }
    #expect(made > before && made - before <= 8)
  }

  @Test func whatTheParserRejectsIsCountedByReason() {
    let telemetry = Telemetry(loops: 1, log: .off)
    let problem = ProblemType.malformedField.problem("")
    telemetry.requestRejected(problem, nil, Response(problem), loop: 0)
    let late = ProblemType.requestTimeout.problem("")
    telemetry.requestRejected(late, request(.post, "/softmax", milliseconds: 20_000), Response(late), loop: 0)
    let text = lines(telemetry)
    #expect(text.contains("softmaxd_requests_rejected_total{reason=\"request-timeout\"} 1"))
    let labels = "http_request_method=\"POST\",http_response_status_code=\"408\""
    #expect(text.contains("http_server_request_duration_seconds_sum{\(labels)} 20"))
    #expect(text.contains("softmaxd_requests_rejected_total{reason=\"malformed-field\"} 1"))
    #expect(
      text.contains {
        $0.hasPrefix(
          "http_server_request_duration_seconds_count{http_request_method=\"_OTHER\",http_response_status_code=\"400\"}"
        )
      })
  }

  @Test func connectionsAndProcessAreThere() {
    let telemetry = Telemetry(loops: 1, log: .off)
    telemetry.connectionOpened(loop: 0)
    telemetry.connectionOpened(loop: 0)
    telemetry.connectionClosed(loop: 0)
    telemetry.connectionRejected(.connectionCap)
    let text = lines(telemetry)
    #expect(text.contains("softmaxd_connections 1"))
    #expect(text.contains("softmaxd_connections_accepted_total 2"))
    #expect(text.contains("softmaxd_connections_rejected_total{reason=\"connection_cap\"} 1"))
    for name in ["process_cpu_seconds_total", "process_resident_memory_bytes", "process_start_time_seconds"] {
      #expect(text.contains { $0.hasPrefix(name + " ") })
    }
  }

  @Test func everyMethodRouteAndStatusHasItsPlace() {
    let routes = OperationalEndpoints.routes.routes
    var places: Set<Int> = []
    for method in MetricLabels.methods.indices {
      for route in routes {
        for status in MetricLabels.statuses.indices {
          places.insert(LoopCounters.durationsIndex(method: method, route: route, status: status))
        }
      }
    }
    #expect(places.count == LoopCounters.durationsCount)
    #expect(places.max() == LoopCounters.durationsCount - 1)
    for method in Method.allCases { #expect(MetricLabels.methods[method.rawValue] == method.name) }
  }

  @Test func everyRouteIsCountedUnderItsOwnLabel() {
    let labels = OperationalEndpoints.routes.routes.map(\.label.description)
    #expect(Set(labels).count == labels.count)
    for path in OperationalEndpoints.Path.allCases {
      let route = OperationalEndpoints.routes.route(of: path.route.template.description)
      #expect(OperationalEndpoints.Path(route) == path)
    }
    for route in Service.routes.routes {
      #expect(OperationalEndpoints.Path(route) == nil)
      #expect(OperationalEndpoints.routes.routes[route.id].label.description == route.label.description)
    }
  }

  @Test(
    arguments: [
      (0, 1000, "0"), (5, 1000, "0.005"), (1500, 1000, "1.5"), (1_000_000_007, 1_000_000_000, "1.000000007"),
    ] as [(UInt64, UInt64, String)])
  func decimalsAreExact(value: UInt64, scale: UInt64, text: String) {
    #expect(value.inDecimals(scale: scale) == text)
  }

  @Test func aLogLineStaysOneLineOfJSON() {
    var line = LogLine(method: "GET", status: 200)
    line.add("route", "/x\"\\\n\u{1}")
    line.add("bytes", 5)
    let text = String(decoding: line.finish(), as: UTF8.self)
    #expect(text.hasSuffix("\"method\":\"GET\",\"status\":200,\"route\":\"/x\\\"\\\\\\u000a\\u0001\",\"bytes\":5}\n"))
    #expect(text.filter { $0 == "\n" }.count == 1)
  }
}
