/// A whole response, before it is framed.
///
/// The connection adds Date, Content-Length and Connection, and drops the body where the method or the status forbids
/// one, so a handler answers HEAD as it would answer GET.
public struct Response: Sendable {
  public var status: Status
  /// Nil leaves Content-Type out, as an answer without a body does.
  public var contentType: MediaType?
  /// Further fields. Date, Content-Length, Content-Type, Connection and Transfer-Encoding are the connection's own.
  public var fields: Fields
  public var body: [UInt8]
  /// Ends the connection after this answer.
  public var closes: Bool

  public init(
    _ status: Status, _ contentType: MediaType? = nil, body: [UInt8] = [], fields: Fields = Fields(),
    closes: Bool = false
  ) {
    self.status = status
    self.contentType = contentType
    self.fields = fields
    self.body = body
    self.closes = closes
  }
}
