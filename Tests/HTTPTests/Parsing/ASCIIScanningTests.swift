import Allocation
import Testing

@testable import HTTP

/// What is done eight bytes at a time, held against the same done byte by byte.
struct ASCIIScanningTests {
  @Test("Each byte is a control or none at each place of a word and behind it", arguments: UInt8.min...UInt8.max)
  func controls(_ byte: UInt8) {
    forEachPlace(of: byte, among: UInt8(ascii: "a")) { bytes, place in
      let expected = ASCII.isControl(byte) ? place : bytes.count
      #expect(firstControl(bytes, 0..<bytes.count) == expected)
      #expect(firstControl(bytes, place..<place) == place)
    }
  }

  @Test(
    "Each byte ends a token, a path, a host's name or none of them at each place of a word and behind it",
    arguments: UInt8.min...UInt8.max)
  func runs(_ byte: UInt8) {
    forEachPlace(of: byte, among: UInt8(ascii: "-")) { bytes, place in
      for (start, end) in [(0, bytes.count), (0, place), (place, place), (place, bytes.count)] {
        func expected(_ isMember: Bool) -> Int { isMember ? end : min(place, end) }
        let token = bytes.span.endOfToken(from: start, to: end)
        let path = bytes.span.endOfPath(from: start, to: end)
        let name = bytes.span.endOfHostName(from: start, to: end)
        let space = bytes.span.firstSpace(from: start, to: end)
        #expect(token == expected(ASCII.isToken(byte)))
        #expect(path == expected(ASCII.isPath(byte)))
        #expect(name == expected(ASCII.isHostName(byte)))
        #expect(space == expected(byte != ASCII.space))
      }
    }
  }

  @Test("Any range of any bytes is read as a word", arguments: 0...20)
  func words(count: Int) {
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: 0xF1 &+ 7 &* $0) }
    for start in 0...count {
      for end in start...count {
        let expected = bytes[start..<end].prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let word = bytes.span.word(from: start, to: end)
        #expect(word == expected)
      }
    }
  }

  @Test("A text of the program's own is found in any case, and no other", arguments: UInt8.min...UInt8.max)
  func texts(_ byte: UInt8) {
    func check(_ text: StaticString) {
      for place in 0..<text.utf8CodeUnitCount {
        var bytes = Array("\(text)".uppercased().utf8)
        let isSame = ASCII.lowercased(byte) == ASCII.lowercased(bytes[place])
        bytes[place] = byte
        let framed = [0x41] + bytes + [0x42]
        #expect(equals(framed, text, 1..<1 + bytes.count) == isSame)
        #expect(!equals(framed, text, 1..<bytes.count))
        #expect(equals(bytes, text, bytes.indices) == isSame)
      }
    }
    check("host")
    check("x-length")
    check("100-continue")
    check("transfer-encoding")
  }

  @Test func theFirstOfSeveralControlsIsFoundBehindTheStart() {
    let bytes: [UInt8] = Array("\n0123456\u{7F}9\r\n".utf8)
    #expect(firstControl(bytes, 0..<12) == 0)
    #expect(firstControl(bytes, 1..<12) == 8)
    #expect(firstControl(bytes, 9..<12) == 10)
    #expect(firstControl(bytes, 9..<10) == 10)
  }

  @Test(
    "Any two bytes are equal at each place of a word just when they are equal alone", arguments: UInt8.min...UInt8.max)
  func equality(_ byte: UInt8) {
    for other in UInt8.min...UInt8.max {
      let isEqual = ASCII.lowercased(byte) == ASCII.lowercased(other)
      for (length, place) in [(1, 0), (7, 3), (8, 7), (12, 1), (12, 9), (17, 16)] {
        var (left, right) = ([UInt8](repeating: 0x5A, count: length), [UInt8](repeating: 0x7A, count: length))
        (left[place], right[place]) = (byte, other)
        #expect(areEqual(left, right) == isEqual)
      }
    }
  }

  @Test func lengthsDecide() {
    let bytes = Array("content-length".utf8)
    #expect(!areEqual(bytes, Array(bytes.dropLast())))
    #expect(!areEqual(bytes, []))
    #expect(areEqual([], []))
  }

  @Test func aCopyGoesBehindWhatIsThere() {
    var bytes = Array("HTTP".utf8)
    bytes.append("/1.1".utf8.span)
    bytes.append(Span())
    #expect(bytes == Array("HTTP/1.1".utf8))
  }

  /// Calls `body` with 1 to 20 bytes, all but one the same, and with the place of that one: each in its turn.
  private func forEachPlace(of byte: UInt8, among others: UInt8, _ body: (_ bytes: [UInt8], _ place: Int) -> Void) {
    for length in 1...20 {
      for place in 0..<length {
        var bytes = [UInt8](repeating: others, count: length)
        bytes[place] = byte
        body(bytes, place)
      }
    }
  }

  private func firstControl(_ bytes: [UInt8], _ range: Range<Int>) -> Int {
    bytes.span.firstControl(from: range.lowerBound, to: range.upperBound)
  }

  private func equals(_ bytes: [UInt8], _ text: StaticString, _ range: Range<Int>) -> Bool {
    bytes.span.equalsIgnoringCase(text, in: range)
  }

  private func areEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool { left.span.equalsIgnoringCase(right.span) }
}
