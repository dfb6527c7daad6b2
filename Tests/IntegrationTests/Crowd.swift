import CCurl
import Foundation
import TestSupport

/// Many clients at once on one thread, by libcurl's multi interface.
@safe final class Crowd {
  let clients: [Client]
  private let handle: UnsafeMutableRawPointer

  init(_ count: Int, of daemon: Daemon) {
    guard let made = unsafe curl_multi_init() else { preconditionFailure("libcurl gives no multi handle") }
    unsafe handle = made
    clients = (0..<count).map { _ in Client(daemon) }
  }

  deinit { unsafe _ = curl_multi_cleanup(handle) }

  /// Sends the calls, one a client, all at once. `meanwhile` runs after each round of input and output.
  ///
  /// - Returns: an answer a client, or the libcurl code of what went wrong with it.
  func send(_ calls: [Call], meanwhile: ([Client]) -> Void = { _ in }) -> [Result<Answer, Client.Failure>] {
    for (client, call) in zip(clients, calls) {
      client.prepare(call)
      unsafe _ = curl_multi_add_handle(handle, client.handle)
    }
    var running: Int32 = 1
    let limit = Date().addingTimeInterval(240)
    while running > 0, Date() < limit {
      unsafe _ = curl_multi_perform(handle, &running)
      meanwhile(clients)
      if running > 0 { unsafe _ = curl_multi_poll(handle, nil, 0, 20, nil) }
    }
    var codes: [UnsafeMutableRawPointer: CURLcode] = unsafe [:]
    var left: Int32 = 0
    while let message = unsafe curl_multi_info_read(handle, &left) {
      unsafe codes[message.pointee.easy_handle] = message.pointee.data.result
    }
    return zip(clients, calls).map { client, _ in
      unsafe _ = curl_multi_remove_handle(handle, client.handle)
      let code = unsafe codes[client.handle] ?? CURLE_OPERATION_TIMEDOUT
      return code == CURLE_OK ? .success(client.answer()) : .failure(Client.Failure(code: code.rawValue))
    }
  }
}
