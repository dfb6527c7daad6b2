/// Request bodies of a chosen size, made fast.
enum Bodies {
  /// `{"logits":[…]}` of this many numbers in a row, each of about `digits` digits, a few values over and over.
  static func logits(_ count: Int, digits: Int = 6) -> [UInt8] {
    let numbers = (0..<64).map { index -> [UInt8] in
      let tail = String(repeating: "73918264505192837", count: 1).prefix(max(1, digits - 1))
      return Array("\(index % 2 == 0 ? "-" : "")\(index % 9).\(tail)".utf8)
    }
    var body = Array(#"{"logits":["#.utf8)
    body.reserveCapacity(count * (digits + 4) + 32)
    for index in 0..<count {
      if index > 0 { body.append(UInt8(ascii: ",")) }
      body.append(contentsOf: numbers[index % numbers.count])
    }
    body.append(contentsOf: "]}".utf8)
    return body
  }

  /// The same, filled with white space to exactly `size` bytes.
  static func logits(_ count: Int, paddedTo size: Int, digits: Int = 6) -> [UInt8] {
    let body = logits(count, digits: digits)
    return body + [UInt8](repeating: UInt8(ascii: " "), count: max(0, size - body.count))
  }

  /// A check of a gradient of this many numbers, which are the logits again, and so wrong.
  static func check(_ count: Int) -> [UInt8] {
    let numbers = logits(count).dropFirst(#"{"logits":"#.utf8.count).dropLast()
    return Array(#"{"logits":"#.utf8) + numbers + Array(#","target":1,"candidate":{"gradient":"#.utf8) + numbers
      + Array("}}".utf8)
  }

  /// How many numbers `{"probabilities":[…]}` holds: one more than its commas.
  static func count(in answer: Answer) -> Int {
    answer.body.reduce(1) { $0 + ($1 == UInt8(ascii: ",") ? 1 : 0) }
  }
}
