/// The field lines of a message, in their order, repeated ones kept apart (RFC 9110 §5.2, §5.3).
///
/// They are kept as they stand on the wire, each with its CRLF, in one array: a request's head is copied whole and once,
/// however many fields it has, and an answer's fields are written as they are. Names are found without regard to case.
public struct Fields: Sendable {
  /// The lines, and before those of a head its start line.
  private(set) var bytes: [UInt8]
  private(set) var index: FieldIndex

  /// No fields.
  public init() {
    bytes = []
    index = FieldIndex()
  }

  /// A head without the empty line at its end.
  init(head bytes: consuming [UInt8], _ index: FieldIndex) {
    self.bytes = bytes
    self.index = index
  }

  /// Bytes of memory held, about.
  var memory: Int { bytes.capacity }

  /// The number of field lines.
  public var count: Int { index.count }

  /// Appends a line. Control characters in `value` become spaces, and white space around it is dropped (RFC 9110
  /// §5.5), so that no text, wherever it came from, can end the line.
  public mutating func append(_ name: FieldName, _ value: String) {
    index.append(name.text.span, at: bytes.count)
    bytes.append(name.text.span)
    bytes.append(": ".utf8.span)
    let valueStart = bytes.count
    for byte in value.utf8 {
      let clean = byte == ASCII.tab || ASCII.isControl(byte) ? ASCII.space : byte
      if clean != ASCII.space || bytes.count > valueStart { bytes.append(clean) }
    }
    while bytes.count > valueStart, bytes[bytes.count - 1] == ASCII.space { bytes.removeLast() }
    bytes.append("\r\n".utf8.span)
  }

  /// The first value under `name`, or nil. Bytes that are not UTF-8 are read as U+FFFD.
  public subscript(name: FieldName) -> String? {
    var cursor = FieldIndex.Cursor()
    return next(name, &cursor).map(text)
  }

  /// Whether the first value under `name` is `value`, without regard to case.
  public func holds(_ name: FieldName, _ value: String) -> Bool {
    var cursor = FieldIndex.Cursor()
    guard let range = next(name, &cursor) else { return false }
    return bytes.span.extracting(range).equalsIgnoringCase(value.utf8.span)
  }

  /// Each value under `name`, in the order received.
  public func values(of name: FieldName) -> [String] {
    var values: [String] = []
    var cursor = FieldIndex.Cursor()
    while let range = next(name, &cursor) { values.append(text(range)) }
    return values
  }

  /// How many lines carry `name`.
  public func count(of name: FieldName) -> Int {
    var found = 0
    var cursor = FieldIndex.Cursor()
    while next(name, &cursor) != nil { found += 1 }
    return found
  }

  /// Where the value of the next line under `name` lies.
  @inline(__always)
  private func next(_ name: FieldName, _ cursor: inout FieldIndex.Cursor) -> Range<Int>? {
    guard index.mayHold(name) else { return nil }
    let (bytes, wanted) = (bytes.span, name.text.span)
    while let start = index.next(&cursor, in: bytes) {
      let end = start + wanted.count
      guard end < bytes.count, bytes[end] == UInt8(ascii: ":"),
        bytes.extracting(start..<end).equalsIgnoringCase(wanted)
      else { continue }
      return bytes.trimmed(end + 1..<bytes.firstControl(from: end, to: bytes.count))
    }
    return nil
  }

  /// All lines as they stand on the wire, each with its CRLF.
  var lines: Span<UInt8> {
    @_lifetime(borrow self)
    borrowing get { bytes.span.extracting((index.count > 0 ? index.start : bytes.count)...) }
  }

  func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }
}

extension Fields: ExpressibleByDictionaryLiteral {
  public init(dictionaryLiteral elements: (FieldName, String)...) {
    self.init()
    for (name, value) in elements { append(name, value) }
  }
}
