import NumericJSON
import Softmax
import VectorKernels

/// Writes a computation's results as a JSON object.
struct JSONResponseEncoder: OutputEncoder, ~Copyable {
  private var writer: JSONWriter
  private let format: BinaryFormat
  private let execution: Execution

  /// - Parameters:
  ///   - format: the numbers' own, in which their texts read as the same numbers.
  ///   - capacity: the text's most bytes.
  ///   - execution: how to write large tensors.
  init(_ format: BinaryFormat, capacity: Int, _ execution: Execution) {
    writer = JSONWriter(capacity: capacity, level: execution.level)
    self.format = format
    self.execution = execution
    writer.beginObject()
  }

  /// The text.
  consuming func finish() -> [UInt8] {
    writer.endObject()
    return writer.finish()
  }

  mutating func write(_ output: Output, _ values: [Double], shape: TensorShape) throws(ComputationError) {
    writer.name(output.name)
    let isWhole = writer.tensor(
      values.span, extents: shape.span, format: format, parallel: execution.parallel,
      isCancelled: execution.isCancelled)
    guard isWhole else { throw .cancelled }
  }

  mutating func write(_ output: Output, _ values: [Int], shape: TensorShape) {
    writer.name(output.name)
    var position = 0
    write(values, shape: shape[...], &position)
  }

  private mutating func write(_ values: [Int], shape: Slice<TensorShape>, _ position: inout Int) {
    guard let extent = shape.first else {
      writer.integer(values[position])
      position += 1
      return
    }
    writer.beginArray()
    for _ in 0..<extent { write(values, shape: shape.dropFirst(), &position) }
    writer.endArray()
  }

  mutating func write(_ output: Output, _ derivation: Derivation) {
    writer.name(output.name)
    writer.beginObject()
    write("y_hat", derivation.yHat)
    writer.member("dL_dy_hat_l", derivation.dLdyHatL, format: format)
    writer.name("quotient_rule")
    writer.beginObject()
    write("first_term", derivation.quotientFirst)
    write("second_term", derivation.quotientSecond)
    writer.endObject()
    write("dy_hat_l_da", derivation.dyHatLdA)
    write("chain_rule", derivation.chainRule)
    write("gradient", derivation.gradient)
    writer.endObject()
  }

  private mutating func write(_ name: String, _ row: [Double]) {
    writer.name(name)
    let shape: TensorShape = [row.count]
    writer.tensor(row.span, extents: shape.span, format: format)
  }

  /// An upper bound for the text's length, so that the buffer never grows: memory not written to costs nothing.
  static func capacity(for plan: ResponsePlan) -> Int {
    var capacity = 32
    for output in plan.outputs {
      let tensor = JSONWriter.capacity(forTensor: plan.shape(of: output).span)
      switch output.descriptor.content {
      case .numbers, .indices: capacity += 128 + tensor
      case .derivation: capacity += 1024 + 7 * tensor
      }
    }
    return capacity
  }
}
