/// An array under construction, whose positions several threads fill, no two the same one.
///
/// Unsafe, since an array cannot be written from several threads at once, not even at positions of their own. Each
/// position is written by one thread at a time, and all have returned before anybody sees the array. A buffer must not
/// leave the `body` that gets it.
@safe struct ConcurrentOutputBuffer<Element>: @unchecked Sendable {
  private let buffer: UnsafeMutableBufferPointer<Element>

  /// The array of `count` elements that `body` makes of `value` everywhere.
  static func filled<Failure: Error>(
    _ count: Int, with value: Element, _ body: (ConcurrentOutputBuffer) throws(Failure) -> Void
  ) throws(Failure) -> [Element] {
    var array: [Element] = []
    try array.append(addingCapacity: count) { output throws(Failure) in
      output.append(repeating: value, count: count)
      var elements = output.mutableSpan
      try unsafe elements.withUnsafeMutableBufferPointer { buffer throws(Failure) in
        try body(unsafe ConcurrentOutputBuffer(buffer: buffer))
      }
    }
    return array
  }

  var count: Int { unsafe buffer.count }

  subscript(position: Int) -> Element {
    get {
      precondition(position >= 0 && position < count)
      return unsafe buffer[position]
    }
    nonmutating set {
      precondition(position >= 0 && position < count)
      unsafe buffer[position] = newValue
    }
  }
}
