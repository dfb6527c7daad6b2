import NumericJSON
import SoftmaxCore

/// Writes an ``Answer`` as a JSON object, its outputs in the order asked.
enum JSONAnswer {
  /// Each output's numbers are let go as soon as they are written.
  static func write(_ answer: consuming Answer, parallel: Parallel?) -> [UInt8] {
    let format: NumberFormat = answer.format == .binary64 ? .binary64 : .binary32
    var writer = JSONWriter(capacity: capacity(for: answer))
    writer.beginObject()
    for index in answer.outputs.indices {
      writer.name(answer.outputs[index].name.name)
      switch answer.outputs[index].value {
      case .numbers(let values, let shape):
        writer.tensor(values.span, shape: shape, format: format, parallel: parallel)
      case .integers(let values, let shape):
        var position = 0
        write(values, shape: shape[...], &position, to: &writer)
      case .derivation(let derivation):
        write(derivation, format, to: &writer)
      }
      answer.outputs[index].value = .integers([], shape: [])
    }
    writer.endObject()
    return writer.finish()
  }

  private static func write(
    _ values: [Int], shape: ArraySlice<Int>, _ position: inout Int, to writer: inout JSONWriter
  ) {
    guard let extent = shape.first else {
      writer.integer(values[position])
      position += 1
      return
    }
    writer.beginArray()
    for _ in 0..<extent { write(values, shape: shape.dropFirst(), &position, to: &writer) }
    writer.endArray()
  }

  private static func write(_ derivation: Derivation, _ format: NumberFormat, to writer: inout JSONWriter) {
    func row(_ name: String, _ values: [Double], _ writer: inout JSONWriter) {
      writer.name(name)
      writer.tensor(values.span, shape: [values.count], format: format)
    }
    writer.beginObject()
    row("y_hat", derivation.yHat, &writer)
    writer.name("dL_dy_hat_l")
    writer.number(derivation.dLdyHatL, format: format)
    writer.name("quotient_rule")
    writer.beginObject()
    row("first_term", derivation.quotientFirst, &writer)
    row("second_term", derivation.quotientSecond, &writer)
    writer.endObject()
    row("dy_hat_l_da", derivation.dyHatLdA, &writer)
    row("chain_rule", derivation.chainRule, &writer)
    row("gradient", derivation.gradient, &writer)
    writer.endObject()
  }

  /// An upper bound for the text's length, so that the buffer never grows: memory not written to costs nothing.
  private static func capacity(for answer: borrowing Answer) -> Int {
    var capacity = 32
    for index in answer.outputs.indices {
      capacity += 32
      switch answer.outputs[index].value {
      case .numbers(_, let shape), .integers(_, let shape): capacity += JSONWriter.capacity(forTensor: shape)
      case .derivation(let derivation):
        capacity += 256 + 7 * JSONWriter.capacity(forTensor: [derivation.yHat.count])
      }
    }
    return capacity
  }
}
