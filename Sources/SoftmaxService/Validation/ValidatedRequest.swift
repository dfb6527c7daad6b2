import Softmax
import VectorKernels

/// A request that cannot be wrong any more: what to compute, and what to answer in which order.
struct ValidatedRequest: Sendable {
  enum Work: Sendable {
    case softmax(SoftmaxProblem)
    case loss(LossWork)
  }

  struct LossWork: Sendable {
    let problem: LossProblem
    let upstream: [Double]?
    /// What the Hessian is multiplied by.
    let vector: Numbers?
    /// The target class when the derivation is asked for.
    let derivedClass: Int?
  }

  let plan: ResponsePlan
  let work: Work

  /// The same request with its outputs in another order.
  consuming func returning(_ outputs: OutputList) -> ValidatedRequest {
    ValidatedRequest(plan: plan.returning(outputs), work: work)
  }
}

/// What is answered to a request, without its numbers.
struct ResponsePlan: Sendable {
  let geometry: Geometry
  /// Not empty, no name twice, all known to the operation.
  let outputs: OutputList
  /// What every number is rounded to.
  let format: BinaryFormat
  /// Whether there is a loss for each row, not one for all.
  let hasLosses: Bool
  /// How many classes the outputs `top_…` are about.
  var topCount = 1

  func returning(_ outputs: OutputList) -> ResponsePlan {
    ResponsePlan(geometry: geometry, outputs: outputs, format: format, hasLosses: hasLosses, topCount: topCount)
  }

  /// How many numbers an output has.
  func count(of output: Output) -> Int {
    switch output.descriptor.content {
    case .numbers(let extent), .indices(let extent): shape(of: extent).volume
    case .derivation: DerivationStep.count(classes: geometry.classes)
    }
  }

  /// The shape of an output; a derivation, which has none, is of rows of the logits' shape.
  func shape(of output: Output) -> TensorShape {
    switch output.descriptor.content {
    case .numbers(let extent), .indices(let extent): shape(of: extent)
    case .derivation: geometry.shape
    }
  }

  private func shape(of extent: OutputDescriptor.Extent) -> TensorShape {
    switch extent {
    case .logits: geometry.shape
    case .batch: geometry.batchShape
    case .classesSquared: geometry.shape.doubling(axis: geometry.axis)
    case .top: geometry.shape.replacing(axis: geometry.axis, with: topCount)
    case .losses: hasLosses ? geometry.batchShape : []
    }
  }
}

extension ValidatedRequest {
  /// Computes what was asked for and hands each output's numbers to `write`, row-major: the inputs are let go before
  /// anything is written, and the numbers as soon as they are written.
  /// - Throws: ``RequestError/cancelled``, also where `write` throws that.
  consuming func run(
    _ execution: Execution, _ write: (Output, [Double], ResponsePlan) throws(ComputationError) -> Void
  ) throws(RequestError) {
    let (work, plan) = (work, plan)
    _ = consume self
    do throws(ComputationError) {
      var results = try (consume work).results(plan, execution)
      for place in results.indices {
        let numbers = results[place]
        results[place] = []
        try write(plan.outputs[place], numbers, plan)
      }
    } catch {
      throw RequestError(error)
    }
  }

  /// Computes what was asked for, each output's numbers into the buffer at its place among the outputs.
  /// - Throws: ``RequestError/cancelled``.
  func run(_ execution: Execution, into buffers: ShortList<ResultBuffer>) throws(RequestError) {
    do throws(ComputationError) {
      try work.compute(plan, into: buffers, execution)
    } catch {
      throw RequestError(error)
    }
  }
}

extension RequestError {
  init(_ error: ComputationError) { self = error == .cancelled ? .cancelled : .inconsistency }
}

extension ValidatedRequest.Work {
  /// Each output's numbers; the inputs are let go.
  fileprivate consuming func results(
    _ plan: ResponsePlan, _ execution: Execution
  ) throws(ComputationError) -> ShortList<[Double]> {
    let counts = ShortList(count: plan.outputs.count) { plan.count(of: plan.outputs[$0]) }
    return try ResultBuffer.arrays(counts) { buffers throws(ComputationError) in
      try compute(plan, into: buffers, execution)
    }
  }

  /// Computes each output's numbers into the buffer at its place.
  fileprivate func compute(
    _ plan: ResponsePlan, into buffers: ShortList<ResultBuffer>, _ execution: Execution
  ) throws(ComputationError) {
    func buffer(_ output: Output) -> ResultBuffer? { plan.outputs.firstIndex(of: output).map { buffers[$0] } }
    switch self {
    case .softmax(let problem):
      try problem.solve(plan.outputs.softmaxOutputs, into: buffers, execution)
    case .loss(let work):
      let own = LossBuffers(loss: buffer(.loss), perplexity: buffer(.perplexity), gradient: buffer(.gradient))
      if !own.isEmpty { try work.problem.lossAndGradient(upstream: work.upstream, into: own, execution) }
      if let buffer = buffer(.klDivergence) { try work.problem.klDivergence(into: buffer, execution) }
      if let buffer = buffer(.hessianVectorProduct) {
        guard let vector = work.vector else { throw .vectorDoesNotFit }
        try work.problem.hessianVectorProduct(vector, upstream: work.upstream, into: buffer, execution)
      }
      if let buffer = buffer(.derivation) {
        guard let target = work.derivedClass else { throw .targetDoesNotFit }
        try work.problem.softmax.derivation(target: target, into: buffer, execution)
      }
    }
  }
}

/// Requests of which one output goes where the logits are, in the memory of the body that they came in.
extension ValidatedRequest {
  /// Smaller logits cost less than what this saves.
  private static let leastBytes = 64 * 1024

  /// How one output goes where the logits are.
  struct Overwriting {
    /// Its index among the outputs.
    let index: Int
    /// How many of its numbers have memory of their own: the first ones, whole rows.
    let ownCount: Int
  }

  /// The output that may go where the logits are; nil where none may.
  var overwriting: Overwriting? {
    let indices = plan.outputs.indices.filter { plan.outputs[$0].descriptor.hasClassAxis }
    guard indices.count == 1, let index = indices.first else { return nil }
    switch work {
    case .softmax(let problem):
      guard problem.logits.byteCount >= Self.leastBytes, problem.mayBeOverwritten else { return nil }
      return Overwriting(index: index, ownCount: 0)
    case .loss(let work):
      guard plan.outputs.allSatisfy({ $0 == .gradient || $0 == .loss }),
        work.problem.softmax.logits.byteCount >= Self.leastBytes,
        let rows = work.problem.rowsNotOverwritten(besideLoss: plan.outputs.contains(.loss))
      else { return nil }
      return Overwriting(index: index, ownCount: rows * work.problem.softmax.layout.classes)
    }
  }

  /// Computes what was asked for: what ``overwriting`` says where the logits are, the rest into buffers.
  /// - Parameter body: gets a buffer that is where the logits are, and what computes once it has buffers for all
  ///   outputs.
  /// - Returns: the body that the logits were in, and where in it.
  /// - Throws: ``RequestError/cancelled``.
  consuming func run(
    _ execution: Execution,
    overLogits body: (
      ResultBuffer, _ compute: (ShortList<ResultBuffer>) throws(ComputationError) -> Void
    ) throws(ComputationError) -> Void
  ) throws(RequestError) -> (array: [UInt8], places: Range<Int>) {
    let (work, plan) = (work, plan)
    _ = consume self
    let bytes: (array: [UInt8], places: Range<Int>)?
    do throws(ComputationError) {
      bytes = try (consume work).overwrite { work, buffer throws(ComputationError) in
        try body(buffer) { buffers throws(ComputationError) in try work.compute(plan, into: buffers, execution) }
      }
    } catch {
      throw RequestError(error)
    }
    guard let bytes else { throw .inconsistency }
    return bytes
  }
}

extension ValidatedRequest.Work {
  /// Calls `body` with the work and with a buffer that is in its logits' place: ``SoftmaxProblem/overwrite(_:by:)``.
  fileprivate consuming func overwrite(
    by body: (Self, ResultBuffer) throws(ComputationError) -> Void
  ) throws(ComputationError) -> (array: [UInt8], places: Range<Int>)? {
    switch consume self {
    case .softmax(let problem):
      return try SoftmaxProblem.overwrite(consume problem) { problem, buffer throws(ComputationError) in
        try body(.softmax(problem), buffer)
      }
    case .loss(let work):
      let upstream = work.upstream
      let problem = (consume work).problem
      return try LossProblem.overwrite(consume problem) { problem, buffer throws(ComputationError) in
        let work = ValidatedRequest.LossWork(problem: problem, upstream: upstream, vector: nil, derivedClass: nil)
        try body(.loss(work), buffer)
      }
    }
  }
}

extension Sequence<Output> {
  /// What Softmax calls the outputs of /softmax among these.
  var softmaxOutputs: ShortList<SoftmaxOutput> {
    reduce(into: ShortList()) { list, output in output.descriptor.softmax.map { list.append($0) } }
  }
}

/// A request's logits in terms of their axes.
struct Geometry: Sendable {
  /// The logits' shape, rank 1 to 8.
  let shape: TensorShape
  /// The class axis, in `0..<shape.count`.
  let axis: Int
  let layout: Layout

  init(shape: TensorShape, axis: Int) {
    self.shape = shape
    self.axis = axis
    layout = Layout(shape: shape, axis: axis)
  }

  /// The class axis as a request gives it, negative numbers counting from the end; nil where the rank has no such axis.
  init?(shape: TensorShape, givenAxis: Double) {
    guard let axis = Int(exactly: givenAxis), (-shape.count..<shape.count).contains(axis) else { return nil }
    self.init(shape: shape, axis: axis < 0 ? axis + shape.count : axis)
  }

  /// The rows along an axis, or for nil all of the tensor as one row.
  func layout(along axis: Int8?) -> Layout {
    guard let axis else { return Layout(shape: [layout.batch * layout.classes], axis: 0) }
    return Layout(shape: shape, axis: Int(axis))
  }

  /// The shape without the class axis; [] for rank 1.
  var batchShape: TensorShape { shape.removing(axis: axis) }
  var rank: Int { shape.count }
  var classes: Int { layout.classes }

  /// What a target of a shape holds: probabilities at the logits' rank, class indices at one less, nil at any other.
  func targetKind(_ shape: TensorShape) -> TargetKind? {
    switch shape.count {
    case rank: .probabilities
    case rank - 1: .indices
    default: nil
    }
  }

  enum TargetKind { case indices, probabilities }

  /// The class that a number names, or nil.
  func classIndex(_ value: Double) -> Int? { Self.classIndex(value, of: Double(classes)) }

  /// The same among this many classes: the only place that decides it.
  @inline(__always)
  static func classIndex(_ value: Double, of classes: Double) -> Int? {
    guard value >= 0, value < classes else { return nil }
    let index = Int(value)
    return Double(index) == value ? index : nil
  }

  /// The indices of a flat row-major position in a tensor of a shape.
  static func indices(of position: Int, in shape: TensorShape) -> [Int] {
    var rest = position
    var indices = Array(shape)
    for level in shape.indices.reversed() {
      indices[level] = rest % shape[level]
      rest /= shape[level]
    }
    return indices
  }
}
