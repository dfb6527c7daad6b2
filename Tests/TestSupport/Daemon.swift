package import Foundation

/// A softmaxd of the test's own: the built binary, started on a free port of 127.0.0.1. It does not outlive its owner.
package final class Daemon {
  package let port: UInt16
  /// What it printed before it listened, without the line's end.
  package let firstLine: String
  private let process: Process
  private let output = Pipe()
  private let errors = Pipe()

  /// The binary that `$SOFTMAXD` names, or the one that this build made: it lies beside the test bundle.
  package static var binary: URL {
    if let named = ProcessInfo.processInfo.environment["SOFTMAXD"] { return URL(fileURLWithPath: named) }
    return URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().appendingPathComponent("softmaxd")
  }

  package var url: String { "http://127.0.0.1:\(port)" }
  package var isRunning: Bool { process.isRunning }

  /// The binary with these arguments. A shell may set limits and direct the streams first: by a command that ends with
  /// `exec "$@"`.
  private static func process(_ arguments: [String], shell command: String? = nil) -> Process {
    let process = Process()
    process.executableURL = command == nil ? binary : URL(fileURLWithPath: "/bin/sh")
    process.arguments = (command.map { ["-c", $0, "sh", binary.path] } ?? []) + arguments
    return process
  }

  /// Starts the binary, by a shell's command if there is one, and waits until it says where it listens.
  package init(_ options: [String] = [], shell command: String? = nil) throws {
    process = Daemon.process(["--port", "0"] + options, shell: command)
    process.standardOutput = output
    process.standardError = errors
    try process.run()
    firstLine = Daemon.line(from: output)
    guard let found = firstLine.firstMatch(of: /http:\/\/\S+:(\d+)/).flatMap({ UInt16($0.1) }) else {
      process.terminate()
      process.waitUntilExit()
      throw Failure.didNotStart(output: firstLine)
    }
    port = found
  }

  /// Starts the binary with an output that is full and that nobody reads, and waits until it listens on `port`.
  package init(withFullOutputAt port: UInt16, _ options: [String] = []) throws {
    process = Daemon.process(["--port", "\(port)"] + options)
    self.port = port
    firstLine = ""
    process.standardOutput = output
    process.standardError = errors
    let end = output.fileHandleForWriting.fileDescriptor
    let filling = [UInt8](repeating: UInt8(ascii: "."), count: 1 << 20)
    _ = fcntl(end, F_SETFL, O_NONBLOCK)
    while unsafe filling.withUnsafeBytes({ unsafe write(end, $0.baseAddress, $0.count) }) > 0 {}
    _ = fcntl(end, F_SETFL, 0)
    try process.run()
    let limit = Date().addingTimeInterval(60)
    while (try? TestClient(port: port)) == nil {
      guard process.isRunning, Date() < limit else { throw Failure.didNotStart(output: log()) }
      usleep(10_000)
    }
  }

  deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

  /// Starts one, runs the body against it, asks it to stop, and gives back the exit status and what it has logged with
  /// the body's result. A log longer than a pipe holds would be cut.
  package static func run<Result>(
    _ options: [String] = [], _ body: (Daemon) throws -> Result
  ) throws -> (result: Result, status: Int32, log: String) {
    let daemon = try Daemon(options)
    let result = try body(daemon)
    daemon.signal(SIGTERM)
    let status = daemon.wait()
    return (result, status, daemon.log())
  }

  /// The time that the process has computed so far, in hundredths of a second (proc_pid_stat(5): utime and stime).
  package func processorTicks() throws -> Int {
    let text = try String(contentsOfFile: "/proc/\(process.processIdentifier)/stat", encoding: .utf8)
    let values = text[(text.lastIndex(of: ")") ?? text.startIndex)...].split(separator: " ")
    return (Int(values[12]) ?? 0) + (Int(values[13]) ?? 0)
  }

  /// The most memory that the process has had so far, in bytes (proc_pid_status(5): VmHWM).
  package func peakMemory() throws -> Int {
    let text = try String(contentsOfFile: "/proc/\(process.processIdentifier)/status", encoding: .utf8)
    return text.firstMatch(of: /VmHWM:\s+(\d+) kB/).flatMap { Int($0.1) }.map { $0 * 1024 } ?? 0
  }

  package func signal(_ number: Int32) { kill(process.processIdentifier, number) }

  /// Waits for the end: the exit status, or the negative number of the signal that ended it.
  package func wait() -> Int32 { process.end(within: 120) }

  /// Reads what it prints until a line ends; the line, without its end.
  package func nextLine() -> String { Daemon.line(from: output) }

  private static func line(from output: Pipe) -> String {
    var said: [UInt8] = []
    while !said.contains(UInt8(ascii: "\n")) {
      let part = output.fileHandleForReading.availableData
      if part.isEmpty { break }
      said += part
    }
    return String(decoding: said.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
  }

  /// What it has printed after it began to listen, when it has ended.
  package func lastLines() -> String {
    String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
  }

  /// What it has written to standard error, when it has ended.
  package func log() -> String { String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self) }

  /// Runs the binary to its end with these arguments; one that goes on to serve is killed after ten seconds.
  package static func command(
    _ arguments: [String], environment: [String: String] = [:], shell command: String? = nil
  ) throws -> Outcome {
    let process = process(arguments, shell: command)
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    // Files, since what does not fit into a pipe would keep the program from ending.
    let output = try TemporaryFile()
    let errors = try TemporaryFile()
    process.standardOutput = output.handle
    process.standardError = errors.handle
    try process.run()
    let status = process.end(within: 10)
    return Outcome(status: status, output: try output.text(), errors: try errors.text())
  }

  package struct Outcome {
    package var status: Int32
    package var output: String
    package var errors: String
  }

  package enum Failure: Error { case didNotStart(output: String) }
}

extension Process {
  /// Waits for the end, at most so many seconds, then kills it: the exit status, or the signal's negative number.
  fileprivate func end(within seconds: TimeInterval) -> Int32 {
    let number = processIdentifier
    let watchdog = DispatchWorkItem { kill(number, SIGKILL) }
    DispatchQueue.global().asyncAfter(deadline: .now() + seconds, execute: watchdog)
    waitUntilExit()
    watchdog.cancel()
    return terminationReason == .exit ? terminationStatus : -terminationStatus
  }
}

/// A file that is gone with its owner.
private final class TemporaryFile {
  let handle: FileHandle
  private let url = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)

  init() throws {
    try Data().write(to: url)
    handle = try FileHandle(forWritingTo: url)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func text() throws -> String { String(decoding: try Data(contentsOf: url), as: UTF8.self) }
}
