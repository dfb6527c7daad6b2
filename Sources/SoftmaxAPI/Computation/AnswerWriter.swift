import SoftmaxCore

/// Takes a computation's results one after the other, in the order asked for: what a wire implements to answer.
protocol AnswerWriter: ~Copyable {
  /// Takes numbers, row-major, of a shape; a bare number for the shape [].
  /// - Throws: ``ComputationError/cancelled``, as the computation itself does.
  mutating func write(_ output: Output, _ values: [Double], shape: TensorShape) throws(ComputationError)
  /// Takes integers likewise.
  mutating func write(_ output: Output, _ values: [Int], shape: TensorShape)
  mutating func write(_ output: Output, _ derivation: Derivation)
}
