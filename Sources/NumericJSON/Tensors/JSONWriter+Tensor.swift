public import VectorKernels

extension JSONWriter {
  /// Bytes that are enough for a tensor, so that a caller can take a buffer for a whole text at once.
  public static func capacity(forTensor extents: Span<Int>) -> Int { TensorLayout(extents).textCapacity }

  /// Writes nested arrays of numbers, or a bare number if there are no extents.
  /// - Parameters:
  ///   - values: row-major; as many as the product of `extents`.
  ///   - extents: the length of each dimension, outermost first, none of them 0.
  ///   - format: what the text of each number reads back to.
  ///   - parallel: as in `JSONReader.readTensor`; the bytes are the same.
  ///   - isCancelled: asked now and then; `true` ends the writing of a large tensor.
  /// - Returns: false if it was ended so; then the text is of no use.
  @discardableResult
  public mutating func tensor(
    _ values: Span<Double>, extents: Span<Int>, format: BinaryFormat = .binary64,
    parallel: @autoclosure () -> Parallel? = nil, isCancelled: () -> Bool = { false }
  ) -> Bool {
    separate()
    let layout = TensorLayout(extents)
    let encoder = NumberEncoder(format: format, level: level)
    var isWhole = true
    bytes.append(addingCapacity: layout.textCapacity) { output in
      if layout.count >= JSONWriter.leastParallelCount, let parallel = parallel() {
        isWhole = output.append(
          tensor: values, layout: layout, encoder: encoder, parallel: parallel, isCancelled: isCancelled)
      } else {
        output.append(tensor: values, in: 0..<layout.count, layout: layout, encoder: encoder)
      }
    }
    needsComma = true
    return isWhole
  }
}

/// Where the brackets of a tensor's text are, and how many bytes the text may take.
struct TensorLayout {
  /// The length of each dimension, innermost first; 1 where there is none.
  private var extents = InlineArray<9, Int>(repeating: 1)
  private let rank: Int
  /// How many values there are.
  private(set) var count = 1
  /// How many arrays there are, all levels together.
  private var arrays = 0

  /// - Precondition: no more dimensions than one above ``TensorLimits/maximumRank``, as a Jacobian has.
  init(_ extents: Span<Int>) {
    rank = extents.count
    for place in 0..<rank {
      self.extents[rank - 1 - place] = extents[place]
      arrays += count
      count *= extents[place]
    }
  }

  /// The length of an innermost array.
  var row: Int { extents[0] }

  /// Whether every break between rows closes and opens one array.
  var isMatrix: Bool { rank == 2 }

  /// How many arrays begin before the value at `index`, or end after the value before it.
  func brackets(at index: Int) -> Int {
    if index == 0 || index == count { return rank }
    var brackets = 0
    var size = 1
    for place in 0..<rank {
      size *= extents[place]
      if index % size != 0 { break }
      brackets += 1
    }
    return brackets
  }

  /// The most bytes that the values before `index` take, with their commas, and the brackets before and after them.
  private func textCapacity(before index: Int) -> Int {
    guard index < count else { return count * (NumberEncoder.maximumLength + 1) + 2 * arrays }
    let count = index
    var capacity = count * (NumberEncoder.maximumLength + 1)
    var size = 1
    for place in 0..<rank {
      size *= extents[place]
      capacity += (count + size - 1) / size + count / size
    }
    return capacity
  }

  /// The most bytes that the values of a range take, with their commas and the brackets before and after them.
  func textCapacity(in range: Range<Int>) -> Int {
    textCapacity(before: range.upperBound) - (range.lowerBound == 0 ? 0 : textCapacity(before: range.lowerBound))
  }

  /// Where a chunk begins if every number takes the most bytes, each chunk with its own slack.
  func start(ofChunk index: Int) -> Int {
    textCapacity(before: index * JSONWriter.valuesInChunk) + index * NumberEncoder.slack
  }

  /// Bytes that are enough for the tensor's text, in chunks or not.
  var textCapacity: Int { start(ofChunk: count / JSONWriter.valuesInChunk + 1) }
}

extension OutputSpan where Element == UInt8 {
  /// Appends the part of a tensor's text that belongs to a range of its values: the brackets before and after them, and
  /// the comma after the last, except at the tensor's end.
  @inline(never)
  @_lifetime(self: copy self)
  mutating func append(
    tensor values: Span<Double>, in range: Range<Int>, layout: TensorLayout, encoder: NumberEncoder
  ) {
    guard !range.isEmpty else { return }
    precondition(freeCapacity >= layout.textCapacity(in: range) + NumberEncoder.slack)
    append(repeating: UInt8(ascii: "["), count: layout.brackets(at: range.lowerBound))
    append(numbers: values.extracting(range), rows: RowBreaks(layout, from: range.lowerBound), encoder: encoder)
    append(repeating: UInt8(ascii: "]"), count: layout.brackets(at: range.upperBound))
    if range.upperBound < layout.count { append(UInt8(ascii: ",")) }
  }
}

/// Where rows end in a run of values, and what is written there.
struct RowBreaks {
  private let layout: TensorLayout
  /// The value before which the next break stands.
  private var index: Int
  /// How many values come before it.
  var distance: Int

  /// A run in which no row ends.
  static var none: RowBreaks {
    var rows = RowBreaks(TensorLayout(Span()), from: 0)
    rows.distance = .max
    return rows
  }

  /// - Parameter start: the run's first value.
  init(_ layout: TensorLayout, from start: Int) {
    self.layout = layout
    index = (start / layout.row + 1) * layout.row
    distance = index - start
  }

  /// Writes a break over the comma before it.
  ///
  /// Safe: a break has as many bytes as the brackets that the layout's capacity counts, and the comma.
  ///
  /// - Returns: where it ends.
  @inline(__always)
  mutating func write(over comma: UnsafeMutablePointer<UInt8>) -> UnsafeMutablePointer<UInt8> {
    distance = layout.row
    if layout.isMatrix {
      let text = UInt32(UInt8(ascii: "]")) | UInt32(UInt8(ascii: ",")) << 8 | UInt32(UInt8(ascii: "[")) << 16
      unsafe UnsafeMutableRawPointer(comma).storeBytes(of: text.littleEndian, as: UInt32.self)
      return unsafe comma + 3
    }
    return unsafe writeBrackets(over: comma)
  }

  @inline(never)
  private mutating func writeBrackets(over comma: UnsafeMutablePointer<UInt8>) -> UnsafeMutablePointer<UInt8> {
    let brackets = layout.brackets(at: index)
    index += layout.row
    unsafe comma.update(repeating: UInt8(ascii: "]"), count: brackets)
    unsafe comma[brackets] = UInt8(ascii: ",")
    unsafe (comma + (brackets + 1)).update(repeating: UInt8(ascii: "["), count: brackets)
    return unsafe comma + (2 * brackets + 1)
  }
}

extension JSONWriter {
  /// Tensors of fewer values are not worth the threads.
  static var leastParallelCount: Int { 4096 }
  static var valuesInChunk: Int { 1024 }
  static var chunksInWave: Int { 16 }
}

/// A large tensor's text is written in chunks at the same time. `unsafe` is here for one reason: each chunk writes its
/// own part of the buffer, which neither Array nor OutputSpan can hand out.
extension OutputSpan where Element == UInt8 {
  /// Appends a tensor's text, wave by wave. Each chunk of a wave is written where it would begin if every number took
  /// the most bytes. While the next wave is written, one more task moves the chunks to where they do begin.
  ///
  /// - Precondition: room for `JSONWriter.capacity(forTensor:)` bytes; it is checked.
  /// - Returns: false if it was told to stop between two waves.
  @_lifetime(self: copy self)
  mutating func append(
    tensor values: Span<Double>, layout: TensorLayout, encoder: NumberEncoder, parallel: Parallel,
    isCancelled: () -> Bool
  ) -> Bool {
    let chunks = (layout.count + JSONWriter.valuesInChunk - 1) / JSONWriter.valuesInChunk
    precondition(freeCapacity >= layout.textCapacity)
    return unsafe withUnsafeMutableBufferPointer { buffer, filled in
      var lengths = [Int](repeating: 0, count: chunks)
      let origin = filled
      var wave = 0..<0
      while true {
        let next = wave.upperBound..<min(wave.upperBound + JSONWriter.chunksInWave, chunks)
        let placed = filled
        unsafe lengths.withUnsafeMutableBufferPointer { lengths in
          parallel(next.count + 1) { index in
            if index == 0 {
              unsafe buffer.closeUp(wave, lengths, layout: layout, from: origin, to: placed)
            } else {
              let chunk = next.lowerBound + index - 1
              unsafe lengths[chunk] = unsafe buffer.write(
                chunk, of: values, layout: layout, encoder: encoder, from: origin)
            }
          }
        }
        for chunk in wave { filled += lengths[chunk] }
        if next.isEmpty { return true }
        if isCancelled() { return false }
        wave = next
      }
    }
  }
}

extension UnsafeMutableBufferPointer<UInt8> {
  /// Moves chunks from where each would begin if every number took the most bytes to where they do begin.
  /// - Parameters:
  ///   - chunks: a wave of them, and the lengths of all.
  ///   - origin: where the tensor's text begins.
  ///   - end: where the chunks before them end.
  fileprivate func closeUp(
    _ chunks: Range<Int>, _ lengths: UnsafeMutableBufferPointer<Int>, layout: TensorLayout, from origin: Int,
    to end: Int
  ) {
    var end = end
    for chunk in chunks {
      let length = unsafe lengths[chunk]
      // Safe: no chunk is longer than its place, so this one ends before the wave that is being written.
      unsafe move(from: origin + layout.start(ofChunk: chunk), to: end, count: length)
      end += length
    }
  }

  /// Writes a chunk of a tensor's text to its own part of the buffer.
  /// - Returns: its length.
  fileprivate func write(
    _ chunk: Int, of values: Span<Double>, layout: TensorLayout, encoder: NumberEncoder, from origin: Int
  ) -> Int {
    let size = JSONWriter.valuesInChunk
    let range = (chunk * size..<(chunk + 1) * size).clamped(to: 0..<layout.count)
    let (start, end) = (origin + layout.start(ofChunk: chunk), origin + layout.start(ofChunk: chunk + 1))
    // Safe: the places ascend, do not overlap and end within the buffer.
    let own = unsafe UnsafeMutableBufferPointer(rebasing: self[start..<end])
    var output = unsafe OutputSpan(buffer: own, initializedCount: 0)
    output.append(tensor: values, in: range, layout: layout, encoder: encoder)
    return unsafe output.finalize(for: own)
  }

  /// Copies bytes; the two ranges may overlap.
  func move(from source: Int, to destination: Int, count: Int) {
    precondition(source >= 0 && destination >= 0 && count >= 0)
    precondition(source + count <= self.count && destination + count <= self.count)
    guard let base = baseAddress else { return }
    // Safe: both ranges are within the buffer.
    unsafe (base + destination).update(from: base + source, count: count)
  }
}
