/// A whole request: a validated head, what it leads to, and the body with its transfer coding removed.
public struct Request: Sendable {
  public let head: RequestHead
  public let route: Route
  public let body: [UInt8]

  public init(head: consuming RequestHead, route: Route, body: consuming [UInt8] = []) {
    self.head = head
    self.route = route
    self.body = body
  }
}
