import Testing

@testable import NumericJSON

struct SWARTests {
  /// Against a plain count, at every alignment, with bytes that border on those sought.
  @Test func commasAndColonsAreCounted() {
    var state: UInt64 = 88_172_645_463_325_252
    let alphabet = Array(",,:;+-\u{0}0/9".utf8) + [0x2B, 0x2D, 0xAC, 0xBA, 0xFF]
    for length in [0, 1, 15, 16, 17, 63, 255 * 16 - 1, 255 * 16, 255 * 16 + 1, 9000] {
      for hasColons in [false, true] {
        var text: [UInt8] = []
        for _ in 0..<length {
          state ^= state << 13
          state ^= state >> 7
          state ^= state << 17
          let byte = alphabet[Int(state >> 33) % alphabet.count]
          text.append(byte == UInt8(ascii: ":") && !hasColons ? UInt8(ascii: ",") : byte)
        }
        for start in 0..<min(17, length + 1) {
          let found = text.span.countOfCommas(in: start..<length)
          #expect(found.commas == text[start...].count { $0 == UInt8(ascii: ",") })
          #expect(found.hasColon == text[start...].contains(UInt8(ascii: ":")))
        }
      }
    }
    let commas = [UInt8](repeating: UInt8(ascii: ","), count: 10_000)
    #expect(commas.span.countOfCommas(in: 0..<10_000).commas == 10_000)
  }

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
