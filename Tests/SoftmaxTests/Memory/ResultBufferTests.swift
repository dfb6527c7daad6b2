import TestSupport
import Testing
import VectorKernels

@testable import Softmax

/// Numbers in bytes, and results into bytes, give the bits that arrays do, for random problems with every option, rows
/// that the vector stage leaves open among them.
@Suite("Results into bytes")
struct ResultBufferTests {
  static let types: [ElementType] = [.binary64, .binary32, .binary16, .bfloat16]

  @Test(arguments: types, 0..<2)
  func bytesGiveTheBitsOfArrays(type: ElementType, start: Int) throws {
    var open = 0
    for k in 0..<repetitions(300).count {
      let seed = randomSeed &* 1_000_003 &+ UInt64(k)
      var source = RandomProblem(seed: seed)
      let made = try source.nextCase()
      guard let narrowed = try? Self.narrowed(made, to: type) else { continue }
      let execution = Execution(level: levelsHere[k % levelsHere.count])
      open += try compare(narrowed, type, start, "seed \(seed)", execution)
    }
    #expect(open > 0)
  }

  /// The case with each number that is a tensor's rounded to the type, and results of it.
  static func narrowed(_ made: RandomProblem.Case, to type: ElementType) throws -> RandomProblem.Case {
    let format = Self.format(type)
    func narrowed(_ numbers: Numbers) -> Numbers { Numbers(numbers.map(format.nearest)) }
    return try with(made, format, narrowed)
  }

  static func format(_ type: ElementType) -> BinaryFormat {
    [.binary64, .binary32, .binary16, .bfloat16].first { ElementType($0) == type } ?? .binary64
  }

  /// The case with other numbers.
  static func with(
    _ made: RandomProblem.Case, _ format: BinaryFormat, _ change: (Numbers) -> Numbers
  ) throws -> RandomProblem.Case {
    let old = made.softmax
    let softmax = try SoftmaxProblem(
      logits: change(old.logits), layout: old.layout, temperature: old.temperature, softcap: old.softcap,
      format: format)
    var changed = made
    changed.softmax = softmax
    changed.vector = made.vector.map(change)
    if let loss = made.loss {
      let target: Target =
        switch loss.target {
        case .indices: loss.target
        case .probabilities(let numbers): .probabilities(change(numbers))
        case .logits(let numbers): .logits(change(numbers))
        }
      changed.loss = try LossProblem(
        softmax: softmax, target: target, weight: loss.weight, sampleWeight: loss.sampleWeight,
        ignoreIndex: loss.ignoreIndex, labelSmoothing: loss.labelSmoothing, reduction: loss.reduction,
        zLoss: loss.zLoss, focalGamma: loss.focalGamma, divisor: loss.divisor)
    }
    return changed
  }

  /// - Returns: how many results the vector stage left open.
  private func compare(
    _ made: RandomProblem.Case, _ type: ElementType, _ start: Int, _ name: String, _ execution: Execution
  ) throws -> Int {
    let bytes = try Self.with(made, Self.format(type)) { NumbersTests.placed(Array($0), type, after: start) }
    let counter = StageCounter()
    let layout = made.softmax.layout
    for output in made.outputs {
      let expected = try made.softmax.solve([output], top: made.top, execution, from: .vector, counting: counter)
      let isIndex = expected.argmax != nil || expected.topIndices != nil
      let count = layout.batch * output.valueCount(classes: layout.classes, top: made.top)
      let found = try Self.results(isIndex ? .int64 : type, count, after: start) { buffer in
        try bytes.softmax.solve([output], into: [buffer], execution)
      }
      #expect(found == Self.bits(expected.numbers[output] ?? []), "\(name) \(output)")
    }
    guard let loss = made.loss, let bytesLoss = bytes.loss else { return counter.total.ball }
    let losses = loss.reduction == .none ? layout.batch : 1
    let expected = try loss.lossAndGradient(
      upstream: made.upstream, loss: true, gradient: true, perplexity: true, execution, from: .vector, counting: counter
    )
    let gradient = try Self.results(type, layout.count, after: start) { buffer in
      try bytesLoss.lossAndGradient(upstream: made.upstream, into: LossBuffers(gradient: buffer), execution)
    }
    #expect(gradient == Self.bits(expected.gradient ?? []), "\(name) gradient")
    let alone = try Self.results(type, losses, after: start) { buffer in
      try bytesLoss.lossAndGradient(upstream: made.upstream, into: LossBuffers(loss: buffer), execution)
    }
    #expect(alone == Self.bits(expected.loss ?? []), "\(name) loss")
    if let vector = made.vector, let own = bytes.vector, vector.allSatisfy(\.isFinite), loss.zLoss == 0,
      loss.focalGamma == 0, made.softmax.softcap == nil
    {
      let product = try loss.hessianVectorProduct(vector, upstream: made.upstream, execution)
      let found = try Self.results(type, layout.count, after: start) { buffer in
        try bytesLoss.hessianVectorProduct(own, upstream: made.upstream, into: buffer, execution)
      }
      #expect(found == Self.bits(product), "\(name) product")
    }
    return counter.total.ball
  }

  /// The bits of numbers that are written as bytes of a type after so many others.
  private static func results(
    _ type: ElementType, _ count: Int, after start: Int, _ body: (ResultBuffer) throws -> Void
  ) throws -> [UInt64] {
    // What is not written would show.
    var bytes = [UInt8](repeating: 0xA5, count: start + type.size * count)
    bytes.removeLast(type.size * count)
    try ResultBuffer.append([(type, count)], to: &bytes) { buffers in try body(buffers[0]) }
    return bits(Numbers(count, of: type, in: bytes, from: start))
  }

  private static func bits(_ numbers: some Sequence<Double>) -> [UInt64] { numbers.map(\.bitPattern) }
}

@Suite struct ShortListTests {
  @Test(arguments: 0...9)
  func holdsItsElementsInOrder(count: Int) {
    let made = ShortList(count: count) { $0 * $0 }
    var appended = ShortList<Int>()
    for position in 0..<count { appended.append(position * position) }
    #expect(Array(made) == (0..<count).map { $0 * $0 })
    #expect(Array(appended) == Array(made))
  }

  @Test func changesOneElementAlone() {
    var list: ShortList = [[1], [2], [3]]
    list[1].append(4)
    list[0].append(0)
    #expect(Array(list) == [[1, 0], [2, 4], [3]])
  }

  @Test(arguments: 1...4)
  func removesEachElement(count: Int) {
    for position in 0..<count {
      var list = ShortList(count: count) { [$0] }
      var array = Array(list)
      #expect(list.remove(at: position) == array.remove(at: position))
      #expect(Array(list) == array)
      list.append([9])
      #expect(Array(list) == array + [[9]])
    }
  }
}
