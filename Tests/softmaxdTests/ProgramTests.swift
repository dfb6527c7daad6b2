import Foundation
import Testing

@testable import softmaxd

/// The program as a process: a closure that belongs to the wrong actor traps only when a real signal or timer fires.
@Suite(.serialized) struct ProgramTests {
  /// The built program lies beside the tests.
  private static let program = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
    .appendingPathComponent("softmaxd")

  private final class Daemon {
    let process = Process()
    let output = Pipe()
    let errors = Pipe()

    init(_ arguments: [String]) throws {
      process.executableURL = ProgramTests.program
      process.arguments = arguments
      process.standardOutput = output
      process.standardError = errors
      try process.run()
    }

    /// The first line of standard output.
    func line() -> String {
      var bytes = Data()
      while !bytes.contains(0x0A) {
        let part = output.fileHandleForReading.availableData
        if part.isEmpty { break }
        bytes += part
      }
      return String(decoding: bytes.prefix { $0 != 0x0A }, as: UTF8.self)
    }

    func errorText() -> String { String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self) }

    /// The exit code, negative for a signal; kills what does not end in ten seconds.
    func end() -> Int32 {
      let limit = Date().addingTimeInterval(10)
      while process.isRunning, Date() < limit { usleep(5000) }
      if process.isRunning { kill(process.processIdentifier, SIGKILL) }
      process.waitUntilExit()
      return process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
    }
  }

  private func port(of line: String) throws -> String {
    try #require(line.split(separator: ":").last.map(String.init))
  }

  @Test(arguments: [SIGTERM, SIGINT]) func aSignalEndsItGently(number: Int32) throws {
    let daemon = try Daemon(["--port", "0"])
    let line = daemon.line()
    #expect(line.hasPrefix("softmaxd listening on http://127.0.0.1:"))
    kill(daemon.process.processIdentifier, number)
    #expect(daemon.end() == 0)
    #expect(daemon.errorText().isEmpty)
  }

  /// A signal that comes with the first line, before Dispatch listens for it, is not lost.
  @Test func aSignalAtTheVeryStartEndsItGently() throws {
    for _ in 0..<20 {
      let daemon = try Daemon(["--port", "0"])
      _ = daemon.line()
      kill(daemon.process.processIdentifier, SIGTERM)
      #expect(daemon.end() == 0)
    }
  }

  @Test func aSecondSignalEndsItAtOnce() throws {
    let daemon = try Daemon(["--port", "0", "--drain-delay", "60"])
    _ = daemon.line()
    kill(daemon.process.processIdentifier, SIGTERM)
    usleep(200_000)
    #expect(daemon.process.isRunning)
    kill(daemon.process.processIdentifier, SIGINT)
    #expect(daemon.end() == 1)
  }

  @Test func aTimerFiresAndEndsAnIdleConnection() throws {
    let daemon = try Daemon(["--port", "0", "--idle-timeout", "0.2"])
    let port = try port(of: daemon.line())
    let descriptor = try #require(connectTo(port))
    defer { close(descriptor) }
    var byte: UInt8 = 0
    // Nothing was said: the server ends the connection by its timer, and the program lives on.
    let count = unsafe read(descriptor, &byte, 1)
    #expect(count == 0)
    let probe = try Daemon(["--probe", "--port", port])
    #expect(probe.end() == 0)
    kill(daemon.process.processIdentifier, SIGTERM)
    #expect(daemon.end() == 0)
  }

  @Test func theProbeOfNobodyFails() throws {
    let probe = try Daemon(["--probe", "--port", "1"])
    #expect(probe.end() == 1)
    #expect(probe.errorText() == "softmaxd: 127.0.0.1:1 does not answer: Connection refused\n")
  }

  @Test func aPortInUseIsOneClearLine() throws {
    let daemon = try Daemon(["--port", "0"])
    let port = try port(of: daemon.line())
    let second = try Daemon(["--port", port])
    #expect(second.end() == 1)
    #expect(second.errorText() == "softmaxd: cannot listen on 127.0.0.1:\(port): Address already in use\n")
    kill(daemon.process.processIdentifier, SIGTERM)
    #expect(daemon.end() == 0)
  }

  @Test func anUnknownFlagIsOneClearLine() throws {
    let daemon = try Daemon(["--prot", "1"])
    #expect(daemon.end() == 2)
    #expect(daemon.errorText() == "softmaxd: unknown option --prot; did you mean --port?\n")
  }

  @Test func versionAndHelpEndWell() throws {
    let version = try Daemon(["--version"])
    #expect(version.line().hasPrefix("softmaxd "))
    #expect(version.end() == 0)
    let help = try Daemon(["--help"])
    #expect(help.line() == "Usage: softmaxd [OPTIONS]")
    #expect(help.end() == 0)
  }

  @Test func aTokenFileThatIsMissingIsOneClearLine() throws {
    let daemon = try Daemon(["--port", "0", "--token-file", "/nonexistent"])
    #expect(daemon.end() == 1)
    #expect(daemon.errorText() == "softmaxd: cannot read --token-file /nonexistent\n")
  }

  /// Another process that shares standard error may have set O_NONBLOCK for all: a full pipe then is no reason to lose lines.
  @Test func aNonBlockingPipeTakesEveryLine() throws {
    var ends: [Int32] = [0, 0]
    try #require(unsafe pipe(&ends) == 0)
    let (reader, writer) = (ends[0], ends[1])
    defer { close(reader) }
    try #require(fcntl(writer, F_SETFL, O_NONBLOCK) == 0)
    let text = (0..<30_000).map { "line \($0)\n" }.joined()
    Thread {
      Program.write(writer, text)
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

  private func connectTo(_ port: String) -> Int32? {
    guard let number = UInt16(port) else { return nil }
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var limit = timeval(tv_sec: 5, tv_usec: 0)
    unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = number.bigEndian
    _ = unsafe inet_pton(AF_INET, "127.0.0.1", &address.sin_addr)
    let result = unsafe withUnsafePointer(to: &address) {
      unsafe UnsafeRawPointer($0).withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    return result == 0 ? descriptor : nil
  }
}
