import TestSupport
import Testing

@testable import Softmax

/// Numbers read from bytes of every type, at every alignment and distance, beside encoders of the standard library.
@Suite("Numbers")
struct NumbersTests {
  /// Numbers that a type holds, its extremes among them.
  static func samples(_ type: ElementType) -> [Double] {
    switch type {
    case .binary64:
      [0, -0.0, 1, -1.5, .pi, .leastNonzeroMagnitude, -.greatestFiniteMagnitude, .infinity, -.infinity]
    case .binary32:
      [0, -0.0, 1, -1.5, Float.pi, .leastNonzeroMagnitude, -.greatestFiniteMagnitude, .infinity, -.infinity].map(
        Double.init)
    case .binary16:
      [0, -0.0, 1, -1.5, Float16.pi, .leastNonzeroMagnitude, -.greatestFiniteMagnitude, .infinity, -.infinity]
        .map(Double.init)
    case .bfloat16: [0, -0.0, 1, -1.5, 3.140625, 0x1p-133, -0x1.FEp127, .infinity, -.infinity]
    case .int8: [0, 1, -1, 127, -128, 5, 6]
    case .int16: [0, 1, -1, 32_767, -32_768, 5, 6]
    case .int32: [0, 1, -1, 2_147_483_647, -2_147_483_648, 5, 6]
    case .int64: [0, 1, -1, 0x1p53 - 1, 1 - 0x1p53, 5, 6]
    case .uint8: [0, 1, 255, 5, 6, 7, 8]
    case .uint16: [0, 1, 65_535, 5, 6, 7, 8]
    case .uint32: [0, 1, 4_294_967_295, 5, 6, 7, 8]
    case .uint64: [0, 1, 0x1p53 - 1, 5, 6, 7, 8]
    }
  }

  /// A number's bytes, by the standard library's types.
  static func bytes(of number: Double, _ type: ElementType) -> [UInt8] {
    let bits: UInt64 =
      switch type {
      case .binary64: number.bitPattern
      case .binary32: UInt64(Float(number).bitPattern)
      case .binary16: UInt64(Float16(number).bitPattern)
      case .bfloat16: UInt64(Float(number).bitPattern >> 16)
      case .uint64: UInt64(number)
      case .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32: UInt64(bitPattern: Int64(number))
      }
    return (0..<type.size).map { UInt8(truncatingIfNeeded: bits >> UInt64(8 * $0)) }
  }

  /// The numbers after so many other bytes, and before others.
  static func placed(_ numbers: [Double], _ type: ElementType, after start: Int) -> Numbers {
    let bytes = [UInt8](repeating: 0xA5, count: start) + numbers.flatMap { Self.bytes(of: $0, type) } + [0xA5, 0xA5]
    return Numbers(numbers.count, of: type, in: bytes, from: start)
  }

  private func bits(_ numbers: some Sequence<Double>) -> [UInt64] { numbers.map(\.bitPattern) }

  @Test(arguments: ElementType.allCases, 0..<9)
  func bytesAreReadAsTheyAre(type: ElementType, start: Int) {
    let samples = Self.samples(type)
    let numbers = Self.placed(samples, type, after: start)
    #expect(bits(numbers) == bits(samples))
    #expect(bits(numbers.array) == bits(samples))
    #expect(numbers.firstIndex { $0 == samples[2] } == 2)
    #expect(numbers.allSatisfy { !$0.isNaN })
    for step in 1...3 {
      for first in 0..<2 {
        let count = (samples.count - first - 1) / step + 1
        var row: [Double] = []
        let found = numbers.withRun(count, from: first, step: step, copiedInto: &row) { run in
          run.indices.map { run[$0] }
        }
        #expect(bits(found) == bits((0..<count).map { samples[first + $0 * step] }))
      }
    }
  }

  @Test(arguments: ElementType.allCases, 0..<9)
  func resultsAreWrittenAsTheyAre(type: ElementType, start: Int) {
    let samples = Self.samples(type)
    for step in 1...2 {
      var bytes = [UInt8](repeating: 0xA5, count: start)
      ResultBuffer.append([(type, step * samples.count), (.uint8, 1)], to: &bytes) { buffers in
        buffers[0].clear(step * samples.count, from: 0)
        var row: [Double] = []
        buffers[0].write(samples.count, from: 0, step: step, by: &row) { out in
          for index in 0..<out.count { out[index] = samples[index] }
        }
        buffers[1][0] = 7
        for index in samples.indices { #expect(buffers[0][step * index].bitPattern == samples[index].bitPattern) }
      }
      let zeros = [UInt8](repeating: 0, count: type.size * (step - 1))
      let expected = samples.flatMap { Self.bytes(of: $0, type) + zeros }
      #expect(bytes == [UInt8](repeating: 0xA5, count: start) + expected + [7])
    }
  }

  /// What is not known yet is NaN in every type of results.
  @Test(arguments: [ElementType.binary64, .binary32, .binary16, .bfloat16])
  func notANumberIsKept(type: ElementType) {
    var bytes: [UInt8] = []
    ResultBuffer.append([(type, 2)], to: &bytes) { buffers in
      for position in 0..<2 { buffers[0][position] = .nan }
      #expect(buffers[0][0].isNaN && buffers[0][1].isNaN)
      buffers[0][0] = 0.5
      #expect(buffers[0][0] == 0.5 && buffers[0][1].isNaN)
    }
  }

  @Test func wholeNumbersBeyondDoubleAreNone() {
    let bytes: [UInt8] = [1, 0, 0, 0, 0, 0, 0x20, 0]
    #expect(Numbers(1, of: .int64, in: bytes, from: 0)[0].isNaN)
    #expect(Numbers(1, of: .uint64, in: bytes, from: 0)[0].isNaN)
    #expect(Numbers(1, of: .uint64, in: [UInt8](repeating: 255, count: 8), from: 0)[0].isNaN)
  }

  /// More than a block of numbers, in runs.
  @Test(arguments: [0, 1, 1023, 1024, 1025, 5000])
  func runsCoverAll(count: Int) {
    let samples = (0..<count).map { Double($0) }
    for numbers in [
      Numbers(samples), Self.placed(samples, .binary32, after: 3), Self.placed(samples, .binary64, after: 8),
    ] {
      var found: [Double] = []
      _ = numbers.firstPosition { run in
        for index in run.indices { found.append(run[index]) }
        return nil
      }
      #expect(found == samples)
      #expect(numbers.firstIndex { $0 == Double(count - 1) } == (count > 0 ? count - 1 : nil))
    }
  }

  @Test func changesStayInTheArray() {
    var numbers = Self.placed([1, 2, 3], .binary32, after: 1)
    numbers.withArray { $0[1] = -.infinity }
    #expect(numbers == [1, -.infinity, 3])
  }

  /// Each of the 65,536 patterns, against the definition.
  @Test func halfPrecision() {
    for bits in UInt16.min...UInt16.max {
      let (exponent, fraction) = (Int(bits >> 10 & 31), Double(bits & 1023))
      let magnitude: Double =
        switch exponent {
        case 0: fraction * 0x1p-24
        case 31: fraction == 0 ? .infinity : .nan
        default: Double(sign: .plus, exponent: exponent - 15, significand: 1 + fraction / 1024)
        }
      let value = Float(binary16: bits)
      #expect(value.isNaN == magnitude.isNaN)
      guard !magnitude.isNaN else { continue }
      #expect(Double(value) == (bits >> 15 == 1 ? -magnitude : magnitude))
      #expect(value.binary16Pattern == bits)
      #expect(Float(bfloat16: bits).isNaN || Float(bfloat16: bits).bfloat16Pattern == bits)
    }
  }
}
