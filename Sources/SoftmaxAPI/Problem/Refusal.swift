import NumericJSON

/// Why a request to an endpoint gets no results. One place, Response+Refusal.swift, maps each to a status and a body.
enum Refusal: Error, Sendable {
  /// The body is not RFC 8259 JSON in UTF-8, or nests too deep.
  case syntax(JSONSyntaxError)
  /// There are more logits than the service takes.
  case tooManyLogits(limit: Int)
  /// The request can be read, but not understood or not computed.
  case invalid(FaultList)
  /// "mean" would divide by exactly zero; the fault names the input that makes it so.
  case zeroNormaliser(Fault)
  /// The server has no memory for it now.
  case outOfMemory
  /// The server never has as much memory as it needs.
  case needsTooMuchMemory(bytes: Int)
  /// The deadline passed, or the client has gone.
  case cancelled
  /// A fault of the service's own.
  case inconsistency
}
