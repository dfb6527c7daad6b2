import NumericJSON
import SoftmaxCore

/// Reads a JSON body into a ``RawRequest``.
enum JSONRequest {
  /// Reads the whole body, also past faults: whether it is JSON at all is settled first.
  ///
  /// A large tensor's text is read in pieces by the execution's `parallel`.
  /// - Throws: ``Refusal/syntax(_:)`` for what is not RFC 8259 JSON, ``Refusal/invalid(_:)`` for what is no object.
  static func read(
    _ body: Span<UInt8>, for endpoint: Endpoint, limits: Limits, execution: Execution
  ) throws(Refusal) -> RawRequest {
    var request = RawRequest()
    let kind: JSONKind
    do throws(JSONSyntaxError) {
      var reader = JSONReader(body, level: execution.level)
      kind = try reader.peekKind()
      if kind == .object {
        try readMembers(from: &reader, endpoint, limits, execution.parallel, into: &request)
      } else {
        try reader.skipValue()
      }
      try reader.finish()
    } catch {
      throw .syntax(error)
    }
    guard kind == .object else {
      request.faults.note(.request) { _ in
        "the body is \(kind.spoken); send an object, such as \(endpoint.exampleBody)"
      }
      throw .invalid(request.faults)
    }
    return request
  }

  private static func readMembers(
    from reader: inout JSONReader, _ endpoint: Endpoint, _ limits: Limits, _ parallel: Parallel?,
    into request: inout RawRequest
  ) throws(JSONSyntaxError) {
    try reader.beginObject()
    while let name = try reader.nextMember() {
      guard let member = endpoint.member(name) else {
        noteUnknown(name.text, endpoint, &request.faults)
        try reader.skipValue()
        continue
      }
      if request.present.contains(member) {
        request.faults.note(.member(member)) { "\($0) is given more than once; send each member once" }
        try reader.skipValue()
        continue
      }
      request.present.insert(MemberSet(member))
      try readValue(of: member, from: &reader, endpoint, limits, parallel, into: &request)
    }
  }

  private static func readValue(
    of member: Member, from reader: inout JSONReader, _ endpoint: Endpoint, _ limits: Limits, _ parallel: Parallel?,
    into request: inout RawRequest
  ) throws(JSONSyntaxError) {
    switch member {
    case .logits: request.logits = try tensor(from: &reader, member, limits, parallel, &request)
    case .target: request.target = try tensor(from: &reader, member, limits, parallel, &request)
    case .weight: request.weight = try tensor(from: &reader, member, limits, parallel, &request)
    case .sampleWeight: request.sampleWeight = try tensor(from: &reader, member, limits, parallel, &request)
    case .upstream: request.upstream = try tensor(from: &reader, member, limits, parallel, &request)
    case .axis: request.axis = try number(from: &reader, member, endpoint, &request.faults)
    case .temperature: request.temperature = try number(from: &reader, member, endpoint, &request.faults)
    case .ignoreIndex: request.ignoreIndex = try number(from: &reader, member, endpoint, &request.faults)
    case .labelSmoothing: request.labelSmoothing = try number(from: &reader, member, endpoint, &request.faults)
    case .dtype: request.dtype = try string(from: &reader, member, endpoint, &request.faults)
    case .reduction: request.reduction = try string(from: &reader, member, endpoint, &request.faults)
    case .outputs: request.outputs = try names(from: &reader, member, endpoint, &request.faults)
    }
  }

  /// A tensor without faults, or nil with all of them noted.
  private static func tensor(
    from reader: inout JSONReader, _ member: Member, _ limits: Limits, _ parallel: Parallel?,
    _ request: inout RawRequest
  ) throws(JSONSyntaxError) -> RawRequest.Tensor? {
    // One fault more than an answer lists, so that it can say that there are more.
    let bounds = TensorLimits(
      values: limits.logits, rank: TensorShape.maximumRank, faults: FaultList.maximumCount + 1)
    let tensor = try reader.readTensor(limits: bounds, parallel: parallel)
    if tensor.faults.isEmpty, !tensor.isTooLarge {
      return RawRequest.Tensor(shape: TensorShape(tensor.extents), values: tensor.values)
    }
    for fault in tensor.faults {
      request.faults.note(.member(member, fault.path)) { member.sentence(about: fault, at: $0) }
    }
    if tensor.isTooLarge, member == .logits {
      request.hasTooManyLogits = true
    } else if tensor.isTooLarge {
      request.faults.note(.member(member)) {
        "\($0) holds more than \(limits.logits) numbers, the most that logits may have"
      }
    }
    return nil
  }

  private static func number(
    from reader: inout JSONReader, _ member: Member, _ endpoint: Endpoint, _ faults: inout FaultList
  ) throws(JSONSyntaxError) -> Double? {
    guard try isKind(.number, &reader, member, [], endpoint, &faults) else { return nil }
    let number = try reader.readNumber()
    guard !number.isOutOfRange else {
      faults.note(.member(member)) {
        "\($0) is beyond the range of binary64; send a number of at most 1.7976931348623157e308"
      }
      return nil
    }
    return number.value
  }

  private static func string(
    from reader: inout JSONReader, _ member: Member, _ endpoint: Endpoint, _ faults: inout FaultList
  ) throws(JSONSyntaxError) -> String? {
    guard try isKind(.string, &reader, member, [], endpoint, &faults) else { return nil }
    return try reader.readString()
  }

  /// A list of strings; nil in place of anything else. The list is cut where it must hold more faults than an answer
  /// lists: among this many names, those that are not good outputs exceed the bound.
  private static func names(
    from reader: inout JSONReader, _ member: Member, _ endpoint: Endpoint, _ faults: inout FaultList
  ) throws(JSONSyntaxError) -> [String?]? {
    guard try isKind(.array, &reader, member, [], endpoint, &faults) else { return nil }
    var names: [String?] = []
    try reader.beginArray()
    while try reader.nextElement() {
      if names.count > FaultList.maximumCount + Output.allCases.count {
        try reader.skipValue()
      } else if try isKind(.string, &reader, member, [names.count], endpoint, &faults) {
        names.append(try reader.readString())
      } else {
        names.append(nil)
      }
    }
    return names
  }

  /// Whether the next value is of the kind wanted; if not, it is noted and passed over.
  private static func isKind(
    _ wanted: JSONKind, _ reader: inout JSONReader, _ member: Member, _ path: [Int], _ endpoint: Endpoint,
    _ faults: inout FaultList
  ) throws(JSONSyntaxError) -> Bool {
    let found = try reader.peekKind()
    if found == wanted { return true }
    try reader.skipValue()
    faults.note(.member(member, path)) { endpoint.sentence(about: found, insteadOf: member, path, at: $0) }
    return false
  }
}

extension Endpoint {
  /// The member of a name, if the endpoint knows it.
  fileprivate func member(_ name: borrowing JSONString) -> Member? {
    for member in Member.allCases where name.equals(member.name) { return knows(member) ? member : nil }
    return nil
  }
}
