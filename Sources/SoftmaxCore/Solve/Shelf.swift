/// A tensor under construction, whose positions several threads fill, no two the same one.
///
/// This is one of the few unsafe places: an array cannot be written from several threads at once, not even at positions of
/// their own. Each position is written by the one chunk of items that it belongs to, and read when all have returned.
@safe final class Shelf<Element>: @unchecked Sendable {
  private let buffer: UnsafeMutableBufferPointer<Element>

  init(repeating value: Element, count: Int) {
    unsafe buffer = .allocate(capacity: count)
    unsafe buffer.initialize(repeating: value)
  }

  deinit {
    unsafe buffer.deinitialize()
    unsafe buffer.deallocate()
  }

  var count: Int { unsafe buffer.count }

  subscript(position: Int) -> Element {
    get {
      precondition(position >= 0 && position < count)
      return unsafe buffer[position]
    }
    set {
      precondition(position >= 0 && position < count)
      unsafe buffer[position] = newValue
    }
  }

  /// A run of positions, to be written by one thread as a whole.
  func write<Result>(_ range: Range<Int>, _ body: (inout MutableSpan<Element>) -> Result) -> Result {
    precondition(range.lowerBound >= 0 && range.upperBound <= count)
    let run = unsafe UnsafeMutableBufferPointer(rebasing: buffer[range])
    var span = unsafe MutableSpan(_unsafeElements: run)
    return body(&span)
  }

  /// All of it, when no thread writes any more.
  var elements: [Element] { unsafe Array(buffer) }
}
