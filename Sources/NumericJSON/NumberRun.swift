internal import Kernels

/// Where a run of numbers stopped.
enum RunStop {
  /// Where a value must begin: the hot path does not take it, or the run's limit or the storage's end is reached.
  case beforeValue
  /// Behind a value, at a byte that is neither a comma nor white space, or near the text's end.
  case behindValue
}

/// The hot loop of reading: numbers with commas and white space between, into storage, for as long as all is ordinary.
///
/// - Parameters:
///   - position: where a value must begin; at the end, where the run stopped.
///   - limit: no number at or behind it is read.
@inline(never)
func readRun(
  _ text: Span<UInt8>, _ position: inout Int, limit: Int, _ level: KernelLevel,
  into values: inout OutputSpan<Double>
) -> RunStop {
  // Without vectors of its own a processor gains nothing.
  if level == .baseline {
    return readOneByOne(text, &position, limit: limit, atMost: .max, into: &values) ?? .beforeValue
  }
  // How many numbers are read one by one before batches are tried, which are not worth their while for fewer: more each time
  // that none was to be had.
  var patience = DigitBatch.size
  while true {
    if let stop = readOneByOne(text, &position, limit: limit, atMost: patience, into: &values) { return stop }
    let isFruitful = readBatches(text, &position, limit: limit, level, into: &values)
    patience = isFruitful ? DigitBatch.size : min(2 * patience, 1024)
  }
}

/// Reads up to `count` numbers, each where it stands; returns nil if there may be more.
private func readOneByOne(
  _ text: Span<UInt8>, _ position: inout Int, limit: Int, atMost count: Int, into values: inout OutputSpan<Double>
) -> RunStop? {
  // Safe: an element is written only below the buffer's count, in order, and `filled` says how many were.
  unsafe values.withUnsafeMutableBufferPointer { buffer, filled in
    let last = min(limit &- 1, text.count &- NearText.reach)
    guard position >= 0, last >= 0 else { return .beforeValue }
    // The loop keeps these two in registers.
    var cursor = position
    var index = filled
    defer {
      position = cursor
      filled = index
    }
    let end = buffer.count &- filled > count ? filled &+ count : buffer.count
    while UInt(bitPattern: cursor) <= UInt(bitPattern: last), index < end {
      let near = NearText(text, at: cursor)
      guard let (end, pattern) = fastNumber(near, at: cursor) else {
        guard isWhitespace(near.byte(cursor)) else { return .beforeValue }
        cursor = behindWhitespace(text, cursor)
        continue
      }
      unsafe buffer[index] = Double(bitPattern: pattern)
      index &+= 1
      cursor = end
      if near.byte(end) != UInt8(ascii: ",") {
        cursor = behindWhitespace(text, end)
        guard cursor < text.count, text[cursor] == UInt8(ascii: ",") else { return .behindValue }
      }
      cursor &+= 1
    }
    return index < end || end == buffer.count ? .beforeValue : nil
  }
}

/// Reads everyday numbers by batches, up to the first number that is none; returns whether there was any.
private func readBatches(
  _ text: Span<UInt8>, _ position: inout Int, limit: Int, _ level: KernelLevel, into values: inout OutputSpan<Double>
) -> Bool {
  // Safe: a batch writes as many elements as there is room for, and `filled` says how many were.
  unsafe values.withUnsafeMutableBufferPointer { buffer, filled in
    let last = min(limit &- 1, text.count &- NearText.reach)
    guard let base = buffer.baseAddress, position >= 0 else { return false }
    return unsafe withUnsafeTemporaryAllocation(of: DigitBlock.self, capacity: DigitBatch.blockCount) { blocks in
      unsafe blocks.initialize(repeating: DigitBlock())
      guard let firstBlock = blocks.baseAddress else { return false }
      let batch = unsafe DigitBatch(blocks: firstBlock)
      let before = filled
      var count = 0
      repeat {
        count = 0
        let room = min(DigitBatch.size, buffer.count &- filled)
        while count < room, position <= last {
          let near = NearText(text, at: position)
          // A branch and not a sum: it is foreseen, and the sum would be waited for.
          if near.byte(position) == UInt8(ascii: " ") {
            guard let comma = batch.take(near, at: position &+ 1, as: count) else { break }
            position = comma &+ 1
          } else {
            guard let comma = batch.take(near, at: position, as: count) else { break }
            position = comma &+ 1
          }
          count &+= 1
        }
        unsafe batch.read(count, of: text, level, into: base + filled)
        filled &+= count
      } while count == DigitBatch.size
      return filled > before
    }
  }
}

/// Up to sixteen everyday numbers that are being read. The blocks outlive it.
@safe private struct DigitBatch {
  static var blockCount: Int { 2 }
  static var size: Int { 8 * blockCount }

  let blocks: UnsafeMutablePointer<DigitBlock>

  /// Where a number's lane begins; its rows stand 64 bytes apart.
  @inline(__always)
  private func lane(_ number: Int) -> UnsafeMutableRawPointer {
    let place = (number &>> 3) &* MemoryLayout<DigitBlock>.stride &+ 8 &* (number & 7)
    return unsafe UnsafeMutableRawPointer(blocks) + place
  }

  @inline(__always)
  private func word(_ row: DigitBlock.Row, _ number: Int) -> UInt64 {
    unsafe lane(number).load(fromByteOffset: 64 &* row.rawValue, as: UInt64.self)
  }

  @inline(__always)
  private func set(_ row: DigitBlock.Row, _ word: UInt64, of lane: UnsafeMutableRawPointer) {
    // Safe: a row of a lane; numbers are below `size`.
    unsafe lane.storeBytes(of: word, toByteOffset: 64 &* row.rawValue, as: UInt64.self)
  }

  /// Takes the number at `position` if it has up to seven digits before a point, eight to 19 in all, and a comma 14 to 21
  /// bytes on; returns where that is.
  ///
  /// The comma is looked for by itself, since where it is the next number can begin, while this one's digits are looked at.
  @inline(__always)
  func take(_ near: borrowing NearText, at position: Int, as number: Int) -> Int? {
    let commas = Word.markOfCommas(near.word(position &+ 14))
    guard commas != 0, near.byte(position) >= UInt8(ascii: "-") else { return nil }
    let comma = position &+ 14 &+ Word.countBefore(commas)
    // Negative for "-" alone, so that the uppermost bit is the sign's.
    let sign = UInt64(near.byte(position)) &- UInt64(UInt8(ascii: "-") + 1)
    let start = position &+ Int(truncatingIfNeeded: sign &>> 63)
    guard let (first, integerDigits) = eightDigits(near, at: start), Word.markOfOthers(first) == 0,
      let (second, third, end) = digitsBehindEight(near, near.word(start &+ 9) ^ Word.zeros, at: start &+ 9),
      end == comma
    else { return nil }
    let lane = unsafe lane(number)
    let place = 2 &* (integerDigits &- 19 &- PowersOfTen.exponents.lowerBound)
    unsafe set(.first, first, of: lane)
    unsafe set(.second, second, of: lane)
    unsafe set(.third, UInt64(third), of: lane)
    unsafe set(.integerDigits, UInt64(truncatingIfNeeded: integerDigits), of: lane)
    unsafe set(.power, PowersOfTen.significands[place], of: lane)
    unsafe set(.sign, sign, of: lane)
    unsafe set(.position, UInt64(truncatingIfNeeded: position), of: lane)
    return comma
  }

  /// Writes the first `count` numbers to where there is room for them.
  @inline(__always)
  func read(_ count: Int, of text: Span<UInt8>, _ level: KernelLevel, into values: UnsafeMutablePointer<Double>) {
    for block in 0..<DigitBatch.blockCount where 8 &* block < count {
      let isAnyUndecided = unsafe level.nearestBinaries(of: &blocks[block])
      let values = unsafe values + 8 &* block
      if !isAnyUndecided, count &- 8 &* block >= 8 {
        unsafe UnsafeMutableRawPointer(values).storeBytes(of: blocks[block][.pattern], as: Words.self)
      } else {
        unsafe finish(block, min(count &- 8 &* block, 8), of: text, into: values)
      }
    }
  }

  @inline(never)
  private func finish(_ block: Int, _ count: Int, of text: Span<UInt8>, into values: UnsafeMutablePointer<Double>) {
    for lane in 0..<count {
      var pattern = word(.pattern, 8 &* block &+ lane)
      if word(.undecided, 8 &* block &+ lane) != 0 {
        let position = Int(truncatingIfNeeded: word(.position, 8 &* block &+ lane))
        // What was known to be near, when it was taken, may have begun with the space before it.
        let near = NearText(text, at: max(0, position &- 1))
        if let number = fastNumber(near, at: position) { pattern = number.pattern }
      }
      unsafe values[lane] = Double(bitPattern: pattern)
    }
  }
}

/// The same where the text's end is too near for the hot loop to look ahead: it reads a copy of the last bytes with zeros
/// behind them, which are part of no number. Of a request of ten numbers these are three.
@inline(never)
func readLastRun(
  _ text: Span<UInt8>, _ position: inout Int, _ level: KernelLevel, into values: inout OutputSpan<Double>
) -> RunStop {
  guard position < text.count, text.count - position < NearText.reach else { return .beforeValue }
  let rest = text.extracting(position..<text.count)
  var copy = InlineArray<128, UInt8>(repeating: 0)
  for index in 0..<min(rest.count, copy.count) { copy[index] = rest[index] }
  var cursor = 0
  let stop = readRun(copy.span, &cursor, limit: rest.count, level, into: &values)
  position += cursor
  return stop
}

/// Out of line, to leave the hot loop its registers.
@inline(never)
private func behindWhitespace(_ text: Span<UInt8>, _ position: Int) -> Int { text.endOfWhitespace(from: position) }
