import TestSupport
import Testing

extension IntegrationTests {
  @Suite struct Starting {
    @Test func helpAndVersionAreAnswersNotErrors() throws {
      let help = try Daemon.command(["--help"])
      #expect(help.status == 0)
      for option in ["--port", "SOFTMAXD_", "--host", "--max-logits", "--max-body"] {
        #expect(help.output.contains(option))
      }
      let version = try Daemon.command(["--version"])
      #expect(version.status == 0)
      #expect(version.output.contains("softmaxd"))
    }

    @Test func aPortInUseEndsWithALineThatSaysSo() throws {
      let run = try Daemon.run { daemon in
        let second = try Daemon.command(["--port", "\(daemon.port)"])
        #expect(second.status != 0)
        #expect(second.errors.contains("\(daemon.port)"))
        #expect(second.errors.contains("in use"))
        #expect(second.errors.split(separator: "\n").count == 1)
      }
      #expect(run.status == 0)
    }

    @Test(arguments: [
      ["--prot", "1"], ["--port"], ["--port", "-1"], ["--port", "65536"], ["--port", "http"], ["--host", "example"],
      ["stray"], ["--loops", "0"], ["--log", "loud"], ["--token-file", "/nowhere/at/all"],
    ])
    func aBadOptionEndsWithALineThatNamesIt(arguments: [String]) throws {
      let outcome = try Daemon.command(arguments)
      #expect(outcome.status != 0)
      #expect(outcome.errors.contains(arguments[0]))
      #expect(outcome.output.isEmpty)
    }

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

    @Test func theProbeAsksTheServersOwnLivez() throws {
      let run = try Daemon.run { daemon in
        let alive = try Daemon.command(["--probe", "--port", "\(daemon.port)"])
        #expect(alive.status == 0)
        return daemon.port
      }
      #expect(run.status == 0)
      let gone = try Daemon.command(["--probe", "--port", "\(run.result)"])
      #expect(gone.status == 1)
    }
  }
}
