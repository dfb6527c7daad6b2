internal import HTTPCore
internal import Synchronization

/// A request on its way to the lane. Who takes it out has it alone, so that a large body's memory can go as soon as the
/// body has been read, long before its answer is whole: a closure that held the request would keep it to the end.
final class HandedRequest: Sendable {
  private let request: Mutex<Request?>

  init(_ request: consuming Request) { self.request = Mutex(request) }

  /// The request, once.
  func take() -> Request? { request.withLock { $0.take() } }
}
