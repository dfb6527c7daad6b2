// How the bytes of messages and of JSON texts are read, as hexadecimal digits or eight at a time, and appended: spans,
// static strings, numbers, strings with escapes.

extension [UInt8] {
  /// A span's bytes.
  @inlinable
  public init(copying bytes: Span<UInt8>) {
    self.init()
    append(bytes)
  }

  /// Appends a span's bytes.
  @inlinable
  public mutating func append(_ bytes: Span<UInt8>) {
    makeRoom(for: bytes.count)
    append(addingCapacity: bytes.count) { (out: inout OutputSpan<UInt8>) in out.append(bytes) }
  }

  /// Grows capacity at least twofold, so that many small appends cost no more than a large one.
  @inlinable
  public mutating func makeRoom(for added: Int) {
    if capacity - count < added { reserveCapacity(Swift.max(count + added, 2 * count)) }
  }

  /// Appends a JSON string.
  public mutating func append(jsonString text: String) {
    let bytes = text.utf8.span
    append(addingCapacity: 6 * bytes.count + 2) { out in
      out.append(UInt8(ascii: "\""))
      out.append(escaping: bytes)
      out.append(UInt8(ascii: "\""))
    }
  }
}

/// What is appended needs enough free capacity, which is checked.
extension OutputSpan<UInt8> {
  /// Appends all of `bytes`: one by one they would be most of the cost of a response's head, and of a JSON string.
  ///
  /// `unsafe` for the copy into the free capacity.
  @inlinable
  @inline(__always)
  @_lifetime(self: copy self)
  public mutating func append(_ bytes: Span<UInt8>) {
    precondition(bytes.count <= freeCapacity)
    unsafe withUnsafeMutableBufferPointer { buffer, filled in
      unsafe bytes.withUnsafeBufferPointer { source in
        guard let from = source.baseAddress, let to = buffer.baseAddress else { return }
        unsafe (to + filled).initialize(from: from, count: source.count)
        filled += source.count
      }
    }
  }

  /// Appends a static string.
  @inlinable
  @inline(__always)
  @_lifetime(self: copy self)
  public mutating func append(_ text: StaticString) { append(text.span) }

  /// Appends an integer's digits, at most 19, after its sign where it is negative.
  @inlinable
  @_lifetime(self: copy self)
  public mutating func append(decimal value: Int) {
    if value < 0 { append(UInt8(ascii: "-")) }
    var digits = InlineArray<20, UInt8>(repeating: 0)
    var start = digits.count
    var rest = value.magnitude
    repeat {
      start -= 1
      digits[start] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest % 10)
      rest /= 10
    } while rest > 0
    append(digits.span.extracting(start...))
  }

  /// Appends what stands between the quotation marks of a JSON string (RFC 8259 §7), at most six bytes for one of the
  /// text: quotation mark, backslash and control characters are escaped.
  @_lifetime(self: copy self)
  public mutating func append(escaping text: Span<UInt8>) {
    for index in text.indices {
      let byte = text[index]
      if byte < 0x20 {
        let low = byte & 0xF
        append(byte < 0x10 ? #"\u000"# : #"\u001"#)
        append(low < 10 ? 0x30 + low : 0x57 + low)
      } else {
        if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { append(UInt8(ascii: "\\")) }
        append(byte)
      }
    }
  }
}

extension UInt8 {
  /// The value of a hexadecimal digit in ASCII, or nil.
  @inlinable
  @inline(__always)
  public var hexadecimalValue: UInt8? {
    switch self {
    case 0x30...0x39: self &- 0x30
    case 0x41...0x46: self &- 0x37
    case 0x61...0x66: self &- 0x57
    default: nil
    }
  }
}

extension Span<UInt8> {
  /// The eight bytes from `offset` on, the first in the lowest place.
  ///
  /// `unsafe`, since such a load would make any type of the bytes: every pattern is a UInt64, and its bounds are
  /// checked.
  @inlinable
  @inline(__always)
  public func word(at offset: Int) -> UInt64 {
    UInt64(littleEndian: unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }
}

extension StaticString {
  /// The text's bytes.
  ///
  /// `unsafe`, since they are read through a pointer, which is valid for the program's whole life.
  @inlinable
  @inline(__always)
  public var span: Span<UInt8> {
    @_lifetime(immortal)
    get {
      unsafe _overrideLifetime(Span(_unsafeStart: utf8Start, count: utf8CodeUnitCount), copying: ())
    }
  }
}
