import HTTP

/// How much a client wants each media type, by its field Accept (RFC 9110 §12.5.1).
struct AcceptedTypes {
  /// A media range: `type/subtype`, `type/*` or `*/*`.
  private struct Range {
    let name: MediaTypeText
    /// In thousandths (§12.4.2).
    let weight: Int

    /// How exactly it names a media type, the higher the more exactly; nil when the type is not in the range.
    func precision(for candidate: MediaTypeText) -> Int? {
      if name.type == "*" { return name.subtype == "*" ? 0 : nil }
      guard name.type == candidate.type else { return nil }
      if name.subtype == "*" { return 1 }
      guard name.subtype == candidate.subtype else { return nil }
      let isHeld = name.parameters.allSatisfy { wanted in
        candidate.parameters.contains { $0.name == wanted.name && $0.value.lowercased() == wanted.value.lowercased() }
      }
      return isHeld ? 2 + name.parameters.count : nil
    }
  }

  private let ranges: [Range]

  /// Several lines are one list (§5.2). Members that are no media range are passed over.
  init(of head: RequestHead) {
    ranges = head.fields.values(of: .accept).flatMap(\.listMembers).compactMap { member in
      guard var name = MediaTypeText(member) else { return nil }
      let weights = name.parameters.filter { $0.name == "q" }
      name.parameters.removeAll { $0.name == "q" }
      guard let first = weights.first else { return Range(name: name, weight: 1000) }
      guard weights.count == 1, let weight = Self.thousandths(first.value) else { return nil }
      return Range(name: name, weight: weight)
    }
  }

  /// The weight of a media type, in thousandths: that of the range that names it most exactly; 0 where none does. All
  /// types weigh the same where the field is missing or empty.
  func weight(of type: MediaType) -> Int {
    guard !ranges.isEmpty, let candidate = MediaTypeText(type.text.description[...]) else { return 1000 }
    let matches = ranges.compactMap { range in range.precision(for: candidate).map { ($0, range.weight) } }
    return matches.max { $0.0 < $1.0 }?.1 ?? 0
  }

  /// `0`, `1`, or with a point and up to three digits, at most 1 (§12.4.2).
  private static func thousandths(_ text: String) -> Int? {
    let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts[0] == "0" || parts[0] == "1" else { return nil }
    let digits = parts.count == 2 ? parts[1] : ""
    guard digits.utf8.count <= 3, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    let padded = digits + String(repeating: "0", count: 3 - digits.utf8.count)
    guard let fraction = Int(padded), parts[0] == "0" || fraction == 0 else { return nil }
    return parts[0] == "1" ? 1000 : fraction
  }
}
