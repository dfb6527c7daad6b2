internal import VectorKernels

/// The classes of a row's largest logits, in linear time.
package enum TopClasses {
  /// `count` classes by falling value, the lowest index first among equals.
  /// - Parameters:
  ///   - count: 1 to the number of values.
  ///   - values: no NaN.
  package static func first(_ count: Int, of values: Span<Double>) -> [Int] {
    first(count, of: values, by: BaselineLoops.self)
  }

  /// The same by the vector loops for this processor.
  static func first(_ count: Int, of logits: Span<Double>, by loops: any VectorLoops.Type) -> [Int] {
    count <= mostInserted ? byInsertion(count, logits, loops) : byDigits(count, logits)
  }

  /// Up to here a class is put into its place among those found so far: most logits are compared once and passed.
  static let mostInserted = 64

  private static func byInsertion(_ count: Int, _ logits: Span<Double>, _ loops: any VectorLoops.Type) -> [Int] {
    var best = [Int](repeating: 0, count: count)
    var c = 0
    while c < logits.count {
      insert(c, of: logits, into: &best, most: count)
      c += 1
      if c >= count { c = loops.firstIndex(of: logits, from: c, above: logits[best[count - 1]]) }
    }
    return best
  }

  /// Puts a class into its place among the largest of those before it; beyond `most` the smallest of them falls out.
  ///
  /// - Parameters:
  ///   - logits: those of the classes begin at `start` and are `step` apart.
  ///   - best: what is found begins at `first`.
  @inline(__always)
  static func insert(
    _ c: Int, of logits: Span<Double>, from start: Int = 0, step: Int = 1, into best: inout [Int], at first: Int = 0,
    most: Int
  ) {
    let logit = logits[start + step * c]
    var place = min(c, most)
    while place > 0, logits[start + step * best[first + place - 1]] < logit {
      if place < most { best[first + place] = best[first + place - 1] }
      place -= 1
    }
    if place < most { best[first + place] = c }
  }

  /// By the key of the last of them, found digit by digit from the highest on; only those found are sorted.
  private static func byDigits(_ count: Int, _ logits: Span<Double>) -> [Int] {
    var keys: [UInt64] = []
    keys.reserveCapacity(logits.count)
    for c in logits.indices { keys.append(key(of: logits[c])) }
    let least = key(at: count, of: keys)
    var above: [Int] = []
    var equal: [Int] = []
    for c in keys.indices {
      if keys[c] > least {
        above.append(c)
      } else if keys[c] == least, equal.count < count {
        equal.append(c)
      }
    }
    above.sort { (keys[$1], $0) < (keys[$0], $1) }
    return above + equal.prefix(count - above.count)
  }

  /// The key that stands at a place, counted from 1, among the keys in falling order.
  private static func key(at place: Int, of keys: [UInt64]) -> UInt64 {
    var (candidates, place) = (keys, place)
    for (shift, width) in [(53, 11), (42, 11), (31, 11), (20, 11), (9, 11), (0, 9)] {
      let mask = (1 << width) - 1
      var counts = [Int](repeating: 0, count: mask + 1)
      for key in candidates { counts[Int(truncatingIfNeeded: key >> UInt64(shift)) & mask] += 1 }
      var digit = mask
      while digit > 0, counts[digit] < place {
        place -= counts[digit]
        digit -= 1
      }
      candidates.removeAll { Int(truncatingIfNeeded: $0 >> UInt64(shift)) & mask != digit }
    }
    return candidates.first ?? 0
  }

  /// A whole number in the order of the logits; both zeros have the same.
  private static func key(of logit: Double) -> UInt64 {
    let pattern = (logit + 0).bitPattern
    return pattern >> 63 == 0 ? pattern | 1 << 63 : ~pattern
  }
}
