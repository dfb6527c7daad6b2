import Foundation
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
      let run = try Daemon.run(flags) { daemon in
        let client = Client(daemon)
        return try bodies.map { try client.send(.post("/softmax", $0)).status }
      }
      #expect(run.result == [200, 413, 422])
      #expect(run.status == 0)
    }

    /// A closure that belongs to the wrong actor traps only when a real timer fires.
    @Test func aTimerFiresAndEndsAnIdleConnection() throws {
      let daemon = try Daemon(["--idle-timeout", "0.2"])
      // Nothing is said: the server ends the connection by its timer, and the program lives on.
      #expect(try TestClient(daemon).everything() == "")
      #expect(try Daemon.command(["--probe", "--port", "\(daemon.port)"]).status == 0)
      daemon.signal(SIGTERM)
      #expect(daemon.wait() == 0)
    }

    @Test func theProbeOfNobodyFails() throws {
      let probe = try Daemon.command(["--probe", "--port", "1"])
      #expect(probe.status == 1)
      #expect(probe.errors == "softmaxd: 127.0.0.1:1 does not answer: Connection refused\n")
    }

    @Test func theProbeOfAStoppedProcessSaysHowLongItWaited() throws {
      let daemon = try Daemon()
      daemon.signal(SIGSTOP)
      let probe = try Daemon.command(["--probe", "--port", "\(daemon.port)"])
      daemon.signal(SIGCONT)
      #expect(probe.status == 1)
      #expect(probe.errors == "softmaxd: 127.0.0.1:\(daemon.port) does not answer within 2 seconds\n")
      daemon.signal(SIGTERM)
      #expect(daemon.wait() == 0)
    }

    @Test func aPortInUseIsOneClearLine() throws {
      let daemon = try Daemon()
      let second = try Daemon.command(["--port", "\(daemon.port)"])
      #expect(second.status == 1)
      #expect(second.errors == "softmaxd: cannot listen on 127.0.0.1:\(daemon.port): Address already in use\n")
      daemon.signal(SIGTERM)
      #expect(daemon.wait() == 0)
    }

    @Test func anUnknownFlagIsOneClearLine() throws {
      let outcome = try Daemon.command(["--prot", "1"])
      #expect(outcome.status == 2)
      #expect(outcome.errors == "softmaxd: unknown option --prot; did you mean --port?\n")
    }

    @Test func versionAndHelpEndWell() throws {
      let version = try Daemon.command(["--version"])
      #expect(version.status == 0 && version.output.hasPrefix("softmaxd "))
      let help = try Daemon.command(["--help"])
      #expect(help.status == 0 && help.output.hasPrefix("Usage: softmaxd [OPTIONS]\n"))
    }

    @Test(arguments: ["--version", "--help"]) func whatCannotBePrintedIsOneClearLine(flag: String) throws {
      let outcome = try Daemon.command([flag], shell: #"exec "$@" >/dev/full"#)
      #expect(outcome.status == 1)
      #expect(outcome.errors == "softmaxd: cannot write to standard output: No space left on device\n")
    }

    @Test func tooFewDescriptorsAreOneClearLine() throws {
      let outcome = try Daemon.command(["--port", "0", "--loops", "2"], shell: #"ulimit -n 68; exec "$@""#)
      #expect(outcome.status == 1)
      let cure = "raise it (ulimit -n), or lower --loops"
      #expect(outcome.errors == "softmaxd: needs 69 open files at least, and the system allows 68; \(cure)\n")
    }

    /// Whatever the limit, as long as the program starts with it.
    @Test func theFewestDescriptorsLeaveProbesTheirPlaces() throws {
      let daemon = try Daemon(["--loops", "2"], shell: #"ulimit -n 69; exec "$@""#)
      var crowd: [TestClient] = []
      for _ in 0..<5 {
        for _ in 0..<40 { crowd.append(try TestClient(daemon)) }
        #expect(try TestClient(daemon).get("/livez") == "200 alive\n")
        #expect(try Daemon.command(["--probe", "--port", "\(daemon.port)"]).status == 0)
      }
      #expect(crowd.count == 200)
      daemon.signal(SIGTERM)
      #expect(daemon.wait() == 0)
    }

    @Test func aTokenFileThatIsMissingIsOneClearLine() throws {
      let outcome = try Daemon.command(["--port", "0", "--token-file", "/nonexistent"])
      #expect(outcome.status == 1)
      #expect(outcome.errors == "softmaxd: cannot read --token-file /nonexistent: No such file or directory\n")
    }

    @Test func aMisspeltVariableIsOneClearLine() throws {
      let outcome = try Daemon.command(
        ["--port", "0", "--token-file", "/nonexistent"], environment: ["SOFTMAXD_DRIAN_DELAY": "10"])
      #expect(
        outcome.errors.hasPrefix("softmaxd: SOFTMAXD_DRIAN_DELAY sets no option; did you mean SOFTMAXD_DRAIN_DELAY?\n"))
    }

    @Test func aTokenFileBeyondItsBoundIsOneClearLine() throws {
      let file = FileManager.default.temporaryDirectory.appendingPathComponent("softmaxd-\(getpid()).token")
      defer { try? FileManager.default.removeItem(at: file) }
      // Cut at the bound it would be a good token.
      try Data(repeating: 0x61, count: 4097).write(to: file)
      let outcome = try Daemon.command(["--port", "0", "--token-file", file.path])
      #expect(outcome.status == 1)
      #expect(outcome.errors == "softmaxd: --token-file \(file.path) has more than 4096 bytes\n")
    }
  }
}
