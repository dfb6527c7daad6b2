import NumericJSON
import Softmax

/// The parameters of a request and of its tensors.
extension InferRequestDecoder {
  /// Parameters of the protocol that steer what is not here: schedulers, sequences, codecs.
  private static let ignored = [
    "sequence_id", "sequence_start", "sequence_end", "priority", "timeout", "headers", "content_type",
  ]

  /// The parameters of the request as a whole.
  @_lifetime(reader: copy reader)
  mutating func readParameters(from reader: inout JSONReader) throws(JSONSyntaxError) {
    let parameters = MemberPath("parameters")
    guard try readKind(.object, orElse: "it must be an object", at: parameters, from: &reader) else { return }
    try reader.beginObject()
    while let name = try reader.nextMember()?.text {
      let kind = try reader.peekKind()
      let path = { Location.member(parameters.member(name)) }
      switch (name, kind) {
      case (_, .null): try reader.skipValue()
      case _ where Self.ignored.contains(name): try reader.skipValue()
      case ("binary_data_output", .boolean): request.hasBinaryOutputs = try reader.readBoolean()
      case ("binary_data_output", _):
        try reader.skipValue()
        request.parameterIssues.append(path()) { "\($0) is \(kind.displayName); it must be true or false" }
      case _ where name.hasPrefix("triton_"):
        try reader.skipValue()
        request.parameterIssues.append(path()) { "\($0) begins with \"triton_\", which Triton keeps for itself" }
      case _ where request.parameters.count == Self.mostItems:
        try reader.skipValue()
        request.parameterIssues.append(.member(parameters)) { "\($0) has more members than any model takes" }
      case (_, .string): request.parameters.append((name, .name(try reader.readString())))
      case (_, .number):
        let number = try reader.readNumber()
        if number.isOutOfRange {
          request.parameterIssues.append(path()) { "\($0) is beyond the range of binary64" }
        } else {
          request.parameters.append((name, .number(number.value)))
        }
      case (_, .boolean), (_, .array), (_, .object):
        try reader.skipValue()
        request.parameterIssues.append(path()) { "\($0) is \(kind.displayName); it must be a number or a name" }
      }
    }
  }

  /// The parameters of one tensor.
  @_lifetime(reader: copy reader)
  mutating func readParameters(
    of tensor: inout InferRequest.Tensor, from reader: inout JSONReader
  ) throws(JSONSyntaxError) {
    let place = tensor.place
    let parameters = { place.path.member("parameters") }
    guard try readKind(.object, orElse: "it must be an object", at: parameters(), from: &reader) else { return }
    try reader.beginObject()
    while let name = try reader.nextMember()?.text {
      let kind = try reader.peekKind()
      let path = { parameters().member(name) }
      switch (name, kind, place.list) {
      case (_, .null, _), ("content_type", _, _): try reader.skipValue()
      case ("binary_data_size", _, _):
        guard let size = try readSize(at: path(), from: &reader) else { continue }
        if tensor.content.isNone { tensor.content = .bytes(size) } else { noteTwoContents(place) }
      case ("binary_data", .boolean, .outputs): tensor.isBinary = try reader.readBoolean()
      case ("binary_data", _, .outputs):
        try reader.skipValue()
        request.parameterIssues.append(.member(path())) { "\($0) is \(kind.displayName); it must be true or false" }
      case ("classification", _, .outputs): tensor.classes = try readSize(at: path(), from: &reader)
      case _:
        try reader.skipValue()
        request.parameterIssues.append(.member(path())) {
          name.hasPrefix("shared_memory")
            ? "\($0) is not supported here; send the tensor's bytes after the JSON, with \"binary_data_size\""
            : "\($0) is not known here; a tensor's parameters are "
              + (place.list == .inputs ? "\"binary_data_size\"" : "\"binary_data\" and \"classification\"")
        }
      }
    }
  }
}

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
    at path: @autoclosure () -> MemberPath, from reader: inout JSONReader
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
    at path: @autoclosure () -> MemberPath, from reader: inout JSONReader
  ) throws(JSONSyntaxError) -> String? {
    guard try readKind(.string, orElse: "it must be a string", at: path(), from: &reader) else { return nil }
    return try reader.readString()
  }

  /// Whether the next value is of a kind; if not, it is noted and passed over.
  @_lifetime(reader: copy reader)
  mutating func readKind(
    _ wanted: JSONKind, orElse demand: String, at path: @autoclosure () -> MemberPath, from reader: inout JSONReader
  ) throws(JSONSyntaxError) -> Bool {
    let kind = try reader.peekKind()
    guard kind != wanted else { return true }
    request.issues.append(.member(path())) { "\($0) is \(kind.displayName); \(demand)" }
    try reader.skipValue()
    return false
  }
}
