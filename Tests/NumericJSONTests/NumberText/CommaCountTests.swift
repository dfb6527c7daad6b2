import KernelDispatch
import VectorKernels
import TestSupport
import Testing

struct CommaCountTests {
  /// Against a plain count, at every alignment, with bytes that border on those sought.
  @Test(arguments: levelsHere) func commasAndColonsAreCounted(_ level: KernelLevel) {
    var state: UInt64 = 88_172_645_463_325_252
    let alphabet = Array(",,;+-\u{0}0/9".utf8) + [0x2B, 0x2D, 0x39, 0x3B, 0xAC, 0xBA, 0xFF]
    for length in [0, 1, 15, 63, 64, 65, 31 * 64 - 1, 31 * 64, 31 * 64 + 1, 9000] {
      var text: [UInt8] = []
      for _ in 0..<length {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        text.append(alphabet[Int(state >> 33) % alphabet.count])
      }
      for start in 0..<min(65, length + 1) {
        let part = text.span.extracting(start..<length)
        let expected = text[start...].count { $0 == UInt8(ascii: ",") }
        #expect(level.loops.countCommas(part, stopsAtColon: true) == (expected, false))
      }
    }
    let commas = [UInt8](repeating: UInt8(ascii: ","), count: 10_000)
    #expect(level.loops.countCommas(commas.span, stopsAtColon: true) == (10_000, false))
  }

  /// Commas before a colon are all counted, those after it only where they are asked for.
  @Test(arguments: levelsHere) func aColonIsFoundWhereverItIs(_ level: KernelLevel) {
    var text = [UInt8](repeating: UInt8(ascii: ","), count: 5000)
    for place in [0, 1, 63, 64, 31 * 64 - 1, 31 * 64, 4000, 4991, 4992, 4999] {
      text[place] = UInt8(ascii: ":")
      let (found, hasColon) = level.loops.countCommas(text.span, stopsAtColon: true)
      #expect(hasColon && place <= found && found < 5000, "at \(place)")
      #expect(level.loops.countCommas(text.span, stopsAtColon: false) == (4999, true), "at \(place)")
      text[place] = UInt8(ascii: ",")
    }
  }
}
