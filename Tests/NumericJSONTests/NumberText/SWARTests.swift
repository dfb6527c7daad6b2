import Testing

@testable import NumericJSON

struct SWARTests {
  /// Every byte at every place of a word, behind bytes that a string holds as they are and before one that it does not.
  @Test func whatAStringHoldsAsItIsIsCounted() {
    for place in 0..<8 {
      for byte in UInt8.min...UInt8.max {
        var text = [UInt8](repeating: UInt8(ascii: "!"), count: place) + [byte]
        text += [UInt8](repeating: UInt8(ascii: "\\"), count: 7 - place)
        let first = text.firstIndex { $0 < 0x20 || $0 >= 0x80 || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") }
        #expect(SWAR.countOfPlain(text.span.word(at: 0)) == first ?? 8, "\(byte) at \(place)")
      }
    }
  }
}
