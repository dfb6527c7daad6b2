internal import Glibc

/// A system call that failed, and why.
public struct SystemError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The call's name: `bind`.
  public let call: String
  /// The value of `errno`.
  public let code: Int32

  public init(call: String, code: Int32) {
    self.call = call
    self.code = code
  }

  /// The system's own words: `Address already in use`.
  public var reason: String {
    guard let text = unsafe strerror(code) else { return "error \(code)" }
    return unsafe String(cString: text)
  }

  public var description: String { "\(call): \(reason)" }
}

/// Makes a system call, again when a signal interrupted it, and turns -1 into an error.
///
/// `close` must not come here: Linux has released the descriptor even when it says EINTR.
@inline(__always)
@discardableResult
package func retrying<Number: SignedInteger>(
  _ name: StaticString, _ call: () -> Number
) throws(SystemError) -> Number {
  while true {
    let result = call()
    if result >= 0 { return result }
    let code = errno
    if code != EINTR { throw SystemError(call: name.description, code: code) }
  }
}
