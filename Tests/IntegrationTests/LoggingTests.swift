import Foundation
import TestSupport
import Testing

extension IntegrationTests {
  @Suite struct Logging {
    @Test func eachRequestIsOneLineOfJSON() throws {
      let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
      let fields = ["Content-Type: application/json", "X-Request-Id: a\"b\\c", "traceparent: \(parent)"]
      let run = try Daemon.run(["--log", "requests"]) { daemon in
        let client = Client(daemon)
        let loss = Call(
          method: "POST", path: "/loss?a=b", fields: fields, body: Array(#"{"logits": [0, 0], "target": 0}"#.utf8))
        #expect(try client.send(loss).text == #"{"loss":0.6931471805599453}"#)
        _ = try client.send(.get("/nowhere"))
        _ = try client.send(Call(method: "FOO", path: "/"))
        let broken = try TestClient(daemon)
        broken.send("POST /softmax HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-Request-Id: d\r\n")
        broken.send("Transfer-Encoding: chunked\r\n\r\nx")
        #expect(broken.answer()?.hasPrefix("400 ") == true)
      }
      let lines = try run.log.split(separator: "\n").map {
        try #require(JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
      }
      try #require(lines.count == 4)
      #expect(lines.map { $0["method"] as? String } == ["POST", "GET", "_OTHER", "POST"])
      #expect(lines.map { $0["status"] as? Int } == [200, 404, 501, 400])
      #expect(lines.map { $0["route"] as? String } == ["/loss", "", nil, "/softmax"])
      #expect(lines.map { $0["request_bytes"] as? Int } == [31, 0, nil, 0])
      #expect(lines[0]["response_bytes"] as? Int == 27)
      #expect(lines[0]["request_id"] as? String == "a\"b\\c")
      #expect(lines[0]["traceparent"] as? String == parent)
      #expect(lines[0]["problem"] == nil && lines[1]["request_id"] == nil)
      #expect(lines[1]["problem"] as? String == "not-found")
      #expect(lines[2]["problem"] as? String == "method-not-implemented")
      #expect(lines[3]["problem"] as? String == "malformed-chunk" && lines[3]["request_id"] as? String == "d")
      for line in lines { #expect((line["time"] as? String)?.wholeMatch(of: /[-\d]{10}T[:\d]{8}\.\d{3}Z/) != nil) }
    }

    /// 1 MiB of lines waits for whoever reads them; those that come then are counted (docs/operations.md, Logs).
    @Test func linesBeyondTheBoundAreCounted() throws {
      let daemon = try Daemon(["--log", "requests"])
      let client = try TestClient(daemon)
      let id = String(repeating: "a", count: 128)
      for _ in 0..<60 {
        client.send(String(repeating: "GET /livez HTTP/1.1\r\nHost: x\r\nX-Request-Id: \(id)\r\n\r\n", count: 100))
        for _ in 0..<100 { #expect(client.answer() == "200 alive\n") }
      }
      daemon.signal(SIGTERM)
      let lines = daemon.log().split(separator: "\n")
      #expect(daemon.wait() == 0)
      let written = lines.count { $0.contains(id) }
      let dropped = lines.compactMap { $0.wholeMatch(of: /\{"dropped_log_lines":(\d+)\}/).flatMap { Int($0.1) } }
      #expect(written > 1000 && dropped.count == 1)
      #expect(written + dropped.reduce(0, +) == 6000)
    }

    @Test(arguments: [("off", 0), ("3", 3), ("1", 7)])
    func aSampleIsOneInSoMany(choice: String, count: Int) throws {
      let run = try Daemon.run(["--log", choice]) { daemon in
        let client = Client(daemon)
        for _ in 0..<7 { _ = try client.send(.get("/livez")) }
      }
      #expect(run.log.split(separator: "\n").count == count)
    }
  }
}
