import NumericJSON
import Softmax

/// Single values, each noted where it is of another kind than it must be.
extension InferRequestDecoder {
  /// Numbers; booleans are read as 1 and 0, and noted for whoever wants none.
  @_lifetime(reader: copy reader)
  mutating func readData(from reader: inout JSONReader) throws(JSONSyntaxError) -> InferRequest.Content {
    let bounds = TensorLimits(
      values: limits.logits, rank: TensorShape.maximumRank, faults: IssueList.maximumCount + 1, takesBooleans: true)
    let start = reader.offset
    return .numbers(try reader.readTensor(limits: bounds, parallel: execution.parallel), start: start)
  }

  /// A whole number of at least 0.
  @_lifetime(reader: copy reader)
  mutating func readSize(
    at path: @autoclosure () -> JSONPath, from reader: inout JSONReader
  ) throws(JSONSyntaxError) -> Int? {
    let demand = "it must be a whole number of at least 0"
    guard try readKind(.number, orElse: demand, at: path(), from: &reader) else { return nil }
    let number = try reader.readNumber()
    if let size = Int(exactly: number.value), size >= 0, !number.isOutOfRange { return size }
    request.issues.append(.member(path())) { "\($0) is \(text(of: number.value)); \(demand)" }
    return nil
  }

  @_lifetime(reader: copy reader)
  mutating func readString(
    at path: @autoclosure () -> JSONPath, from reader: inout JSONReader
  ) throws(JSONSyntaxError) -> String? {
    guard try readKind(.string, orElse: "it must be a string", at: path(), from: &reader) else { return nil }
    return try reader.readString()
  }

  /// Whether the next value is of a kind; if not, it is noted and passed over.
  @_lifetime(reader: copy reader)
  mutating func readKind(
    _ wanted: JSONKind, orElse demand: String, at path: @autoclosure () -> JSONPath, from reader: inout JSONReader
  ) throws(JSONSyntaxError) -> Bool {
    let kind = try reader.peekKind()
    guard kind != wanted else { return true }
    request.issues.append(.member(path())) { "\($0) is \(kind.displayName); \(demand)" }
    try reader.skipValue()
    return false
  }
}
