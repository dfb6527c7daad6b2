import NumericJSON
import Softmax
import VectorKernels

/// Reads the JSON of an infer request.
///
/// `null` for an optional member means that it is left out. What cannot be read is noted and passed over, so that one
/// answer tells of all of it.
struct InferRequestDecoder {
  /// More tensors than any model takes, and more parameters, are not kept.
  static let mostItems = 64

  let limits: Limits
  let execution: Execution
  var request = InferRequest()

  init(limits: Limits, execution: Execution) {
    self.limits = limits
    self.execution = execution
  }

  /// The members of a request. `model_name` and `model_version`, which some clients repeat here, are in the path.
  private enum Member: String, CaseIterable {
    case id, parameters, inputs, outputs
    case modelName = "model_name"
    case modelVersion = "model_version"
  }

  private enum TensorMember: String, CaseIterable { case name, shape, datatype, parameters, data }

  /// Reads the whole text, also past faults.
  /// - Throws: ``RequestError/malformed(detail:offset:)`` for what is no JSON.
  consuming func decode(_ json: Span<UInt8>) throws(RequestError) -> InferRequest {
    do throws(JSONSyntaxError) {
      var reader = JSONReader(json, level: execution.level, takesNonFiniteWords: true)
      let kind = try reader.peekKind()
      if kind == .object {
        try readRequest(from: &reader)
      } else {
        try reader.skipValue()
        request.faults.append(.request) { _ in
          "the body is \(kind.displayName); send an object, such as \(OpenInferenceWire.example)"
        }
      }
      try reader.finish()
    } catch {
      throw .malformed(detail: error.detail, offset: error.offset)
    }
    return request
  }

  @_lifetime(reader: copy reader)
  private mutating func readRequest(from reader: inout JSONReader) throws(JSONSyntaxError) {
    var seen: [Member] = []
    try reader.beginObject()
    while let member = try nextMember(of: nil, &seen, from: &reader) {
      switch member {
      case .id: request.id = try readString(at: MemberPath(member.rawValue), from: &reader)
      case .parameters: try readParameters(from: &reader)
      case .inputs: request.inputs = try readTensors(.inputs, from: &reader)
      case .outputs: request.outputs = try readTensors(.outputs, from: &reader)
      case .modelName, .modelVersion: try reader.skipValue()
      }
    }
  }

  /// The next member that is known, given for the first time and not null; nil at the object's end. The others are
  /// passed over.
  @_lifetime(reader: copy reader)
  private mutating func nextMember<Member: RawRepresentable<String> & CaseIterable & Equatable>(
    of place: TensorPlace?, _ seen: inout [Member], from reader: inout JSONReader
  ) throws(JSONSyntaxError) -> Member? {
    while let name = try reader.nextMember()?.text {
      if let member = Member(rawValue: name) {
        if !seen.contains(member) {
          seen.append(member)
          if try reader.peekKind() != .null { return member }
        } else {
          request.faults.append(.member(place?.path.member(name) ?? MemberPath(name))) {
            "\($0) is given more than once; send each member once"
          }
        }
      } else {
        request.faults.append(.member(place?.path.member(name) ?? MemberPath(name))) {
          Self.sentence(aboutUnknown: name, Array(Member.allCases), at: $0)
        }
      }
      try reader.skipValue()
    }
    return nil
  }

  private static func sentence<Member: RawRepresentable<String>>(
    aboutUnknown name: String, _ known: [Member], at place: String
  ) -> String {
    switch RequestField(name: name) {
    case .parameter: return "\(place) is a parameter of the model; send it in \"parameters\""
    case .input: return "\(place) is an input of the model; send it as a tensor in \"inputs\""
    case .outputs, .candidate, nil: break
    }
    // TensorFlow Serving's name.
    if name == "instances" { return "\(place) is not known here; send a body such as \(OpenInferenceWire.example)" }
    let cure =
      NameSuggestion.sentence(nearestTo: name, among: known, name: \.rawValue)
      ?? "the members are \(listed(known.map { quoted($0.rawValue) }))"
    return "\(place) is not known here; \(cure)"
  }

  // MARK: Tensors

  @_lifetime(reader: copy reader)
  private mutating func readTensors(
    _ list: TensorPlace.List, from reader: inout JSONReader
  ) throws(JSONSyntaxError) -> [InferRequest.Tensor]? {
    let kind = try reader.peekKind()
    guard kind == .array else {
      try reader.skipValue()
      request.faults.append(.member(MemberPath(list.rawValue))) {
        "\($0) is \(kind.displayName); it must be an array of tensors"
      }
      return nil
    }
    var tensors: [InferRequest.Tensor] = []
    var index = 0
    try reader.beginArray()
    while try reader.nextElement() {
      let place = TensorPlace(list: list, index: index)
      index += 1
      let kind = try reader.peekKind()
      if tensors.count == Self.mostItems {
        request.faults.append(.member(MemberPath(list.rawValue))) { "\($0) has more tensors than any model takes" }
        try reader.skipValue()
      } else if kind == .object {
        tensors.append(try readTensor(at: place, from: &reader))
      } else {
        request.faults.append(.member(place.path)) {
          "\($0) is \(kind.displayName); it must be an object with a \"name\""
        }
        try reader.skipValue()
      }
    }
    return tensors
  }

  @_lifetime(reader: copy reader)
  private mutating func readTensor(
    at place: TensorPlace, from reader: inout JSONReader
  ) throws(JSONSyntaxError) -> InferRequest.Tensor {
    var tensor = InferRequest.Tensor(place: place)
    var (seen, given): ([TensorMember], [TensorMember]) = ([], [])
    try reader.beginObject()
    while let member = try nextMember(of: place, &seen, from: &reader) {
      given.append(member)
      let path = { place.path.member(member.rawValue) }
      switch member {
      case .name: tensor.name = try readString(at: path(), from: &reader)
      case .datatype:
        guard let name = try readString(at: path(), from: &reader) else { continue }
        tensor.datatype = TensorDatatype(rawValue: name)
        guard tensor.datatype == nil else { continue }
        request.faults.append(.member(path())) {
          "\($0) is \(quoted(name)); it must be one of \(listed(TensorDatatype.allCases.map(\.rawValue), "and"))"
            + (TensorDatatype(otherName: name).map { "; here it is called \(quoted($0.rawValue))" } ?? "")
        }
      case .shape: tensor.shape = try readShape(at: place, from: &reader)
      case .parameters: try readParameters(of: &tensor, from: &reader)
      case .data:
        let data = try readData(from: &reader)
        if tensor.content.isNone { tensor.content = data } else { noteTwoContents(place) }
      }
    }
    let needed: [TensorMember] = tensor.content.isNone ? [.name] : [.name, .shape, .datatype]
    for member in needed where !given.contains(member) {
      let isNull = seen.contains(member)
      request.faults.append(.member(isNull ? place.path.member(member.rawValue) : place.path)) {
        isNull ? "\($0) is null; a tensor needs it" : "\($0) has no \(quoted(member.rawValue)); send it"
      }
    }
    return tensor
  }

  private mutating func noteTwoContents(_ place: TensorPlace) {
    request.faults.append(.member(place.path)) {
      "\($0) has both \"data\" and \"parameters.binary_data_size\"; send its numbers once"
    }
  }

  /// Nil where a dimension cannot be one; each must be at least 1.
  @_lifetime(reader: copy reader)
  private mutating func readShape(
    at place: TensorPlace, from reader: inout JSONReader
  ) throws(JSONSyntaxError) -> TensorShape? {
    let path = { place.path.member("shape") }
    guard try readKind(.array, orElse: "it must be an array of dimensions", at: path(), from: &reader) else {
      return nil
    }
    var extents: [Int] = []
    var isSound = true
    try reader.beginArray()
    while try reader.nextElement() {
      let dimension = extents.count
      guard dimension < TensorShape.maximumRank else {
        if isSound {
          request.faults.append(.member(path())) {
            "\($0) has more than \(TensorShape.maximumRank) dimensions, the most that a tensor may have"
          }
        }
        isSound = false
        try reader.skipValue()
        continue
      }
      let element = { path().element(dimension) }
      guard try readKind(.number, orElse: "it must be a number of at least 1", at: element(), from: &reader) else {
        isSound = false
        continue
      }
      let number = try reader.readNumber()
      guard let extent = Int(exactly: number.value), extent > 0, !number.isOutOfRange else {
        isSound = false
        request.faults.append(.member(element())) {
          "\($0) is \(Self.found(number)); "
            + (number.value == -1 || number.value > 1 && number.value == number.value.rounded()
              ? "send the tensor's real size" : "it must be a whole number of at least 1")
        }
        continue
      }
      extents.append(extent)
    }
    return isSound ? TensorShape(extents) : nil
  }
}

/// The parameters of a request and of its tensors.
extension InferRequestDecoder {
  /// Parameters of the protocol that steer what is not here: schedulers, sequences, codecs.
  private static let ignored = [
    "sequence_id", "sequence_start", "sequence_end", "priority", "timeout", "headers", "content_type",
  ]

  /// The next parameter that is given for the first time; nil at the object's end. The others are passed over.
  @_lifetime(reader: copy reader)
  private mutating func nextParameter(
    of parameters: @autoclosure () -> MemberPath, _ seen: inout [String], from reader: inout JSONReader
  ) throws(JSONSyntaxError) -> String? {
    while let name = try reader.nextMember()?.text {
      if seen.contains(name) {
        request.faults.append(.member(parameters().member(name))) {
          "\($0) is given more than once; send each parameter once"
        }
      } else if seen.count < Self.mostItems {
        seen.append(name)
        return name
      } else {
        request.parameterFaults.append(.member(parameters())) { "\($0) has more members than any model takes" }
      }
      try reader.skipValue()
    }
    return nil
  }

  /// The parameters of the request as a whole.
  @_lifetime(reader: copy reader)
  private mutating func readParameters(from reader: inout JSONReader) throws(JSONSyntaxError) {
    let parameters = MemberPath("parameters")
    guard try readKind(.object, orElse: "it must be an object", at: parameters, from: &reader) else { return }
    var seen: [String] = []
    try reader.beginObject()
    while let name = try nextParameter(of: parameters, &seen, from: &reader) {
      let kind = try reader.peekKind()
      let path = { Location.member(parameters.member(name)) }
      switch (name, kind) {
      case (_, .null): try reader.skipValue()
      case _ where Self.ignored.contains(name): try reader.skipValue()
      case ("binary_data_output", .boolean): request.hasBinaryOutputs = try reader.readBoolean()
      case ("binary_data_output", _):
        try reader.skipValue()
        request.parameterFaults.append(path()) { "\($0) is \(kind.displayName); it must be true or false" }
      case _ where name.hasPrefix("triton_"):
        try reader.skipValue()
        request.parameterFaults.append(path()) { "\($0) begins with \"triton_\", which Triton keeps for itself" }
      case (_, .string): request.parameters.append((name, .scalar(.name(try reader.readString()))))
      case (_, .number):
        let number = try reader.readNumber()
        request.parameters.append((name, number.isOutOfRange ? .beyond(number.value) : .scalar(.number(number.value))))
      case (_, .boolean), (_, .array), (_, .object):
        try reader.skipValue()
        request.parameters.append((name, .other(kind)))
      }
    }
  }

  /// The parameters of one tensor.
  @_lifetime(reader: copy reader)
  private mutating func readParameters(
    of tensor: inout InferRequest.Tensor, from reader: inout JSONReader
  ) throws(JSONSyntaxError) {
    let place = tensor.place
    let parameters = { place.path.member("parameters") }
    guard try readKind(.object, orElse: "it must be an object", at: parameters(), from: &reader) else { return }
    var seen: [String] = []
    try reader.beginObject()
    while let name = try nextParameter(of: parameters(), &seen, from: &reader) {
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
        request.parameterFaults.append(.member(path())) { "\($0) is \(kind.displayName); it must be true or false" }
      case ("classification", _, .outputs): tensor.classes = try readSize(at: path(), from: &reader)
      case _:
        try reader.skipValue()
        request.parameterFaults.append(.member(path())) {
          if name.hasPrefix("shared_memory") {
            return "\($0) is not supported here; send the tensor's bytes after the JSON, with \"binary_data_size\""
          }
          if case .parameter = RequestField(name: name) {
            return "\($0) is a parameter of the model; send it in the request's \"parameters\""
          }
          return "\($0) is not known here; a tensor's parameters are "
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
  private mutating func readData(from reader: inout JSONReader) throws(JSONSyntaxError) -> InferRequest.Content {
    let (start, bounds) = (reader.offset, limits.tensor(.both))
    return .numbers(try reader.readTensor(limits: bounds, parallel: execution.parallel), start: start)
  }

  /// A whole number of at least 0.
  @_lifetime(reader: copy reader)
  private mutating func readSize(
    at path: @autoclosure () -> MemberPath, from reader: inout JSONReader
  ) throws(JSONSyntaxError) -> Int? {
    let demand = "it must be a whole number of at least 0"
    guard try readKind(.number, orElse: demand, at: path(), from: &reader) else { return nil }
    let number = try reader.readNumber()
    if let size = Int(exactly: number.value), size >= 0, !number.isOutOfRange { return size }
    request.faults.append(.member(path())) { "\($0) is \(Self.found(number)); \(demand)" }
    return nil
  }

  /// What a sentence says of a number that counts something: one beyond the range is not what was sent.
  private static func found(_ number: JSONNumber) -> String {
    number.value >= 0x1p63 ? "more than any body holds" : number.isOutOfRange ? "negative" : text(of: number.value)
  }

  @_lifetime(reader: copy reader)
  private mutating func readString(
    at path: @autoclosure () -> MemberPath, from reader: inout JSONReader
  ) throws(JSONSyntaxError) -> String? {
    guard try readKind(.string, orElse: "it must be a string", at: path(), from: &reader) else { return nil }
    let text = try reader.readString()
    guard text.utf8.count <= JSONString.longestText else {
      request.faults.append(.member(path())) {
        "\($0) has more than \(JSONString.longestText) bytes; send a shorter one"
      }
      return nil
    }
    return text
  }

  /// Whether the next value is of a kind; if not, it is noted and passed over.
  @_lifetime(reader: copy reader)
  private mutating func readKind(
    _ wanted: JSONKind, orElse demand: String, at path: @autoclosure () -> MemberPath, from reader: inout JSONReader
  ) throws(JSONSyntaxError) -> Bool {
    let kind = try reader.peekKind()
    guard kind != wanted else { return true }
    request.faults.append(.member(path())) { "\($0) is \(kind.displayName); \(demand)" }
    try reader.skipValue()
    return false
  }
}
