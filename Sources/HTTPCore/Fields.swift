/// The field lines of a message, in their order, repeated ones kept apart (RFC 9110 §5.2, §5.3).
///
/// One array holds all the bytes and another where each line lies, so that a request's head costs two allocations
/// however many fields it has. Names are found without regard to case.
public struct Fields: Sendable {
  /// Where a line's name and value lie in the bytes.
  struct Line: Sendable {
    var nameStart: Int32
    var nameEnd: Int32
    var valueStart: Int32
    var valueEnd: Int32

    var name: Range<Int> { Int(nameStart)..<Int(nameEnd) }
    var value: Range<Int> { Int(valueStart)..<Int(valueEnd) }
  }

  private(set) var bytes: [UInt8]
  private(set) var lines: [Line]
  /// The marks of all names: most questions are about a field that is not there, and few of those need a look at the lines.
  private var marks: UInt64 = 0

  /// No fields.
  public init() {
    bytes = []
    lines = []
  }

  /// Lines that the parser has validated; `lines` point into `bytes`, which may hold more than them.
  init(validated bytes: consuming [UInt8], lines: consuming [Line]) {
    self.bytes = bytes
    self.lines = lines
    for line in self.lines { marks |= FieldName.mark(of: self.bytes.span.extracting(line.name)) }
  }

  /// The number of field lines.
  public var count: Int { lines.count }

  /// Appends a line. Control characters in `value` become spaces, and white space around it is dropped (RFC 9110
  /// §5.5), so that no text, wherever it came from, can end the line.
  public mutating func append(_ name: FieldName, _ value: String) {
    let nameStart = bytes.count
    bytes.append(contentsOf: name.text.utf8)
    let nameEnd = bytes.count
    for byte in value.utf8 {
      let clean = byte == ASCII.tab || ASCII.isControl(byte) ? ASCII.space : byte
      if clean != ASCII.space || bytes.count > nameEnd { bytes.append(clean) }
    }
    while bytes.count > nameEnd, bytes[bytes.count - 1] == ASCII.space { bytes.removeLast() }
    lines.append(
      Line(
        nameStart: Int32(truncatingIfNeeded: nameStart), nameEnd: Int32(truncatingIfNeeded: nameEnd),
        valueStart: Int32(truncatingIfNeeded: nameEnd), valueEnd: Int32(truncatingIfNeeded: bytes.count)))
    marks |= name.mark
  }

  /// The first value under `name`, or nil. Bytes that are not UTF-8 are read as U+FFFD.
  public subscript(name: FieldName) -> String? {
    guard mayHold(name) else { return nil }
    for line in lines where matches(line, name) { return text(line.value) }
    return nil
  }

  /// Whether the first value under `name` is `value`, without regard to case.
  public func holds(_ name: FieldName, _ value: String) -> Bool {
    guard mayHold(name) else { return false }
    for line in lines where matches(line, name) {
      return bytes.span.extracting(line.value).equalsIgnoringCase(value.utf8.span)
    }
    return false
  }

  /// Each value under `name`, in the order received.
  public func values(of name: FieldName) -> [String] {
    mayHold(name) ? lines.filter { matches($0, name) }.map { text($0.value) } : []
  }

  /// How many lines carry `name`.
  public func count(of name: FieldName) -> Int {
    guard mayHold(name) else { return 0 }
    var found = 0
    for line in lines where matches(line, name) { found += 1 }
    return found
  }

  private func mayHold(_ name: FieldName) -> Bool { marks & name.mark != 0 }

  func matches(_ line: Line, _ name: FieldName) -> Bool {
    bytes.span.extracting(line.name).equalsIgnoringCase(name.text.utf8.span)
  }

  func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }
}

extension Fields: ExpressibleByDictionaryLiteral {
  public init(dictionaryLiteral elements: (FieldName, String)...) {
    self.init()
    for (name, value) in elements { append(name, value) }
  }
}
