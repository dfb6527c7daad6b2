import Foundation

/// A softmaxd of the test's own: the built binary, started on a free port of 127.0.0.1.
final class Daemon {
  /// The options that make a stop quick; a test that is about stopping gives its own.
  static let quickStop = ["--drain-delay", "0"]

  let port: Int
  private let process: Process
  private let errors = Pipe()

  /// The binary that `$SOFTMAXD` names, or the one that this build made: it lies beside the test bundle.
  static var binary: URL {
    if let named = ProcessInfo.processInfo.environment["SOFTMAXD"] { return URL(fileURLWithPath: named) }
    return URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().appendingPathComponent("softmaxd")
  }

  var url: String { "http://127.0.0.1:\(port)" }
  var processIdentifier: Int32 { process.processIdentifier }

  /// Starts the binary and waits until it says where it listens.
  init(_ options: [String] = Daemon.quickStop) throws {
    process = Process()
    process.executableURL = Daemon.binary
    process.arguments = ["--port", "0"] + options
    let output = Pipe()
    process.standardOutput = output
    process.standardError = errors
    try process.run()
    var said = ""
    var found: Int?
    while found == nil {
      let data = output.fileHandleForReading.availableData
      if data.isEmpty { break }
      said += String(decoding: data, as: UTF8.self)
      found = said.firstMatch(of: /http:\/\/\S+:(\d+)\n/).flatMap { Int($0.1) }
    }
    guard let found else {
      process.waitUntilExit()
      throw Failure.didNotStart(output: said)
    }
    port = found
  }

  /// Starts one, runs the body against it, asks it to stop, and gives back the exit status and what it has logged with the
  /// body's result. A log longer than a pipe holds would be cut.
  static func run<Result>(
    _ options: [String] = Daemon.quickStop, _ body: (Daemon) throws -> Result
  ) throws -> (result: Result, status: Int32, log: String) {
    let daemon = try Daemon(options)
    defer { if daemon.process.isRunning { daemon.signal(SIGKILL) } }
    let result = try body(daemon)
    daemon.signal(SIGTERM)
    let status = daemon.wait()
    return (result, status, String(decoding: daemon.errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self))
  }

  /// The time that the process has computed so far, in hundredths of a second (proc_pid_stat(5): utime and stime).
  func processorTicks() throws -> Int {
    let text = try String(contentsOfFile: "/proc/\(processIdentifier)/stat", encoding: .utf8)
    let values = text[(text.lastIndex(of: ")") ?? text.startIndex)...].split(separator: " ")
    return (Int(values[12]) ?? 0) + (Int(values[13]) ?? 0)
  }

  func signal(_ number: Int32) { kill(process.processIdentifier, number) }

  /// Waits for the end: the exit status, or -1 for a death by signal.
  func wait() -> Int32 {
    process.waitUntilExit()
    return process.terminationReason == .exit ? process.terminationStatus : -1
  }

  var isRunning: Bool { process.isRunning }

  /// Runs the binary to its end with these arguments; one that goes on to serve is killed after ten seconds.
  static func command(_ arguments: [String], environment: [String: String] = [:]) throws -> Outcome {
    let process = Process()
    process.executableURL = binary
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    let output = Pipe()
    let errors = Pipe()
    process.standardOutput = output
    process.standardError = errors
    try process.run()
    let number = process.processIdentifier
    let watchdog = Task.detached {
      try await Task.sleep(for: .seconds(10))
      kill(number, SIGKILL)
    }
    defer { watchdog.cancel() }
    let said = output.fileHandleForReading.readDataToEndOfFile()
    let complained = errors.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return Outcome(
      status: process.terminationStatus, output: String(decoding: said, as: UTF8.self),
      errors: String(decoding: complained, as: UTF8.self))
  }

  struct Outcome {
    var status: Int32
    var output: String
    var errors: String
  }

  enum Failure: Error { case didNotStart(output: String) }
}
