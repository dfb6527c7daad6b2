/// The room into which a loop reads heads and small bodies: one for all its connections, so an idle one needs none.
@safe struct ReadBuffer: ~Copyable {
  let bytes: UnsafeMutableRawBufferPointer

  init(size: Int) {
    unsafe bytes = .allocate(byteCount: size, alignment: 64)
    // Not to be read before the kernel has written it, but then it is no longer a promise: it is so.
    unsafe bytes.initializeMemory(as: UInt8.self, repeating: 0)
  }

  deinit { unsafe bytes.deallocate() }

  var size: Int { unsafe bytes.count }

  /// Hands out the first `count` bytes.
  func withPrefix(_ count: Int, _ body: (Span<UInt8>) -> Void) {
    // The memory lives as long as this value, which the call borrows.
    body(unsafe Span<UInt8>(_unsafeBytes: UnsafeRawBufferPointer(bytes)).extracting(first: count))
  }
}
