// What the catalogue's descriptors are made of: constants alone, and no array. Each request looks at descriptors, on
// every event loop, and a reference count that two loops share costs more than the look.

/// Some of the operations.
struct OperationSet: Sendable, ExpressibleByArrayLiteral {
  private var bits: UInt8 = 0

  init(arrayLiteral operations: Operation...) { self.init(operations) }

  init(_ operations: [Operation]) {
    for operation in operations { bits |= 1 << operation.rawValue }
  }

  static let all = OperationSet(Operation.allCases)

  func contains(_ operation: Operation) -> Bool { bits & 1 << operation.rawValue != 0 }

  /// In the catalogue's order.
  var operations: [Operation] { Operation.allCases.filter(contains) }
}

/// Names in one constant, with a space between them.
struct NameList: Sendable, ExpressibleByStringLiteral {
  private let text: StaticString

  init(stringLiteral text: StaticString) { self.text = text }

  var names: [String] { text.description.split(separator: " ").map(String.init) }
}

/// Outputs in the order asked for, none twice.
struct OutputList: Sendable, RandomAccessCollection {
  /// How many there is room for: a test holds the catalogue to it.
  static let room = 32

  private var outputs: InlineArray<32, Output>
  private(set) var count: Int

  /// - Precondition: no more than there is room for, none twice.
  init(_ outputs: [Output] = []) {
    self.outputs = InlineArray { $0 < outputs.count ? outputs[$0] : .probabilities }
    count = outputs.count
  }

  var startIndex: Int { 0 }
  var endIndex: Int { count }
  subscript(index: Int) -> Output { outputs[index] }

  func contains(_ output: Output) -> Bool { indices.contains { outputs[$0] == output } }

  mutating func append(_ output: Output) {
    guard count < Self.room, !contains(output) else { return }
    outputs[count] = output
    count += 1
  }
}
