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

  /// The room from `start` on.
  func bytes(from start: Int) -> UnsafeMutableRawBufferPointer {
    unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[start...])
  }

  /// Hands out some of the bytes.
  func withBytes(in range: Range<Int>, _ body: (Span<UInt8>) -> Void) {
    // The memory lives as long as this value, which the call borrows.
    body(unsafe Span<UInt8>(_unsafeBytes: UnsafeRawBufferPointer(bytes)).extracting(range))
  }
}
