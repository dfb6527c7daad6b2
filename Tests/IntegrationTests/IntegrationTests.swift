import TestSupport
import Testing

/// The built binary, driven from outside. One test at a time: each has a server of its own, and some measure time.
@Suite(.serialized) struct IntegrationTests {
  static let confident = Call.post("/gradient", #"{"logits": [40, 0], "target": 0}"#)
  static let confidentLoss = #""loss":4.248354255291589e-18"#
}

extension IntegrationTests {
  @Suite struct Starting {
    @Test func theServiceKeepsTheLimitsOfItsFlags() throws {
      let flags = ["--max-logits", "3", "--max-jacobian-classes", "2"]
      let bodies = [
        #"{"logits": [1, 2, 3]}"#, #"{"logits": [1, 2, 3, 4]}"#, #"{"logits": [1, 2, 3], "outputs": ["jacobian"]}"#,
      ]
      let run = try Daemon.run(Daemon.quickStop + flags) { daemon in
        let client = Client(daemon)
        return try bodies.map { try client.send(.post("/softmax", $0)).status }
      }
      #expect(run.result == [200, 413, 422])
      #expect(run.status == 0)
    }

    @Test func aBadVariableIsNamed() throws {
      let bad = try Daemon.command([], environment: ["SOFTMAXD_PORT": "many"])
      #expect(bad.status != 0)
      #expect(bad.errors.contains("SOFTMAXD_PORT"))
    }
  }
}
