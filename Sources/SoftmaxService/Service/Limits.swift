/// What a request may ask for at most.
public struct Limits: Sendable, Hashable {
  /// The most logits in a request; more is refused with 413.
  public var logits: Int
  /// The most classes for which a Jacobian, classes squared, is answered.
  public var jacobianClasses: Int

  public init(logits: Int = 8_388_608, jacobianClasses: Int = 1_024) {
    self.logits = logits
    self.jacobianClasses = jacobianClasses
  }
}
