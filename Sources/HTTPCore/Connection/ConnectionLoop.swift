/// What the owner of a connection does after each event: first `process`, then `flush`.
///
/// Owners differ in how they perform an action and how they write: the server with sockets, tests and fuzz targets with
/// arrays. The loop itself is the same for all of them.
extension ConnectionState {
  /// Does what one action asks for. The state is the connection's own, to be told what came of it.
  public typealias Perform = (_ action: consuming Action, _ state: inout ConnectionState) -> Void

  /// Takes the bytes that have been read, if any, and performs what the state asks for until it asks for nothing more.
  ///
  /// What is not taken, since a request before it has no answer yet, is kept. Call it with bytes only while `readInterest`
  /// is `.bytes`.
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

  /// Performs what the state asks for until it asks for nothing more.
  public mutating func process(at now: Moment, perform: Perform) {
    process(Span(), at: now, perform: perform)
  }

  /// Writes what waits until `write` takes no more, and performs what the state asks for once it is out.
  ///
  /// - Parameter write: writes the beginning of the two pieces, of which the second may be empty: heads and small bodies,
  ///   then a large body. Returns how many bytes it wrote; 0 ends the loop.
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
