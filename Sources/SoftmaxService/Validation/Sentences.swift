// What sentences to clients are put together from: names and numbers as they stand in them.

/// A client's text in quotation marks, cut where it is long.
func quoted(_ text: String) -> String {
  let longest = 64
  guard text.utf8.count > longest else { return "\"\(text)\"" }
  return "\"\(text.prefixOfUTF8(longest))…\""
}

/// Names as a sentence lists them: `"a", "b" and "c"`.
func listed(_ names: [String], _ conjunction: String = "and") -> String {
  guard let last = names.last, names.count > 1 else { return names.first ?? "" }
  return names.dropLast().joined(separator: ", ") + " \(conjunction) " + last
}

/// A number as a sentence shows it.
func text(of value: Double) -> String {
  if value.isNaN { return "NaN" }
  if value.isInfinite { return value < 0 ? "-Infinity" : "Infinity" }
  if let integer = Int(exactly: value), abs(value) < 1e15 { return "\(integer)" }
  return "\(value)"
}

extension String {
  /// The longest beginning of whole scalars that takes no more than `count` bytes.
  func prefixOfUTF8(_ count: Int) -> String {
    var length = 0
    var prefix = String.UnicodeScalarView()
    for scalar in unicodeScalars {
      length += UTF8.width(scalar)
      if length > count { break }
      prefix.append(scalar)
    }
    return String(prefix)
  }
}
