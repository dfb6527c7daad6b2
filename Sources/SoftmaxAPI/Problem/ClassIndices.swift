/// A target's class indices as integers.
struct IndexReading {
  /// One for each batch item, in `0..<classes` or `ignoreIndex`; nil when the target holds no indices.
  var classes: [Int]?
  var ignoreIndex: Int

  /// An `ignore_index` may be any integer that binary64 holds, also beyond `Int`. Such a one is replaced by the end of
  /// `Int`'s range on its side, which equals no class, and which no other target that is let through becomes.
  static func integer(_ ignoreIndex: Double) -> Int {
    Int(exactly: ignoreIndex) ?? (ignoreIndex < 0 ? Int.min : Int.max)
  }
}

extension RawRequest {
  /// The target's class indices, or nil when one is neither a class nor `ignore_index`.
  func checkedIndices(_ geometry: Geometry, _ parameters: Parameters) -> IndexReading? {
    let ignored = parameters.ignoreIndex
    var reading = IndexReading(classes: nil, ignoreIndex: IndexReading.integer(ignored))
    guard let target, targetKind(geometry) == .indices else { return reading }
    let classes = Double(geometry.classes)
    var indices: [Int] = []
    indices.reserveCapacity(target.values.count)
    for value in target.values {
      if value == ignored {
        indices.append(reading.ignoreIndex)
      } else {
        guard value >= 0, value < classes, let index = Int(exactly: value) else { return nil }
        indices.append(index)
      }
    }
    reading.classes = indices
    return reading
  }
}
