import TestSupport
import Testing
import VectorKernels

@testable import NumericJSON

func readTensor(
  _ text: String, maximumCount: Int = 1000, parallel: Parallel? = nil
) throws(JSONSyntaxError) -> ParsedTensor {
  try readTensor(Array(text.utf8), maximumCount: maximumCount, parallel: parallel)
}

/// At each level, and the same at all of them; up to ten faults.
func readTensor(
  _ bytes: [UInt8], maximumCount: Int = 1000, parallel: Parallel? = nil
) throws(JSONSyntaxError) -> ParsedTensor {
  let readings = levelsHere.map { level in
    Result { () throws(JSONSyntaxError) in
      var reader = JSONReader(bytes.span, level: level)
      let reading = try reader.readTensor(
        limits: TensorLimits(values: maximumCount, faults: 10), parallel: parallel)
      try reader.finish()
      return reading
    }
  }
  // NaN is not equal to itself.
  let texts = readings.map { "\($0)" }
  if Set(texts).count > 1 { Issue.record("\(String(decoding: bytes, as: UTF8.self)) is read as \(texts)") }
  return try readings[0].get()
}

@Suite struct ParsedTensorTests {
  @Test(
    arguments: [
      ("3.5", [], [3.5]), ("[1]", [1], [1]), ("[1, 2, 3]", [3], [1, 2, 3]),
      ("[[1,2],[3,4],[5,6]]", [3, 2], [1, 2, 3, 4, 5, 6]),
      (" [ [ [ 1 ] , [ 2 ] ] ] ", [1, 2, 1], [1, 2]), ("[[[[[[[[7]]]]]]]]", [1, 1, 1, 1, 1, 1, 1, 1], [7]),
      ("[\"-Infinity\", 1e0, \"Infinity\"]", [3], [-.infinity, 1, .infinity]), ("\"-Infinity\"", [], [-.infinity]),
      (
        "[[1e-400,-0.0],\n\t[\"\\u0049nfinity\",\r\n9007199254740993]]", [2, 2],
        [0, 0, .infinity, 9_007_199_254_740_992]
      ),
      ("[1 ,2\t,\n3\r\n,   4]", [4], [1, 2, 3, 4]),
    ] as [(String, [Int], [Double])])
  func rectangles(_ text: String, _ shape: [Int], _ values: [Double]) throws {
    for padding in ["", String(repeating: " ", count: 100)] {
      let reading = try readTensor(text + padding)
      #expect(reading.extents == shape && reading.values == values)
      #expect(reading.faults.isEmpty && !reading.isTooLarge)
    }
  }

  @Test func theWordNaNIsANumberThatIsNone() throws {
    let reading = try readTensor("[1, \"NaN\"]")
    #expect(reading.values[1].isNaN && reading.faults.isEmpty)
  }

  @Test(
    arguments: [
      ("null", [TensorFault(path: [], reason: .null)]), ("{}", [.init(path: [], reason: .object)]),
      ("[]", [.init(path: [], reason: .empty)]), ("[1, null, 3]", [.init(path: [1], reason: .null)]),
      ("[[1, 2], [true, 4]]", [.init(path: [1, 0], reason: .boolean)]),
      ("[{\"a\": [1]}, 2]", [.init(path: [0], reason: .object)]),
      (
        "[1, \"2\", \"infinity\"]",
        [.init(path: [1], reason: .string("2")), .init(path: [2], reason: .string("infinity"))]
      ),
      (
        "[1e999, -1e999]",
        [
          .init(path: [0], reason: .outOfRange(isNegative: false)),
          .init(path: [1], reason: .outOfRange(isNegative: true)),
        ]
      ),
      (
        "[[1,2],[3],[4,5,6]]",
        [
          .init(path: [1], reason: .ragged(expected: 2, found: 1)),
          .init(path: [2], reason: .ragged(expected: 2, found: 3)),
        ]
      ),
      ("[[[1],[2]],[[3]]]", [.init(path: [1], reason: .ragged(expected: 2, found: 1))]),
      ("[[1,2],3]", [.init(path: [1], reason: .mixedDepth)]), ("[1,[2,3]]", [.init(path: [1], reason: .mixedDepth)]),
      ("[[1,[2]],[3,4]]", [.init(path: [0, 1], reason: .mixedDepth)]),
      ("[[],[]]", [.init(path: [0], reason: .empty), .init(path: [1], reason: .empty)]),
      ("[[1],[]]", [.init(path: [1], reason: .empty)]),
      ("[[[[[[[[[1]]]]]]]]]", [.init(path: [0, 0, 0, 0, 0, 0, 0, 0], reason: .tooDeep)]),
    ] as [(String, [TensorFault])])
  func faults(_ text: String, _ faults: [TensorFault]) throws {
    for padding in ["", String(repeating: " ", count: 100)] {
      #expect(try readTensor(text + padding).faults == faults)
    }
  }

  @Test func faultsAreBoundedAndNoSyntaxErrorIsLostBehindThem() throws {
    let nulls = "[" + String(repeating: "null,", count: 1000)
    #expect(try readTensor(nulls + "null]").faults.count == 10)
    #expect(throws: JSONSyntaxError(offset: nulls.utf8.count, reason: .nonFiniteLiteral)) {
      try readTensor(nulls + "NaN]")
    }
    let long = String(repeating: "é", count: 100_000)
    let cut = String(long.prefix(JSONString.longestText / 2 + 1))
    #expect(try readTensor("[\"\(long)\"]").faults == [TensorFault(path: [0], reason: .string(cut))])
  }

  @Test func tooManyValuesAreNotKeptButChecked() throws {
    let text = "[" + String(repeating: "1.5,", count: 2000)
    for count in [0, 1, 7, 1000, 2000] {
      let reading = try readTensor(text + "2]", maximumCount: count)
      #expect(reading.isTooLarge && reading.values.count == count)
    }
    let whole = try readTensor(text + "2]", maximumCount: 2001)
    #expect(!whole.isTooLarge && whole.values.count == 2001 && whole.values.last == 2)
    #expect(throws: JSONSyntaxError(offset: text.utf8.count, reason: .expectedValue)) {
      try readTensor(text + "x]", maximumCount: 5)
    }
    #expect(try readTensor(text + "[1]]", maximumCount: 5).faults == [TensorFault(path: [2000], reason: .mixedDepth)])
  }

  /// Every place of a number against every way to write it, through the hot loop and at the text's end.
  @Test("Random tensors, with any spacing, are read as they were written") func randomTensors() throws {
    var random = SplitMix64(21)
    for round in repetitions(300) {
      let extents = (0..<(round % 4)).map { _ in Int.random(in: 1...(round % 7 == 0 ? 40 : 6), using: &random) }
      let count = extents.reduce(1, *)
      let values = (0..<count).map { _ -> Double in
        switch Int.random(in: 0..<4, using: &random) {
        case 0: Double.random(in: -1...1, using: &random)
        case 1: Double(Int.random(in: -1000...1000, using: &random))
        case 2: Double(bitPattern: random.next() & ~(1 << 62))
        default: round % 3 == 0 ? -.infinity : 0.5
        }
      }
      var writer = JSONWriter(capacity: 10)
      writer.tensor(values.span, extents: extents.span)
      let bytes = writer.finish()
      let reading = try readTensor(bytes, maximumCount: count)
      #expect(reading.extents == extents && reading.values == values && reading.faults.isEmpty)
      let spaced = bytes.flatMap { byte -> [UInt8] in
        let space = UInt8(ascii: " ")
        switch byte {
        case UInt8(ascii: ","): return [space, byte, 0x0A, space]
        case UInt8(ascii: "["), UInt8(ascii: "]"): return [0x09, byte, space]
        default: return [byte]
        }
      }
      #expect(try readTensor(spaced, maximumCount: count) == reading)
    }
  }

  /// "-INF" means the same as "-Infinity" and "-inf", and is never read among numbers.
  @Test("Masks among numbers are read as they are one by one", arguments: [1, 2, 3, 10, 100])
  func masksAmongNumbers(classes: Int) {
    var random = SplitMix64(UInt64(classes))
    let odd = ["null", "1e400", "[1]", "\"x\"", "", "-", "true"]
    for round in repetitions(300) {
      var fast = "[["
      var slow = "[["
      func both(_ text: String) { (fast, slow) = (fast + text, slow + text) }
      let (count, share) = (random.int(in: 1...(400 / classes + 2)), random.int(in: 1...10))
      for row in 0..<count {
        if row > 0 { both(random.int(in: 0...9) == 0 ? " ] ,\n[ " : "],[") }
        for c in 0..<(round % 5 == 0 && random.int(in: 0...50) == 0 ? classes + 1 : classes) {
          if c > 0 { both(random.int(in: 0...9) == 0 ? " , " : ",") }
          if random.int(in: 0...9) < share {
            fast += random.next() % 2 == 0 ? "\"-Infinity\"" : "\"-inf\""
            slow += "\"-INF\""
          } else if round % 7 == 0, random.int(in: 0...200) == 0 {
            both(odd[random.int(in: 0...(odd.count - 1))])
          } else {
            both(["\(random.double(in: -9...9))", "0.5", "-3", "1e-7"][random.int(in: 0...3)])
          }
        }
      }
      both(round % 11 == 0 ? "],]" : "]]")
      for limit in [Int.max, 1, classes, 3 * classes + 1] {
        let one = Result { try readTensor(Array(fast.utf8), maximumCount: limit) }
        let other = Result { try readTensor(Array(slow.utf8), maximumCount: limit) }
        switch (one, other) {
        case (.success(let one), .success(let other)): #expect(one == other, "\(fast)")
        case (.failure(let one), .failure(let other)):
          #expect((one as? JSONSyntaxError)?.reason == (other as? JSONSyntaxError)?.reason, "\(fast)")
        default: Issue.record("\(fast): \(one), but \(other)")
        }
      }
    }
  }

  @Test func everyCutOfATensorIsAnError() throws {
    let text = Array("[[-1.25e-7, 12345678.9], [\"-Infinity\", 0.12345678901234567], [3, 4]]".utf8)
    for length in 0..<text.count {
      let cut = #expect(throws: JSONSyntaxError.self) { try readTensor(Array(text[..<length])) }
      #expect(cut?.reason == .unexpectedEnd && cut?.offset == length)
    }
    #expect(try readTensor(text).extents == [3, 2])
  }

  /// The last bytes are read from a copy: what stands there, right or wrong, is what it is with white space behind it.
  @Test func theTextsEndChangesNothing() {
    let items = [
      "1", "-0.5", "2.5e-7", "12345678901234567", "0.1234567890123456789", "1e400", "\"-Infinity\"", "null", " 7 ",
      "[1]",
      "1.", "01", "-", "+1", ".5", "1e", "x", "1 2", "\u{0}", "3\u{0}", "", "3]", "1,",
      "123456789012345678901234567890",
    ]
    for first in items {
      for second in items {
        for length in [0, 20, 40, 60] {
          let text = "[0.25, " + String(repeating: "1,", count: length / 2) + first + "," + second + "]"
          let near = Result { try readTensor(Array(text.utf8)) }
          let far = Result { try readTensor(Array((text + String(repeating: " ", count: 100)).utf8)) }
          switch (near, far) {
          case (.success(let near), .success(let far)): #expect(near == far, "\(text)")
          case (.failure(let near), .failure(let far)):
            #expect(near as? JSONSyntaxError == far as? JSONSyntaxError, "\(text)")
          default: Issue.record("\(text): \(near), but \(far)")
          }
        }
      }
    }
  }
}

@Suite("Storage of a tensor that is being read")
struct TensorBuilderTests {
  /// Numbers as dense as can be, of ordinary length, and with much space between them.
  @Test(arguments: [1, 2, 8, 9, 63, 64, 65, 100, 1000, 100_000], [2, 3, 19, 40])
  func growsSeldom(count: Int, width: Int) {
    var builder = TensorBuilder(
      limits: TensorLimits(values: .max, faults: 32), start: 0, end: count * width + 1)
    builder.open()
    var capacities: Set<Int> = []
    for index in 0..<count {
      builder.append(1, at: 1 + index * width)
      capacities.insert(builder.values.capacity)
    }
    #expect(builder.values.count == count)
    #expect(capacities.count <= 4, "\(capacities.sorted())")
    #expect(builder.values.capacity <= max(count + count / 4, count * width / 16) + 1024)
  }
}
