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
/// The only place that knows EINTR. `close` must not come here: Linux has released the descriptor even then.
@inline(__always)
func retrying(_ name: StaticString, _ call: () -> Int) throws(SystemError) -> Int {
  while true {
    let result = call()
    if result >= 0 { return result }
    let code = errno
    if code != EINTR { throw SystemError(call: name.description, code: code) }
  }
}

/// The same for the calls that return a C int.
@inline(__always)
@discardableResult
func retrying(_ name: StaticString, _ call: () -> CInt) throws(SystemError) -> CInt {
  while true {
    let result = call()
    if result >= 0 { return result }
    let code = errno
    if code != EINTR { throw SystemError(call: name.description, code: code) }
  }
}
