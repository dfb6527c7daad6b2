import NumericJSON
import TestSupport
import VectorKernels
import Testing

/// What is read and written in chunks is what is read and written in one go: values, shape, faults, errors, bytes.
@Suite struct ParallelTensorTests {
  private let parallel: Parallel = onThreads
  private let backwards: Parallel = { count, body in for index in (0..<count).reversed() { body(index) } }

  private func outcome(_ bytes: [UInt8], _ maximumCount: Int, _ parallel: Parallel?) -> Result<
    ParsedTensor, JSONSyntaxError
  > {
    do {
      var reading = try readTensor(bytes, maximumCount: maximumCount, parallel: parallel)
      // NaN is not equal to itself.
      reading.values = reading.values.map { $0.isNaN ? 1e300 : $0 }
      return .success(reading)
    } catch {
      return .failure(error)
    }
  }

  private func check(_ bytes: [UInt8], maximumCount: Int = 1 << 23, _ comment: Comment? = nil) {
    let expected = outcome(bytes, maximumCount, nil)
    let inPieces = outcome(bytes, maximumCount, parallel)
    let fromBehind = outcome(bytes, maximumCount, backwards)
    if inPieces != expected || fromBehind != expected { Issue.record(comment ?? "not the same in pieces") }
  }

  private func text(_ extents: [Int], spaced: Bool = false, _ random: inout SplitMix64) -> [UInt8] {
    let values = (0..<extents.reduce(1, *)).map { _ -> Double in
      switch Int.random(in: 0..<20, using: &random) {
      case 0: -.infinity
      case 1: Double(Int.random(in: -9...9, using: &random))
      default: Double.random(in: -10...10, using: &random)
      }
    }
    var writer = JSONWriter(capacity: 0)
    writer.tensor(values.span, extents: extents.span)
    let bytes = writer.finish()
    return spaced ? bytes.flatMap { $0 == UInt8(ascii: ",") ? [$0, 0x0A, 0x20] : [$0] } : bytes
  }

  @Test(arguments: [
    [30_000], [300, 100], [100, 300], [2, 15_000], [15_000, 2], [30_000, 1], [20, 30, 50], [3, 7, 11, 131],
    [1, 1, 30_000],
    [10, 10, 10, 10, 3], [1, 30_000, 1], [2, 2, 2, 2, 2, 2, 2, 250],
  ])
  func rectangles(_ extents: [Int]) throws {
    var random = SplitMix64(31)
    for spaced in [false, true] {
      let bytes = text(extents, spaced: spaced, &random)
      let reading = try readTensor(bytes, maximumCount: 1 << 23, parallel: parallel)
      #expect(reading.extents == extents && reading.faults.isEmpty && !reading.isTooLarge)
      check(bytes)
      check(bytes, maximumCount: 29_999)
      check(bytes, maximumCount: 10_000)
      check(bytes, maximumCount: 30_000)
    }
  }

  /// One byte changed somewhere: whatever that does, it does in pieces too.
  @Test("A text with a byte changed is read in chunks as it is read in one piece") func damagedTexts() {
    var random = SplitMix64(32)
    let texts = [text([9_000], &random), text([90, 100], &random), text([30, 300], spaced: true, &random)]
    let replacements = Array("],[ x\"-e.0:{n".utf8)
    for round in repetitions(60) {
      var bytes = texts[round % texts.count]
      let place =
        round % 3 == 0
        ? Int.random(in: 0..<bytes.count, using: &random)
        : Int.random(in: (bytes.count / 10)...(bytes.count * 7 / 10), using: &random)
      let new = replacements.randomElement(using: &random) ?? 0
      if round % 5 == 0 { bytes.insert(new, at: place) } else { bytes[place] = new }
      check(
        bytes, "\(round): \(String(decoding: bytes[max(0, place - 20)..<min(bytes.count, place + 20)], as: UTF8.self))")
    }
  }

  @Test func otherElementsAmongNumbers() {
    var random = SplitMix64(33)
    let rows = text([400, 30], &random)
    for element in [
      "null", "[1,2]", "{\"a\":1}", "1e999", "\"NaN\"", "\"x,1,2\"", "[]", "12345678901234567890123", "NaN", "1 2",
    ] {
      for _ in 0..<5 {
        var bytes = rows
        let start = Int.random(in: 1000..<(bytes.count - 1000), using: &random)
        guard let comma = bytes[start...].firstIndex(of: UInt8(ascii: ",")) else { continue }
        bytes.insert(contentsOf: Array((element + ",").utf8), at: comma + 1)
        check(bytes, "\(element)")
      }
    }
  }

  /// The tensor ends where other members follow.
  @Test("Members behind a tensor that was read in chunks are read from where it ends") func membersBehind() throws {
    var random = SplitMix64(34)
    let tensor = text([8, 1500], &random)
    let request =
      Array("{\"a\": ".utf8) + tensor + Array(", \"b\" : ".utf8) + tensor + Array(", \"c\": \"".utf8)
      + [UInt8](repeating: UInt8(ascii: ","), count: 300_000) + Array("\"}".utf8)
    for parallel in [nil, parallel, backwards] {
      var reader = JSONReader(request.span)
      try reader.beginObject()
      for name in ["a", "b"] {
        #expect(try reader.nextMember()?.text == name)
        let reading = try reader.readTensor(
          limits: TensorLimits(values: 12_000, faults: 1), parallel: parallel)
        #expect(reading.extents == [8, 1500] && reading.faults.isEmpty && !reading.isTooLarge)
      }
      #expect(try reader.nextMember()?.text == "c")
      try reader.skipValue()
      #expect(try reader.nextMember()?.text == nil)
      try reader.finish()
    }
  }

  @Test(arguments: [
    [100_000], [1], [], [100, 1000], [1000, 100], [3, 7, 11, 131], [50_000, 1], [1, 50_000], [20, 20, 20, 20],
  ])
  func chunksAreWrittenAsOneText(_ extents: [Int]) {
    var random = SplitMix64(35)
    let values = (0..<extents.reduce(1, *)).map { _ in Double(bitPattern: random.next()) }
    for format in [BinaryFormat.binary64, .binary32] {
      let texts = [nil, parallel, backwards].map { parallel in
        var writer = JSONWriter(capacity: 0)
        writer.beginObject()
        writer.name("values")
        writer.tensor(values.span, extents: extents.span, format: format, parallel: parallel)
        writer.name("next")
        writer.integer(1)
        writer.endObject()
        return writer.finish()
      }
      #expect(texts[1] == texts[0] && texts[2] == texts[0])
      #expect(throws: Never.self) { try validate(texts[0]) }
    }
  }
}

/// What says where a large text may be cut.
struct CommaCountTests {
  /// Against a plain count, at every alignment, with bytes that border on those sought.
  @Test(arguments: levelsHere) func commasAndColonsAreCounted(_ level: KernelLevel) {
    var random = SplitMix64(88)
    let alphabet = Array(",,;+-\u{0}0/9".utf8) + [0x2B, 0x2D, 0x39, 0x3B, 0xAC, 0xBA, 0xFF]
    for length in [0, 1, 15, 63, 64, 65, 31 * 64 - 1, 31 * 64, 31 * 64 + 1, 9000] {
      let text = (0..<length).map { _ in alphabet[random.int(in: 0...alphabet.count - 1)] }
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
