/// A whole request: a validated head and the body with its transfer coding removed.
public struct Request: Sendable {
  public let head: RequestHead
  public let body: [UInt8]

  public init(head: consuming RequestHead, body: consuming [UInt8] = []) {
    self.head = head
    self.body = body
  }
}
