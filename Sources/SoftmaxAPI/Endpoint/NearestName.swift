/// The name that a reader most likely meant.
public enum NearestName {
  /// Longer names are not compared: no known name is near one, and the cost stays bounded.
  static let longestCompared = 64

  /// What other libraries call a member or an output; the rest is found by edit distance.
  private static let members: [(String, Member)] = [
    ("input", .logits), ("inputs", .logits), ("x", .logits), ("scores", .logits), ("a", .logits), ("data", .logits),
    ("label", .target), ("labels", .target), ("targets", .target), ("y", .target), ("y_true", .target),
    ("class", .target), ("dim", .axis), ("T", .temperature), ("tau", .temperature), ("temp", .temperature),
    ("precision", .dtype), ("size_average", .reduction), ("weights", .weight), ("class_weight", .weight),
    ("class_weights", .weight), ("y_pred", .logits), ("predictions", .logits), ("reduce", .reduction), ("type", .dtype),
    ("sample_weights", .sampleWeight), ("grad_output", .upstream), ("gradient_output", .upstream),
    ("epsilon", .labelSmoothing), ("eps", .labelSmoothing), ("smoothing", .labelSmoothing), ("return", .outputs),
  ]
  private static let outputs: [(String, Output)] = [
    ("probs", .probabilities), ("softmax", .probabilities), ("p", .probabilities), ("log_probs", .logProbabilities),
    ("log_softmax", .logProbabilities), ("lse", .logSumExp), ("grad", .gradient), ("cross_entropy", .loss),
  ]

  /// The member of an endpoint nearest to an unknown name, or nil when none is near.
  static func member(nearestTo name: String, in endpoint: Endpoint) -> Member? {
    if let (_, member) = members.first(where: { $0.0 == name }), endpoint.knows(member) { return member }
    return nearest(to: name, among: endpoint.members) { $0.name }
  }

  /// The output of an endpoint nearest to an unknown name, or nil when none is near.
  static func output(nearestTo name: String, in endpoint: Endpoint) -> Output? {
    if let (_, output) = outputs.first(where: { $0.0 == name }), endpoint.outputs.contains(output) { return output }
    return nearest(to: name, among: endpoint.outputs) { $0.name }
  }

  /// The one of least ``distance(_:_:)``, or nil when more than a third of the name, and two letters, would have to change, or
  /// the name is too long to compare.
  public static func nearest<Known>(to name: String, among known: [Known], name text: (Known) -> String) -> Known? {
    guard name.utf8.count <= longestCompared else { return nil }
    let distances = known.map { ($0, distance(name, text($0))) }
    guard let best = distances.min(by: { $0.1 < $1.1 }), best.1 <= max(2, name.utf8.count / 3) else { return nil }
    return best.0
  }

  /// The least number of insertions, deletions, substitutions and swaps of neighbours that turns one name into the other
  /// (optimal string alignment), letters of either case being equal and `-` being `_`.
  public static func distance(_ a: String, _ b: String) -> Int {
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
