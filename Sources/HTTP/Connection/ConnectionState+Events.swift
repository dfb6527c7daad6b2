/// What the owner of a connection does after each event: `process`, then `flush`.
///
/// Owners differ in how they perform an action and how they write: the server uses sockets, tests and fuzz targets use
/// arrays. The loop is the same for all of them.
extension ConnectionState {
  /// Performs one action, and reports the outcome to the connection's state.
  public typealias Perform = (_ action: consuming Action, _ state: inout ConnectionState) -> Void

  /// Consumes input and performs actions until the state returns none.
  ///
  /// Input that cannot be consumed yet, because an earlier request has no response yet, is kept.
  ///
  /// - Parameters:
  ///   - input: what has been read; not empty only if `readInterest` was `.bytes`.
  ///   - now: the present time.
  ///   - perform: performs an action.
  public mutating func process(_ input: Span<UInt8>, at now: Moment, perform: Perform) {
    var taken = receive(input, at: now)
    while true {
      while let action = nextAction(at: now) { perform(action, &self) }
      guard taken < input.count else { break }
      let count = consume(input.extracting(taken...), at: now)
      guard count > 0 else {
        hold(input.extracting(taken...))
        break
      }
      taken += count
    }
    if takeAcknowledgement() { perform(.acknowledge, &self) }
  }

  /// Performs actions until the state returns none.
  public mutating func process(at now: Moment, perform: Perform) {
    process(Span(), at: now, perform: perform)
  }

  /// Writes what is queued until `write` returns 0, and performs the actions that follow.
  ///
  /// - Parameters:
  ///   - now: the present time.
  ///   - perform: performs an action.
  ///   - write: writes a prefix of the two pieces and returns its length. The first piece has heads and small bodies;
  ///     the second is a large body or empty.
  public mutating func flush(
    at now: Moment, perform: Perform, write: (_ first: Span<UInt8>, _ second: Span<UInt8>) -> Int
  ) {
    while hasOutput {
      let count = output.withPieces(write)
      guard count > 0 else { return }
      wrote(count, at: now)
      process(at: now, perform: perform)
    }
  }
}
