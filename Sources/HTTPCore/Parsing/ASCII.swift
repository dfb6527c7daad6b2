/// The byte classes of RFC 9110 §5.6 and RFC 3986 §2, as bit sets over the 128 ASCII characters.
enum ASCII {
  static let tab: UInt8 = 0x09
  static let lineFeed: UInt8 = 0x0A
  static let carriageReturn: UInt8 = 0x0D
  static let space: UInt8 = 0x20

  /// `token` characters (RFC 9110 §5.6.2): letters, digits and ``!#$%&'*+-.^_`|~``.
  @inline(__always) static func isToken(_ byte: UInt8) -> Bool {
    contains(byte, low: 0x03FF_6CFA_0000_0000, high: 0x57FF_FFFF_C7FF_FFFE)
  }

  /// `unreserved` and `sub-delims` but for the comma, which would make a list of it (RFC 3986 §2.2, §2.3): what a host's name is
  /// made of, beside percent escapes.
  @inline(__always) static func isHostName(_ byte: UInt8) -> Bool {
    contains(byte, low: 0x2BFF_6FD2_0000_0000, high: 0x47FF_FFFE_87FF_FFFE)
  }

  /// What a path is made of (RFC 3986 §3.3): `pchar` without `%`, and the slash.
  @inline(__always) static func isPath(_ byte: UInt8) -> Bool {
    contains(byte, low: 0x2FFF_FFD2_0000_0000, high: 0x47FF_FFFE_87FF_FFFF)
  }

  @inline(__always) static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

  /// A control character that no field value may hold (RFC 9110 §5.5): all of them but HTAB.
  @inline(__always) static func isControl(_ byte: UInt8) -> Bool {
    (byte < 0x20 && byte != tab) || byte == 0x7F
  }

  /// The value of a hexadecimal digit, or nil.
  @inline(__always) static func hexValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte &- 0x30
    case 0x41...0x46: byte &- 0x37
    case 0x61...0x66: byte &- 0x57
    default: nil
    }
  }

  /// The byte in lower case, if it is a letter.
  @inline(__always) static func lowercased(_ byte: UInt8) -> UInt8 {
    byte &- 0x41 < 26 ? byte | 0x20 : byte
  }

  @inline(__always) private static func contains(_ byte: UInt8, low: UInt64, high: UInt64) -> Bool {
    byte < 0x80 && ((byte < 0x40 ? low : high) >> UInt64(byte & 0x3F)) & 1 != 0
  }
}
