/// Sequences of short numbers in plain notation, eight at a time: the text is cut at its commas, and each number is an
/// integer below 10^8 divided by a power of ten, which is exact but for one rounding.
extension VectorLoops {
  /// Reads numbers of at most ten bytes, each followed by a comma or by a comma and a space. Stops at the first text
  /// that `nearestBinaries(of:)` does not decide, where fewer than eight numbers come before a closing bracket, and
  /// near the end of the text, the limit or the room.
  ///
  /// - Parameters:
  ///   - position: where a number may begin, or the space before it; at the end, where the first number not read
  ///     begins.
  ///   - limit: no number that begins at or after it is read.
  @inlinable @inline(__always)
  public static func readShortNumbers(
    _ text: Span<UInt8>, _ position: inout Int, limit: Int, into values: inout OutputSpan<Double>
  ) {
    let last = min(limit, text.count &- ShortNumberCutter.reach)
    guard position < last else { return }
    // Safe: the cutter looks only at bytes of the text, numbers are stored only where there is room for eight, and
    // `filled` says how many of them count.
    unsafe text.withUnsafeBufferPointer { text in
      unsafe values.withUnsafeMutableBufferPointer { buffer, filled in
        guard let bytes = text.baseAddress, let base = buffer.baseAddress else { return }
        var cutter = unsafe ShortNumberCutter(bytes, at: position, last: last)
        // Not worth a block if the array ends soon.
        if cutter.isLast, cutter.commas.nonzeroBitCount < 8 { return }
        unsafe withUnsafeTemporaryAllocation(of: ShortNumberBlock.self, capacity: 2) { blocks in
          unsafe blocks.initialize(repeating: ShortNumberBlock())
          guard var block = blocks.baseAddress else { return }
          var next = unsafe block + 1
          // The last number that fits is left to the caller, which looks at what follows it.
          var isWhole = buffer.count &- filled > 8 ? unsafe cutter.cut(into: block) : false
          while isWhole {
            let end = cutter.start
            isWhole = buffer.count &- filled > 16 ? unsafe cutter.cut(into: next) : false
            let (patterns, others) = unsafe nearestBinaries(of: block.pointee)
            unsafe UnsafeMutableRawPointer(base + filled).storeBytes(of: patterns, as: Words.self)
            if others.hasAny {
              let count = others.leadingZeroLanes
              filled &+= count
              unsafe position = Int(truncatingIfNeeded: block.pointee.starts[count])
              return
            }
            filled &+= 8
            position = end
            unsafe swap(&block, &next)
          }
        }
      }
    }
  }

  /// Finds the bits of the eight numbers in a block.
  ///
  /// - Returns: the bits, and a lane that is not zero for each number that this path does not decide: its text does not
  ///   match `-?d{1,7}(\.d+)?` with at most eight digits and no leading zero.
  @inlinable @inline(__always)
  static func nearestBinaries(of block: ShortNumberBlock) -> (patterns: Words, others: Words) {
    let zeros: UInt64 = 0x3030_3030_3030_3030
    let highBits: UInt64 = 0x8080_8080_8080_8080
    // Everything after the number becomes zeros.
    let isShort = block.lengths .< Words(repeating: 8)
    let part = (Words(repeating: 1) &<< (block.lengths &<< 3)) &- 1
    var first = (block.first ^ zeros) & part.replacing(with: .max, where: .!isShort)
    var second = (block.second ^ zeros) & part.replacing(with: 0, where: isShort)

    // Remove the sign, then the point; what follows moves up.
    let isNegative = (first & 0xFF) .== Words(repeating: UInt64(UInt8(ascii: "-") ^ UInt8(ascii: "0")))
    first = first.replacing(with: (first &>> 8) | (second &<< 56), where: isNegative)
    second = second.replacing(with: second &>> 8, where: isNegative)
    // The high bit of the last byte, where it is in the first word.
    let lengthBits = (block.lengths &- Words(where: isNegative)) &<< 3
    let last = (Words(repeating: 1 &<< 63) &>> (64 &- lengthBits)).replacing(
      with: 0, where: lengthBits .> Words(repeating: 64))
    // Subtracting 1 from a byte borrows into its high bit only if the byte is zero. Borrows reach only later bytes.
    let points: Words = first ^ 0x1E1E_1E1E_1E1E_1E1E
    let point = (points &- 0x0101_0101_0101_0101) & ~points & highBits
    // The digits before the point, or all of them.
    let integer = bitsBefore(point | (last &<< 8))
    let moved: Words = (first &>> 8) | (second &<< 56)
    first = moved ^ ((first ^ moved) & integer)
    second = second &>> 8

    // Adding 0x76 sets a byte's high bit if the byte is 10 or more. Only bytes that are no digits carry further.
    let noDigits: Words = ((first &+ 0x7676_7676_7676_7676) | first) & highBits
    // Zero minus one has all bits set in the later bytes; those before the point count.
    let isZeroLed: Words = ((first & 0xFF) &- 1) & integer & ~0xFF
    var power = Vector(repeating: 0)
    var powerOfTen = 1e7
    for count in 1...7 {
      let isCount = integer .== Words(repeating: 1 &<< UInt64(truncatingIfNeeded: 8 &* count) &- 1)
      power = power.replacing(with: powerOfTen, where: isCount)
      powerOfTen /= 10
    }
    let significand = unsafe unsafeBitCast(valueOfEight(first) | 0x4330_0000_0000_0000, to: Vector.self) - 0x1p52
    let magnitude = unsafe unsafeBitCast(significand / power, to: Words.self)
    let sign = Words.zero.replacing(with: 1 &<< 63, where: isNegative)
    let isNoCount = Words(where: power .== Vector(repeating: 0))
    let isTooLong = (Words(repeating: 10) &- block.lengths) &>> 63
    return (magnitude | sign, noDigits | isZeroLed | isNoCount | isTooLong | second | (point & last))
  }
}

/// Eight numbers' texts: of each the first two words from its start on, the first byte in the lowest place; its length
/// in bytes; and where it starts. Bytes after its end mean nothing. In memory the rows are in this order, 64 bytes
/// apart.
@frozen @usableFromInline
struct ShortNumberBlock: BitwiseCopyable {
  @usableFromInline
  var first = Words.zero
  @usableFromInline
  var second = Words.zero
  @usableFromInline
  var lengths = Words.zero
  @usableFromInline
  var starts = Words.zero

  @inlinable
  init() {}
}

/// Cuts a text at its commas, which it finds 64 bytes at a time, up to a closing bracket.
@safe @usableFromInline
struct ShortNumberCutter {
  /// How many bytes must follow a window's start: its 64; and a space and two words after the last comma in it.
  @inlinable
  static var reach: Int { 64 &+ 2 &+ 16 }

  @usableFromInline
  let text: UnsafePointer<UInt8>
  /// Every window and every number starts before this.
  @usableFromInline
  let last: Int
  /// The offset of the 64 bytes that `commas` is about, and their commas that are still ahead, the first byte's in the
  /// lowest bit.
  @usableFromInline
  var window: Int
  @usableFromInline
  var commas: UInt64
  /// Whether a closing bracket comes after these commas.
  @usableFromInline
  var isLast: Bool
  /// Where the next number starts.
  @usableFromInline
  var start: Int

  @inlinable @inline(__always)
  init(_ text: UnsafePointer<UInt8>, at start: Int, last: Int) {
    unsafe self.text = text
    self.last = last
    window = start
    (commas, isLast) = unsafe ShortNumberCutter.commas(in: text + start)
    self.start = unsafe text[start] == UInt8(ascii: " ") ? start &+ 1 : start
  }

  /// Which of 64 bytes are commas before the first closing bracket, the first byte in the lowest bit; and whether there
  /// is a bracket.
  @inlinable @inline(__always)
  static func commas(in p: UnsafePointer<UInt8>) -> (commas: UInt64, isLast: Bool) {
    // Safe: the caller's window is in the text, and every bit pattern is a vector of words.
    let bytes = unsafe UnsafeRawPointer(p).loadUnaligned(as: Words.self)
    let commas = bits(of: zeroBytes(bytes ^ 0x2C2C_2C2C_2C2C_2C2C))
    let brackets = bits(of: zeroBytes(bytes ^ 0x5D5D_5D5D_5D5D_5D5D))
    return (commas & (brackets &- 1) & ~brackets, brackets != 0)
  }

  /// The high bit of each byte that is zero.
  @inlinable @inline(__always)
  static func zeroBytes(_ bytes: Words) -> Words {
    let others = ((bytes & 0x7F7F_7F7F_7F7F_7F7F) &+ 0x7F7F_7F7F_7F7F_7F7F) | bytes
    return ~others & 0x8080_8080_8080_8080
  }

  /// The high bits of 64 bytes, the first byte's in the lowest bit.
  @inlinable @inline(__always)
  static func bits(of marks: Words) -> UInt64 {
    // Bits 0, 8, 16 and 24 for the lower four bytes, 4, 12, 20 and 28 for the upper. The product moves them next to
    // each other, from bit 21 on.
    let spread = (marks &>> 7) | (marks &>> 35)
    let together = (spread.lowerProduct(Words(repeating: 0x20_4081)) &>> 21) & 0xFF
    let placed: Words = together &<< Words(0, 8, 16, 24, 32, 40, 48, 56)
    let four = placed.lowHalf | placed.highHalf
    let two = four.lowHalf | four.highHalf
    return two[0] | two[1]
  }

  /// Cuts eight numbers; false if fewer are in reach or in the array.
  @inlinable @inline(__always)
  mutating func cut(into block: UnsafeMutablePointer<ShortNumberBlock>) -> Bool {
    // Safe: lanes of a block's rows, and bytes within `reach` of a window.
    let words = UnsafeMutableRawPointer(block)
    var row = 0
    while row < 64 {
      while commas == 0 {
        window &+= 64
        guard !isLast, window < last, window &- start < 64 else { return false }
        (commas, isLast) = unsafe ShortNumberCutter.commas(in: text + window)
      }
      let comma = window &+ commas.trailingZeroBitCount
      commas &= commas &- 1
      let p = unsafe UnsafeRawPointer(text + start)
      unsafe words.storeBytes(of: p.loadUnaligned(as: UInt64.self), toByteOffset: row, as: UInt64.self)
      unsafe words.storeBytes(
        of: p.loadUnaligned(fromByteOffset: 8, as: UInt64.self), toByteOffset: row &+ 64, as: UInt64.self)
      unsafe words.storeBytes(
        of: UInt64(truncatingIfNeeded: comma &- start), toByteOffset: row &+ 128, as: UInt64.self)
      unsafe words.storeBytes(of: UInt64(truncatingIfNeeded: start), toByteOffset: row &+ 192, as: UInt64.self)
      start = unsafe comma &+ 1 &+ (text[comma &+ 1] == UInt8(ascii: " ") ? 1 : 0)
      row &+= 8
    }
    // Numbers begin before the limit if the last of them does.
    return start < last
  }
}
