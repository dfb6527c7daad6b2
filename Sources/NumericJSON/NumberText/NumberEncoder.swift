internal import KernelDispatch
public import VectorKernels

/// The format of a number that is written as text: the shortest decimal that reads back to the same number of the
/// format, and of the shortest the closest.
public typealias NumberFormat = BinaryFormat

/// Writes numbers as text, eight at a time: a format, and the vector loops that find the decimals.
struct NumberEncoder {
  let format: NumberFormat
  private let loops: any VectorLoops.Type

  init(format: NumberFormat, level: KernelLevel) {
    self.format = format
    loops = level.loops
  }

  /// The most bytes that a number takes: "-2.2250738585072014e-308".
  static var maximumLength: Int { 24 }
  /// How many bytes after a number and its comma may be written to, since text is stored in whole words: the last word
  /// of the longest number ends 27 bytes after its sign.
  static var slack: Int { 16 }
}

extension OutputSpan where Element == UInt8 {
  /// Appends numbers with commas between them, or breaks where rows end.
  ///
  /// - Precondition: room for `maximumLength` + 1 bytes a number, for the breaks' brackets, and `slack` more. The
  ///   numbers' part is checked.
  @_lifetime(self: copy self)
  mutating func append(numbers values: Span<Double>, rows: RowBreaks = .none, encoder: NumberEncoder) {
    precondition(freeCapacity >= values.count * (NumberEncoder.maximumLength + 1) + NumberEncoder.slack)
    if values.isEmpty { return }
    var rows = rows
    // Safe: each number takes at most `maximumLength` bytes and its comma one, the room for all was checked, and the
    // count is of the bytes written.
    unsafe withUnsafeMutableBufferPointer { buffer, count in
      guard let base = buffer.baseAddress else { return }
      let start = unsafe base + count
      count += unsafe encoder.write(values, &rows, to: start) - start
    }
  }
}

extension NumberEncoder {
  /// Writes numbers with commas or breaks between them and returns where they end.
  ///
  /// While the texts of one batch are put together, the decimals of the next are computed. The one is a short chain of
  /// steps for each number, the other a long chain for all; together they keep the processor busier.
  fileprivate func write(
    _ values: Span<Double>, _ rows: inout RowBreaks, to start: UnsafeMutablePointer<UInt8>
  ) -> UnsafeMutablePointer<UInt8> {
    let powers = PowersOfTen.forWriting
    let exponents = ExponentText.all
    return unsafe withBatch(start) { first in
      first.find(values, from: 0, encoder: self, powers: powers.span)
      guard values.count > NumberBatch.size else {
        return unsafe first.write(values.count, &rows, exponents: exponents.span, to: start) - 1
      }
      return unsafe withBatch(start) { second in
        var (batch, next) = (first, second)
        var cursor = unsafe start
        var index = 0
        while index &+ NumberBatch.size < values.count {
          next.find(values, from: index &+ NumberBatch.size, encoder: self, powers: powers.span)
          unsafe cursor = batch.write(NumberBatch.size, &rows, exponents: exponents.span, to: cursor)
          swap(&batch, &next)
          index &+= NumberBatch.size
        }
        return unsafe batch.write(values.count &- index, &rows, exponents: exponents.span, to: cursor) - 1
      }
    }
  }

  /// Finds the decimals of `values[start ..< start + 8]`. Returns whether some are undecided.
  @inline(__always)
  fileprivate func findDecimals(
    of values: Span<Double>, from start: Int, powers: Span<UInt64>, into block: inout DecimalBlock
  ) -> Bool {
    loops.shortestDecimals(
      of: values, from: start, format: format, powers: powers, into: &block)
  }
}

/// Hands out a batch on the stack: `withUnsafeTemporaryAllocation` would take so many bytes from the heap.
@inline(__always)
private func withBatch(
  _ start: UnsafeMutablePointer<UInt8>, _ body: (NumberBatch) -> UnsafeMutablePointer<UInt8>
) -> UnsafeMutablePointer<UInt8> {
  var blocks = InlineArray<2, DecimalBlock>(repeating: DecimalBlock())
  var span = blocks.mutableSpan
  return unsafe span.withUnsafeMutableBufferPointer { blocks in
    guard let base = blocks.baseAddress else { return unsafe start }
    return unsafe body(NumberBatch(blocks: base))
  }
}

/// Up to sixteen numbers that are being written. The blocks outlive it.
@safe private struct NumberBatch {
  /// Two, so that one block's chain of steps can begin while the other's goes on.
  static var blockCount: Int { 2 }
  static var size: Int { 8 * blockCount }

  let blocks: UnsafeMutablePointer<DecimalBlock>

  /// A word of a number's lane. It is loaded from memory, because reading it through the vector would copy the vector.
  @inline(__always)
  func word(_ field: DecimalBlock.Field, _ number: Int) -> UInt64 {
    // Safe: a block is rows of eight words, one after the other, and numbers are below `size`.
    let place = (number &>> 3) &* MemoryLayout<DecimalBlock>.stride &+ 64 &* field.rawValue &+ 8 &* (number & 7)
    return unsafe UnsafeRawPointer(blocks).load(fromByteOffset: place, as: UInt64.self)
  }

  /// Finds the decimals of as many of `values[start ..< start + size]` as there are.
  @inline(__always)
  func find(_ values: Span<Double>, from start: Int, encoder: NumberEncoder, powers: Span<UInt64>) {
    for block in 0..<NumberBatch.blockCount {
      let first = start &+ 8 &* block
      guard first < values.count else { break }
      if unsafe encoder.findDecimals(of: values, from: first, powers: powers, into: &blocks[block]) {
        decideExactly(values, from: start, block: block, format: encoder.format)
      }
    }
  }

  /// Finds the decimals that the vector loops have left undecided.
  @inline(never)
  private func decideExactly(_ values: Span<Double>, from start: Int, block: Int, format: NumberFormat) {
    for number in 8 * block..<8 * block + 8 where word(.undecided, number) == 1 {
      let (value, lane) = (values[start + number], number & 7)
      let decimal = format.exactDecimal(of: value)
      unsafe blocks[block][.tens][lane] = decimal.digits / 10
      unsafe blocks[block][.last][lane] = decimal.digits % 10
      unsafe blocks[block][.exponent][lane] = UInt64(bitPattern: Int64(decimal.exponent))
      if decimal.digits == 0 || !value.isFinite { unsafe blocks[block][.sign][lane] = 0 }
    }
    unsafe BaselineLoops.layDigits(of: &blocks[block])
  }

  /// Writes the texts of the first `count` numbers, each with a comma, and breaks before those that begin a row, and
  /// returns where they end.
  @inline(__always)
  func write(
    _ count: Int, _ rows: inout RowBreaks, exponents: Span<UInt64>, to start: UnsafeMutablePointer<UInt8>
  ) -> UnsafeMutablePointer<UInt8> {
    var cursor = unsafe start
    var left = rows.distance
    defer { rows.distance = left }
    for number in 0..<count {
      if left == 0 {
        unsafe cursor = rows.write(over: cursor - 1)
        left = rows.distance
      }
      left &-= 1
      let end = unsafe writeNumber(number, exponents: exponents, to: cursor)
      unsafe assert(end <= cursor + (NumberEncoder.maximumLength + 1))
      unsafe cursor = end
    }
    return unsafe cursor
  }

  /// Writes a number and a comma. From 1e-4 up to but not including 1e16 it is in plain notation, with at least one
  /// digit after the point. Otherwise one digit comes before the point, and the exponent has no plus sign and no
  /// leading zeros. Python and Swift choose the same notation, apart from the exponent's sign and zeros.
  ///
  /// The seventeen digits are sixteen in two words, and the last. If they begin with a zero, they are written one byte
  /// earlier: the point, or a digit before it, then overwrites that zero.
  @inline(__always)
  private func writeNumber(
    _ number: Int, exponents: Span<UInt64>, to start: UnsafeMutablePointer<UInt8>
  ) -> UnsafeMutablePointer<UInt8> {
    unsafe start.pointee = UInt8(ascii: "-")
    let p = unsafe start + Int(truncatingIfNeeded: word(.sign, number))
    let lead = Int(truncatingIfNeeded: word(.lead, number))
    let count = Int(truncatingIfNeeded: word(.count, number))
    let power = Int(truncatingIfNeeded: word(.power, number))
    let head = word(.head, number)
    let middle = word(.middle, number)
    let last = UInt8(truncatingIfNeeded: word(.end, number))
    if power >= 7, power < 16 {
      // The seventeenth digit's place does not depend on the power.
      let isShort = lead == 1
      let moved = isShort ? word(.first, number) & ~(0xFF &<< 56) | middle &<< 56 : head
      let rest = isShort ? middle &>> 8 | UInt64(last) &<< 56 : middle
      unsafe store(moved, to: p)
      unsafe store(rest, to: p + 8)
      // The digits after the point, one byte further on. If the power is 15, there is only the last digit.
      let point = unsafe p + (1 &+ power)
      unsafe store(rest &>> UInt64(truncatingIfNeeded: 8 &* (power &- 7)), to: point + 1)
      unsafe point.pointee = UInt8(ascii: ".")
      unsafe p[17] = isShort ? UInt8(ascii: "0") : last
      return unsafe endNumber(p + max(1 &+ count, power &+ 3))
    }
    if power >= -4, power < 7 {
      let layout = PointLayout.all[power &+ 4]
      unsafe storeDigits(of: number, to: p + (layout.offset &- lead))
      unsafe store(layout.firstWord(word(.first, number)), to: p)
      return unsafe endNumber(p + max(layout.offset &+ count, power &+ 3))
    }
    unsafe storeDigits(of: number, to: p + (1 &- lead))
    unsafe store(word(.pointed, number), to: p)
    let place = power &- ExponentText.powers.lowerBound
    if place >= exponents.count { return unsafe NumberName.write(power, to: start) }
    // "1e-5", not "1.e-5".
    let exponent = unsafe p + (count == 1 ? 1 : 1 &+ count)
    let text = exponents[place]
    unsafe store(text, to: exponent)
    return unsafe exponent + Int(truncatingIfNeeded: text &>> 56)
  }

  /// Stores the seventeen digits.
  @inline(__always)
  private func storeDigits(of number: Int, to p: UnsafeMutablePointer<UInt8>) {
    unsafe store(word(.head, number), to: p)
    unsafe store(word(.middle, number), to: p + 8)
    unsafe p[16] = UInt8(truncatingIfNeeded: word(.end, number))
  }
}

/// Ends a number's text with a comma.
@inline(__always)
private func endNumber(_ p: UnsafeMutablePointer<UInt8>) -> UnsafeMutablePointer<UInt8> {
  unsafe p.pointee = UInt8(ascii: ",")
  return unsafe p + 1
}

@inline(__always)
private func store(_ word: UInt64, to p: UnsafeMutablePointer<UInt8>) {
  unsafe UnsafeMutableRawPointer(p).storeBytes(of: word.littleEndian, as: UInt64.self)
}

extension PowersOfTen {
  /// 124 bits of 10^-293...10^323, the upper 60 first: four bits of room make the integer part of the loops' product
  /// end at a word's end. It is an array, because a constant of this size would be copied at every use.
  fileprivate static let forWriting: [UInt64] = (-293...323).flatMap { q in
    let place = 2 * (q - exponents.lowerBound)
    let (upper, lower) = (significands[place], significands[place + 1])
    return [upper >> 4, upper << 60 | lower >> 4]
  }
}
