import NumericJSON
import Softmax

/// What a request may ask for at most.
public struct Limits: Sendable, Hashable {
  /// The most logits in a request; more are refused with 413. A request's other tensors may have no more numbers, and
  /// a Jacobian neither: those are refused with 422.
  public var logits: Int
  /// The most classes for which a Jacobian, classes squared, is answered.
  public var jacobianClasses: Int

  public init(logits: Int = 8_388_608, jacobianClasses: Int = 1_024) {
    self.logits = logits
    self.jacobianClasses = jacobianClasses
  }
}

extension Limits {
  /// What is kept of a tensor that is read: one fault more than an answer lists, so that it can say that there are
  /// more.
  func tensor(_ elements: TensorLimits.Elements = .numbers) -> TensorLimits {
    TensorLimits(
      values: logits, rank: TensorShape.maximumRank, faults: IssueList.maximumCount + 1, elements: elements)
  }
}
