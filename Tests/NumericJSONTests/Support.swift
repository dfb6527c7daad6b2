import Glibc
import TestSupport
import VectorKernels

@testable import NumericJSON

/// Reads a text that is one number and nothing else.
func readNumber(_ text: String) throws -> JSONNumber { try readNumber(Array(text.utf8)) }

func readNumber(_ bytes: [UInt8]) throws -> JSONNumber {
  var reader = JSONReader(bytes.span)
  let number = try reader.readNumber()
  try reader.finish()
  return number
}

/// Reads it with enough white space behind that the hot path may take it.
func readNumberInside(_ bytes: [UInt8]) throws -> JSONNumber {
  try readNumber(bytes + [UInt8](repeating: 0x20, count: 80))
}

/// C's own conversion, correctly rounded in glibc; infinite beyond the range.
func referenceValue(_ text: String) -> Double { unsafe strtod(text, nil) }

extension JSONNumber {
  /// As strtod has it.
  var infinite: Double { isOutOfRange ? (value < 0 ? -.infinity : .infinity) : value }
}

/// The texts of numbers of a format, as a level writes them.
func texts(_ values: [Double], _ format: BinaryFormat, _ level: KernelLevel) -> [String] {
  var writer = JSONWriter(capacity: 0, level: level)
  writer.tensor(values.span, extents: [values.count].span, format: format)
  let text = String(decoding: writer.finish(), as: UTF8.self)
  return text.dropFirst().dropLast().split(separator: ",").map(String.init)
}

/// So many digits, any of them.
func digits(_ count: Int, _ random: inout SplitMix64) -> String {
  String((0..<count).map { _ in Character(String(random.next() % 10)) })
}

/// Where the reading of a sequence stopped, how, and what it has read.
struct SequenceOutcome: Equatable {
  var stop: SequenceStop
  var position: Int
  var values: [UInt64]

  init(
    _ text: [UInt8], from start: Int = 0, limit: Int = .max, rows: RowPattern = RowPattern(), capacity: Int,
    _ level: KernelLevel
  ) {
    var position = start
    var stop = SequenceStop.beforeValue
    var values: [Double] = []
    values.append(addingCapacity: capacity) { output in
      stop = readNumbers(text.span, &position, limit: limit, rows: rows, level: level, into: &output)
    }
    self.stop = stop
    self.position = position
    self.values = values.map(\.bitPattern)
  }

  /// Whether this is what the baseline's reading of a text comes to: it stops before a number that only a batch
  /// decides, and which side of white space a reading stops at does not matter.
  func agrees(with baseline: SequenceOutcome, in text: [UInt8]) -> Bool {
    guard stop == baseline.stop, values.starts(with: baseline.values) else { return false }
    let end = text.span.endOfWhitespace(from: min(position, text.count))
    let baselineEnd = text.span.endOfWhitespace(from: min(baseline.position, text.count))
    if values.count == baseline.values.count { return end == baselineEnd }
    guard stop == .beforeValue, baselineEnd < end else { return false }
    let further = text[baselineEnd..<end].split { ",[] ".utf8.contains($0) }
    return further.map { referenceValue(String(decoding: $0, as: UTF8.self)).bitPattern }
      == Array(values.dropFirst(baseline.values.count))
  }
}
