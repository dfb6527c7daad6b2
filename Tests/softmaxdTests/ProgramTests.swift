import Foundation
import TestSupport
import Testing

@testable import softmaxd

/// The program as a process: a closure that belongs to the wrong actor traps only when a real signal or timer fires.
@Suite(.serialized) struct ProgramTests {
  @Test(arguments: [SIGTERM, SIGINT, SIGHUP]) func aSignalEndsItGently(number: Int32) throws {
    let daemon = try Daemon([])
    #expect(daemon.firstLine.hasPrefix("softmaxd listening on http://127.0.0.1:"))
    daemon.signal(number)
    #expect(daemon.wait() == 0)
    #expect(daemon.log().isEmpty)
  }

  /// A signal that comes with the first line, before Dispatch listens for it, is not lost.
  @Test func aSignalAtTheVeryStartEndsItGently() throws {
    for _ in 0..<20 {
      let daemon = try Daemon([])
      daemon.signal(SIGTERM)
      #expect(daemon.wait() == 0)
    }
  }

  /// The end of a terminal may send it twice.
  @Test func aSecondHangupChangesNothing() throws {
    let daemon = try Daemon(["--drain-delay", "0.5"])
    daemon.signal(SIGHUP)
    usleep(200_000)
    daemon.signal(SIGHUP)
    #expect(daemon.wait() == 0)
  }

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

  @Test func aTokenFileThatIsMissingIsOneClearLine() throws {
    let outcome = try Daemon.command(["--port", "0", "--token-file", "/nonexistent"])
    #expect(outcome.status == 1)
    #expect(outcome.errors == "softmaxd: cannot read --token-file /nonexistent\n")
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

  /// Another process that shares standard error may have set O_NONBLOCK for all: a full pipe then is no reason to lose
  /// lines.
  @Test func aNonBlockingPipeTakesEveryLine() throws {
    var ends: [Int32] = [0, 0]
    try #require(unsafe pipe(&ends) == 0)
    let (reader, writer) = (ends[0], ends[1])
    defer { close(reader) }
    try #require(fcntl(writer, F_SETFL, O_NONBLOCK) == 0)
    let text = (0..<30_000).map { "line \($0)\n" }.joined()
    Thread {
      StandardStreams.write(text, to: writer)
      close(writer)
    }.start()
    // The pipe is full before its first byte is read.
    usleep(100_000)
    var received: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = unsafe part.withUnsafeMutableBytes { unsafe read(reader, $0.baseAddress, $0.count) }
      guard count > 0 else { break }
      received += part.prefix(count)
    }
    #expect(String(decoding: received, as: UTF8.self) == text)
  }
}
