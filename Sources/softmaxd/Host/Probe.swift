import Glibc
import HTTPServer

/// `--probe`: a health check for containers without a shell and curl.
enum Probe {
  /// Asks `/livez` of the server at `host` and `port`; exits 0 if it answers 200 within two seconds, else 1.
  static func run(host: String, port: Int) -> Never {
    // A server that listens on all addresses is asked on the loopback address.
    let target = ["0.0.0.0": "127.0.0.1", "::": "::1", "[::]": "::1", "localhost": "127.0.0.1"][host] ?? host
    guard let address = SocketAddress(host: target, port: UInt16(clamping: port)) else {
      Program.fail(1, "cannot probe \(host)")
    }
    do throws(SystemError) {
      let line = try HealthCheck.statusLine(of: "/livez", at: address, seconds: 2)
      if line.hasPrefix("HTTP/1.1 200 ") { exit(0) }
      Program.fail(1, "\(address) answered \"\(line)\"")
    } catch {
      Program.fail(1, "\(address) does not answer: \(error.reason)")
    }
  }
}
