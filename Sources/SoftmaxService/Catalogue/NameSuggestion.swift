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
    (nearest(to: path, among: paths, atMost: most, name: \.self)
      ?? paths.first { path.utf8.count > 2 && $0.hasPrefix(path) }).map(theNearest)
  }

  private static func theNearest(_ name: String) -> String { "the nearest is \(quoted(name))" }

  /// The one with the fewest letters to change, or nil where those are more than a third of the name, and two, or more
  /// than `most`, or the name is too long to compare.
  public static func nearest<Known>(
    to name: String, among known: [Known], atMost most: Int = .max, name text: (Known) -> String
  ) -> Known? {
    guard name.utf8.count <= longestCompared else { return nil }
    let letters = name.utf8.map(folded)
    var (best, limit) = (Known?.none, min(most, max(2, letters.count / 3)))
    for candidate in known {
      guard limit >= 0, let distance = distance(letters, text(candidate).utf8.map(folded), atMost: limit) else {
        continue
      }
      best = candidate
      limit = distance - 1
    }
    return best
  }

  /// The least number of insertions, deletions, substitutions and swaps of neighbours that turns one name into the
  /// other (optimal string alignment); nil where they are more than `most`. A path that nobody knows is compared with
  /// all that are known, so it stops as soon as that is certain.
  static func distance(_ a: [UInt8], _ b: [UInt8], atMost most: Int) -> Int? {
    guard abs(a.count - b.count) <= most else { return nil }
    var last = Array(0...b.count)
    var (current, beforeLast) = (last, last)
    var leastOfLast = 0
    for i in 0..<a.count {
      current[0] = i + 1
      var least = i + 1
      for j in 0..<b.count {
        var best = min(last[j + 1] + 1, current[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { best = min(best, beforeLast[j - 1] + 1) }
        current[j + 1] = best
        least = min(least, best)
      }
      // A swap goes back two rows.
      guard min(least, leastOfLast) <= most else { return nil }
      leastOfLast = least
      (beforeLast, last, current) = (last, current, beforeLast)
    }
    return last[b.count] <= most ? last[b.count] : nil
  }

  /// Letters of either case are equal, and `-` is `_`.
  static func folded(_ byte: UInt8) -> UInt8 {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte | 0x20
    case UInt8(ascii: "-"), UInt8(ascii: " "): UInt8(ascii: "_")
    default: byte
    }
  }
}
