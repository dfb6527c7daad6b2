import NumericJSON
import Softmax
import VectorKernels

/// An output as its greatest classes, each as the text `value:index`: the protocol's classification extension.
///
/// The values are written with the fewest digits that read as the same number. They fall along the class axis; of
/// equal ones the lowest index comes first.
struct ClassTexts {
  /// More texts are not made in one answer.
  static let most = 1_000_000

  private let values: [Double]
  private let geometry: Geometry
  private let classes: Int
  private let format: BinaryFormat

  /// - Parameters:
  ///   - values: of the logits' shape.
  ///   - geometry: the logits' shape and the class axis.
  ///   - classes: how many of each slice are wanted; at most as many as there are.
  ///   - format: what the numbers were rounded to.
  init(_ values: [Double], _ geometry: Geometry, classes: Int, format: BinaryFormat) {
    self.values = values
    self.geometry = geometry
    self.classes = classes
    self.format = format
  }

  /// Hands out the texts in row-major order of the logits' shape with `classes` in the class axis' place.
  func forEach(_ isCancelled: () -> Bool, _ body: (String) -> Void) throws(ComputationError) {
    let layout = geometry.layout
    for outer in 0..<layout.outer {
      if isCancelled() { throw .cancelled }
      let slices = (0..<layout.inner).map { greatest(slice: outer * layout.inner + $0) }
      for rank in 0..<classes {
        for (inner, slice) in slices.enumerated() {
          let index = slice[rank]
          body("\(text(values[layout.start(of: outer * layout.inner + inner) + index * layout.inner])):\(index)")
        }
      }
    }
  }

  /// The texts as BYTES: each after its length in 32 bits.
  func bytes(_ isCancelled: () -> Bool) throws(ComputationError) -> [UInt8] {
    var bytes: [UInt8] = []
    try forEach(isCancelled) { text in bytes.append(element: text.utf8) }
    return bytes
  }

  /// The classes of a slice, by falling value, as many as are wanted.
  private func greatest(slice: Int) -> [Int] {
    let layout = geometry.layout
    let start = layout.start(of: slice)
    if layout.inner == 1 {
      return TopClasses.first(classes, of: values.span.extracting(start..<start + layout.classes))
    }
    let row = (0..<layout.classes).map { values[start + $0 * layout.inner] }
    return TopClasses.first(classes, of: row.span)
  }

  private func text(_ value: Double) -> String {
    var writer = JSONWriter(capacity: 64)
    writer.number(value, format: format)
    return String(decoding: writer.finish(), as: UTF8.self).filter { $0 != "\"" }
  }
}
