import NumericJSON
import Softmax

/// Writes a computation's results as a JSON object.
struct JSONResponseEncoder: ~Copyable {
  private var writer: JSONWriter
  private let plan: ResponsePlan
  private let execution: Execution

  /// - Parameters:
  ///   - plan: what is answered.
  ///   - capacity: the text's most bytes.
  ///   - execution: how to write large tensors.
  init(_ plan: ResponsePlan, capacity: Int, _ execution: Execution) {
    writer = JSONWriter(capacity: capacity, level: execution.level)
    self.plan = plan
    self.execution = execution
    writer.beginObject()
  }

  /// The text.
  consuming func finish() -> [UInt8] {
    writer.endObject()
    return writer.finish()
  }

  /// Writes an output's numbers, row-major.
  /// - Throws: ``ComputationError/cancelled``, as the computation itself does.
  mutating func write(_ output: Output, _ numbers: [Double]) throws(ComputationError) {
    writer.name(output.name)
    let shape = plan.shape(of: output)
    switch output.descriptor.content {
    case .numbers:
      let isWhole = writer.tensor(
        numbers.span, extents: shape.span, format: plan.format, parallel: execution.parallel,
        isCancelled: execution.isCancelled)
      guard isWhole else { throw .cancelled }
    case .indices:
      var position = 0
      write(indices: numbers, shape: shape[...], &position)
    case .derivation: write(derivation: numbers)
    }
  }

  private mutating func write(indices: [Double], shape: Slice<TensorShape>, _ position: inout Int) {
    guard let extent = shape.first else {
      writer.integer(Int(indices[position]))
      position += 1
      return
    }
    writer.beginArray()
    for _ in 0..<extent { write(indices: indices, shape: shape.dropFirst(), &position) }
    writer.endArray()
  }

  private mutating func write(derivation numbers: [Double]) {
    writer.beginObject()
    write("y_hat", .yHat, of: numbers)
    write("dL_dy_hat_l", .dLdyHatL, of: numbers)
    writer.name("quotient_rule")
    writer.beginObject()
    write("first_term", .quotientFirst, of: numbers)
    write("second_term", .quotientSecond, of: numbers)
    writer.endObject()
    write("dy_hat_l_da", .dyHatLdA, of: numbers)
    write("chain_rule", .gradient, of: numbers)
    write("gradient", .gradient, of: numbers)
    writer.endObject()
  }

  private mutating func write(_ name: String, _ step: DerivationStep, of numbers: [Double]) {
    writer.name(name)
    let shape: TensorShape = step == .dLdyHatL ? [] : [plan.geometry.classes]
    let range = step.range(classes: plan.geometry.classes)
    writer.tensor(numbers.span.extracting(range), extents: shape.span, format: plan.format)
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
