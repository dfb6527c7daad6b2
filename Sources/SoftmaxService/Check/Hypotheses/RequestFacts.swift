import Softmax

/// What of a request is said in findings, and decides which mistakes can be made in it.
struct RequestFacts: Sendable {
  let features: RequestFeatures
  let classes: Int
  let items: Int
  let axis: Int
  let reduction: Reduction
  /// The class that `ignore_index` names in Python; nil where there is none.
  let ignoredClass: Int?

  init(_ request: CheckRequest) {
    let layout = request.softmax.layout
    (classes, items, axis) = (layout.classes, layout.batch, request.geometry.axis)
    reduction = request.loss?.problem.reduction ?? .mean
    ignoredClass = request.loss?.problem.ignoredClass
    features = RequestFeatures(request)
  }
}

/// What a request has that a mistake can be made with.
struct RequestFeatures: OptionSet {
  let rawValue: UInt32

  static let temperature = RequestFeatures(rawValue: 1)
  static let mean = RequestFeatures(rawValue: 1 << 1)
  /// A sum, or no reduction.
  static let noMean = RequestFeatures(rawValue: 1 << 2)
  static let smoothing = RequestFeatures(rawValue: 1 << 3)
  static let classWeights = RequestFeatures(rawValue: 1 << 4)
  static let sampleWeights = RequestFeatures(rawValue: 1 << 5)
  /// Weights of either kind.
  static let weights = RequestFeatures(rawValue: 1 << 6)
  /// Class indices as the target.
  static let indices = RequestFeatures(rawValue: 1 << 7)
  static let severalClasses = RequestFeatures(rawValue: 1 << 8)
  /// Items that `ignore_index` leaves out.
  static let ignoredItems = RequestFeatures(rawValue: 1 << 9)
  /// A class that `ignore_index` names in Python.
  static let ignoredClass = RequestFeatures(rawValue: 1 << 10)
  /// Items that count for more or less than others.
  static let unequalItems = RequestFeatures(rawValue: 1 << 11)
  /// An axis that is not the class axis, and longer than 1.
  static func otherAxis(_ axis: Int) -> RequestFeatures { RequestFeatures(rawValue: 1 << UInt32(16 + axis)) }
}

extension RequestFeatures {
  fileprivate init(_ request: CheckRequest) {
    self = []
    let shape = request.geometry.shape
    for axis in shape.indices where axis != request.geometry.axis && shape[axis] > 1 { insert(.otherAxis(axis)) }
    insert(.temperature, if: request.softmax.temperature != 1)
    insert(.severalClasses, if: request.softmax.layout.classes > 1)
    guard let problem = request.loss?.problem else { return }
    insert(problem.reduction == .mean ? .mean : .noMean)
    insert(.smoothing, if: problem.labelSmoothing > 0)
    insert([.classWeights, .weights, .unequalItems], if: problem.weight != nil)
    insert([.sampleWeights, .weights, .unequalItems], if: problem.sampleWeight != nil)
    guard case .indices(let indices) = problem.target else { return }
    insert(.indices)
    insert([.ignoredItems, .unequalItems], if: indices.contains(problem.ignoreIndex))
    insert(.ignoredClass, if: problem.ignoredClass != nil)
  }

  private mutating func insert(_ features: RequestFeatures, if isThere: Bool) {
    if isThere { formUnion(features) }
  }
}
