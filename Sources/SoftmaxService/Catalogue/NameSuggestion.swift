/// The name that a reader most likely meant.
public enum NameSuggestion {
  /// Longer names are not compared: no known name is near one, and the cost stays bounded.
  static let longestCompared = 64

  /// Fields that are named elsewhere and do not exist here, with what to do instead.
  static let hints: [(names: [String], cure: String)] = [
    (
      ["mask", "attention_mask", "padding_mask", "key_padding_mask"],
      "send \"where\", with true for each class that takes part; "
        + "to leave a slice out, give it the target that \"ignore_index\" names"
    ),
    (
      ["from_logits"],
      "leave it out: \"logits\" are always logits, and \"probabilities\" stand in their place at /loss and /gradient"
    ),
    (
      ["top_p", "min_p", "typical_p"],
      "nothing is sampled here: ask for the \"top_k\" largest probabilities, and choose among them"
    ),
    (
      ["y_pred", "predictions"],
      "send \"logits\", the numbers before softmax; at /loss and /gradient \"probabilities\" may stand in their place"
    ),
    (["beta", "inverse_temperature", "scale"], "send 1 divided by it as \"temperature\""),
    (["keepdim", "keepdims"], "an output of the batch shape has no class axis; leave it out"),
  ]

  /// What to do instead of a field that does not exist here, if that is known.
  static func cure(for name: String) -> String? { hints.first { $0.names.contains(name) }?.cure }

  /// Half a sentence that names what was meant by an unknown name: what it is an alias of, or what is nearest; nil when
  /// nothing is near.
  static func sentence<Known>(
    nearestTo name: String, among known: [Known], name text: (Known) -> String,
    aliases: (Known) -> [String] = { _ in [] }
  ) -> String? {
    let meant = known.first { aliases($0).contains(name) } ?? nearest(to: name, among: known, name: text)
    return meant.map { theNearest(text($0)) }
  }

  /// The same of a path: the nearest one, of which no more letters than `most` differ, or the first that goes on from
  /// it.
  static func sentence(nearestToPath path: String, among paths: [String], atMost most: Int = .max) -> String? {
    if let nearest = nearest(to: path, among: paths, name: \.self), distance(path, nearest) <= most {
      return theNearest(nearest)
    }
    return paths.first { path.utf8.count > 2 && $0.hasPrefix(path) }.map(theNearest)
  }

  private static func theNearest(_ name: String) -> String { "the nearest is \(quoted(name))" }

  /// The one with the fewest letters to change, or nil where those are more than a third of the name, and two, or the
  /// name is too long to compare.
  public static func nearest<Known>(to name: String, among known: [Known], name text: (Known) -> String) -> Known? {
    guard name.utf8.count <= longestCompared else { return nil }
    let distances = known.map { ($0, distance(name, text($0))) }
    guard let best = distances.min(by: { $0.1 < $1.1 }), best.1 <= max(2, name.utf8.count / 3) else { return nil }
    return best.0
  }

  /// The least number of insertions, deletions, substitutions and swaps of neighbours that turns one name into the
  /// other (optimal string alignment), letters of either case being equal and `-` being `_`.
  static func distance(_ a: String, _ b: String) -> Int {
    let (a, b) = (Array(a.utf8), Array(b.utf8))
    var beforeLast: [Int] = []
    var last = Array(0...b.count)
    for i in 0..<a.count {
      var current = [i + 1]
      for j in 0..<b.count {
        let cost = folded(a[i]) == folded(b[j]) ? 0 : 1
        var best = min(last[j + 1] + 1, current[j] + 1, last[j] + cost)
        if i > 0, j > 0, folded(a[i]) == folded(b[j - 1]), folded(a[i - 1]) == folded(b[j]) {
          best = min(best, beforeLast[j - 1] + 1)
        }
        current.append(best)
      }
      beforeLast = last
      last = current
    }
    return last[b.count]
  }

  private static func folded(_ byte: UInt8) -> UInt8 {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte | 0x20
    case UInt8(ascii: "-"), UInt8(ascii: " "): UInt8(ascii: "_")
    default: byte
    }
  }
}
