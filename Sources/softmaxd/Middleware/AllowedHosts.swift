import HTTP
import SoftmaxService

/// The hosts that requests may name: a defence against DNS rebinding.
///
/// An attacker can point the name of his own page's host at this server. Then the page has the same origin as the
/// server's responses, and CORS does not apply. But its requests still name the attacker's host.
struct AllowedHosts: Sendable {
  private let hosts: Set<String>

  /// - Parameter hosts: names or addresses in lower case, without ports. Nil when the list is empty: any host is
  ///   allowed.
  init?(_ hosts: [String]) {
    guard !hosts.isEmpty else { return nil }
    self.hosts = Set(hosts)
  }

  /// 421 when the request names a host that is not allowed. A request without one, in HTTP/1.0, does not come from a
  /// browser.
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
