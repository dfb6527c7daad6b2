/// The buffer into which an event loop reads heads and small bodies: one for all its connections, so that an idle one
/// needs none.
@safe struct ReadBuffer: ~Copyable {
  let bytes: UnsafeMutableRawBufferPointer

  init(size: Int) {
    unsafe bytes = .allocate(byteCount: size, alignment: 64)
    // Zero-filled, so that every byte is initialised whatever the kernel wrote.
    unsafe bytes.initializeMemory(as: UInt8.self, repeating: 0)
  }

  deinit { unsafe bytes.deallocate() }

  var size: Int { unsafe bytes.count }

  /// Hands out the first `count` bytes.
  func withBytes(_ count: Int, _ body: (Span<UInt8>) -> Void) {
    // The memory lives as long as this value, which the call borrows.
    body(unsafe Span<UInt8>(_unsafeBytes: UnsafeRawBufferPointer(bytes)).extracting(first: count))
  }
}
