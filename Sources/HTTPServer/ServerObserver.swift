public import HTTP
internal import Synchronization

/// Receives the events of a server, for metrics and logs.
///
/// It is called on the loops' own threads, at most one at a time for each `loop`: it must be quick and never wait.
public protocol ServerObserver: Sendable {
  func connectionOpened(loop: Int)
  func connectionClosed(loop: Int)
  /// A connection was turned away before anything was read.
  func connectionRejected(_ reason: ConnectionRejection)
  /// A connection was ended before its time.
  func connectionDropped(_ reason: ConnectionDrop, loop: Int)
  /// A handler begins to work on a request.
  func requestBegan(_ request: RequestMetrics, loop: Int)
  /// A request that had begun is over without an answer: its client has gone.
  func requestAbandoned(_ request: RequestMetrics, loop: Int)
  /// A request that had begun has its answer.
  func requestAnswered(_ request: RequestMetrics, _ response: Response, loop: Int)
  /// A request was answered on its head alone; a short body has been dropped.
  func requestRefused(_ request: RequestMetrics, _ response: Response, loop: Int)
  /// What arrived broke a rule or a deadline and was answered without a handler; nil stands for a request whose head
  /// could not be read.
  func requestRejected(_ problem: Problem, _ request: RequestMetrics?, _ response: Response, loop: Int)
}

/// Why a connection was turned away.
public enum ConnectionRejection: String, Sendable, CaseIterable {
  /// The cap and the reserve beyond it are both used up.
  case connectionCap = "connection_cap"
  /// The process or the system has no descriptor left.
  case descriptors = "descriptors"
}

/// Why a connection was ended before its time.
public enum ConnectionDrop: String, Sendable, CaseIterable {
  /// The peer takes its answers more slowly than `HTTPLimits` ask for.
  case slowReader = "slow_reader"
  /// The peer takes or sends too slowly for what it holds while memory is short.
  case memory = "memory"
  /// Its peer had kept it waiting longer than others when a connection beyond the cap came; or it was beyond the cap
  /// itself, and the next came.
  case connectionCap = "connection_cap"
}

/// What was asked, how much was sent, and how long it took.
public struct RequestMetrics: Sendable {
  public let head: RequestHead
  public let route: Route
  /// The body's bytes, without a transfer coding.
  public let bodyBytes: Int
  /// When the head was whole, and when the answer was ready.
  public let began: Instant
  public var ended: Instant

  /// - Parameters:
  ///   - head: the request's head.
  ///   - route: the route that the head was resolved to.
  ///   - bodyBytes: the body's bytes, without a transfer coding.
  ///   - began: when the head was whole.
  ///   - ended: when the answer was ready; nil before there is one.
  public init(_ head: RequestHead, _ route: Route, bodyBytes: Int, began: Instant, ended: Instant? = nil) {
    self.head = head
    self.route = route
    self.bodyBytes = bodyBytes
    self.began = began
    self.ended = ended ?? began
  }

  /// From the head to the answer.
  public var nanoseconds: UInt64 { ended.nanoseconds(since: began) }
}
