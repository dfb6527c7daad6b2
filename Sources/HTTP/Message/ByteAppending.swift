// Appending whole spans: byte by byte it would be most of the cost of a response's head.
//
// `unsafe` for two reasons: a span is copied into an output's free capacity, which is checked; and a static string is
// read through its pointer, which is valid for the program's whole life.

extension OutputSpan<UInt8> {
  /// Appends all of `bytes`. There must be enough free capacity.
  @inline(__always)
  @_lifetime(self: copy self)
  mutating func append(_ bytes: Span<UInt8>) {
    precondition(bytes.count <= freeCapacity)
    unsafe withUnsafeMutableBufferPointer { buffer, filled in
      unsafe bytes.withUnsafeBufferPointer { source in
        guard let from = source.baseAddress, let to = buffer.baseAddress else { return }
        unsafe (to + filled).initialize(from: from, count: source.count)
        filled += source.count
      }
    }
  }

  /// Appends a static string. There must be enough free capacity.
  @inline(__always)
  @_lifetime(self: copy self)
  mutating func append(_ text: StaticString) {
    append(text.span)
  }
}

extension StaticString {
  /// The text's bytes.
  @inline(__always)
  var span: Span<UInt8> {
    @_lifetime(immortal)
    get {
      unsafe _overrideLifetime(Span(_unsafeStart: utf8Start, count: utf8CodeUnitCount), copying: ())
    }
  }
}

extension [UInt8] {
  /// A span's bytes.
  init(copying bytes: Span<UInt8>) {
    self.init()
    append(bytes)
  }

  /// Appends a span's bytes.
  mutating func append(_ bytes: Span<UInt8>) {
    makeRoom(for: bytes.count)
    append(addingCapacity: bytes.count) { (out: inout OutputSpan<UInt8>) in out.append(bytes) }
  }

  /// Grows capacity at least twofold, so that many small appends cost no more than a large one.
  mutating func makeRoom(for added: Int) {
    if capacity - count < added { reserveCapacity(Swift.max(count + added, 2 * count)) }
  }
}
