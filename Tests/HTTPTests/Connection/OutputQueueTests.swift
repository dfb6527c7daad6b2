import Allocation
import TestSupport
import Testing

@testable import HTTP

/// What waits to be written comes out whole and in order, however little of it a write takes, and holds no more than
/// that.
struct OutputQueueTests {
  private static let date = HTTPDate(unixSeconds: 784_111_777)

  /// An answer with a body of this many bytes.
  private func response(_ count: Int, _ byte: UInt8) -> Response {
    Response(.ok, .plainText, body: [UInt8](repeating: byte, count: count))
  }

  @Test(arguments: [1, 7, 900, 5000, 70_000])
  func writesOfAnySizeTakeTheSameBytes(most: Int) {
    var random = SplitMix64(UInt64(most))
    var queue = OutputQueue()
    var expected: [UInt8] = []
    var written: [UInt8] = []
    for step in 0..<300 {
      let answer = response(random.int(in: 0...8999), UInt8(truncatingIfNeeded: step))
      var whole = OutputQueue()
      whole.append(answer, ResponseFraming(), date: Self.date)
      expected += whole.take(.max)
      queue.append(answer, ResponseFraming(), date: Self.date)
      for _ in 0..<random.int(in: 0...3) { written += queue.take(random.int(in: 1...most)) }
      #expect(queue.count == expected.count - written.count)
    }
    while !queue.isEmpty { written += queue.take(most) }
    #expect(written == expected)
  }

  @Test(
    "Parts of a body follow it in order, small and large ones, whatever a write takes", arguments: [37, 900, 70_000])
  func parts(most: Int) {
    var random = SplitMix64(UInt64(most))
    var (queue, expected): (OutputQueue, [UInt8]) = (OutputQueue(), [])
    for step in 0..<50 {
      var answer = response(random.int(in: 0...8999), UInt8(truncatingIfNeeded: step))
      let source = (0..<30_000).map { UInt8(truncatingIfNeeded: step &+ $0) }
      for _ in 0..<random.int(in: 0...3) {
        let start = random.int(in: 0...20_000)
        answer.bodyParts.append(BodyPart(source, start..<start + random.int(in: 0...9000)))
      }
      let whole = answer.body + answer.bodyParts.flatMap(\.bytes)
      #expect(answer.bodyCount == whole.count)
      var single = answer
      (single.body, single.bodyParts) = (whole, [])
      expected.appendHead(of: single, ResponseFraming(), date: Self.date)
      expected += whole
      queue.append(answer, ResponseFraming(), date: Self.date)
    }
    #expect(queue.count == expected.count)
    var written: [UInt8] = []
    while !queue.isEmpty { written += queue.take(most) }
    #expect(written == expected)
    #expect(queue.memory <= 8192)
  }

  @Test("A part is counted with all of the memory that it keeps")
  func memoryOfParts() {
    var answer = response(10, 0x61)
    answer.bodyParts = [BodyPart([UInt8](repeating: 0x62, count: 1_000_000), 900_000..<910_000)]
    var queue = OutputQueue()
    queue.append(answer, ResponseFraming(), date: Self.date)
    #expect(queue.memory >= 1_000_000)
    _ = queue.take(.max)
    #expect(queue.memory <= 8192)
  }

  @Test("A reader that is always a little behind has the queue hold what waits, not what it has taken")
  func whatIsOutIsNotHeld() {
    var queue = OutputQueue()
    queue.append(response(2000, 0x61), ResponseFraming(), date: Self.date)
    for _ in 0..<5000 {
      let before = queue.count
      queue.append(response(2000, 0x61), ResponseFraming(), date: Self.date)
      _ = queue.take(queue.count - before)
    }
    #expect(queue.count < 4096)
    #expect(queue.buffer.count < 256 * 1024)
  }

  @Test(
    "Heads and small bodies go out in one piece, a large body as a second one, uncopied",
    arguments: [1, 100, 5000, .max])
  func pieces(room: Int) {
    var queue = OutputQueue()
    var expected: [UInt8] = []
    let date = HTTPDate(unixSeconds: 0)
    for size in [0, 10, 100_000, 20, 5000, 4096, 4095, 1] {
      let response = Response(.ok, .json, body: (0..<size).map { UInt8(truncatingIfNeeded: $0) })
      expected.appendHead(of: response, ResponseFraming(), date: date)
      expected += response.body
      queue.append(response, ResponseFraming(), date: date)
    }
    #expect(queue.count == expected.count)
    var written: [UInt8] = []
    while !queue.isEmpty {
      let before = written.count
      queue.withPieces { first, second in
        var left = room
        for piece in [first.count, second.count].enumerated() {
          let count = min(left, piece.element)
          for index in 0..<count { written.append(piece.offset == 0 ? first[index] : second[index]) }
          left -= count
        }
      }
      #expect(written.count > before)
      queue.drop(written.count - before)
    }
    #expect(written == expected)
    #expect(queue.withPieces { $0.count + $1.count } == 0)
  }
}

extension OutputQueue {
  /// Takes what a write that takes at most `most` bytes would.
  fileprivate mutating func take(_ most: Int) -> [UInt8] {
    var taken: [UInt8] = []
    while taken.count < most, !isEmpty {
      let piece = withPieces { first, second in
        var bytes = [UInt8](copying: first)
        bytes.append(second)
        return Array(bytes.prefix(most - taken.count))
      }
      drop(piece.count)
      taken += piece
    }
    return taken
  }
}
