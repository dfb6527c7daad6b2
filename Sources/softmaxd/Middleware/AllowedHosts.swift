import HTTPCore
import SoftmaxAPI

/// The names under which browsers may call the service: a defence against DNS rebinding.
///
/// A page of an attacker's whose name has been made to point at this server is of the same origin as its answers, so
/// that CORS does not keep it out. Its requests still name the attacker's host.
struct AllowedHosts: Sendable {
  private let hosts: Set<String>

  /// - Parameter hosts: names or addresses in lower case, without ports; nil when there are none: then any will do.
  init?(_ hosts: [String]) {
    guard !hosts.isEmpty else { return nil }
    self.hosts = Set(hosts)
  }

  /// 421 when the request names another host. One that names none, in HTTP/1.0, comes from no browser.
  func refusal(of head: RequestHead) -> Response? {
    guard let authority = head.authority else { return nil }
    let host = Self.host(of: authority).lowercased()
    guard !hosts.contains(host) else { return nil }
    return Response(
      ProblemType.misdirectedRequest.problem("This server does not answer for the host \"\(host)\" (--allowed-hosts)"))
  }

  /// `host [ ":" port ]` without its port; an IPv6 address keeps its brackets.
  static func host(of authority: String) -> Substring {
    guard let colon = authority.lastIndex(of: ":"), !authority[colon...].contains("]") else { return authority[...] }
    return authority[..<colon]
  }
}
