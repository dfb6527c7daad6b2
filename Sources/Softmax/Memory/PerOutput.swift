/// One element for each output that is asked for, in their order.
///
/// Held in place: a request asks for few outputs, and blocks of memory for lists of them would cost a small request
/// more than its mathematics.
@frozen public struct PerOutput<Element> {
  /// The most outputs that one computation has.
  @inlinable public static var room: Int { 9 }

  @usableFromInline internal var places: InlineArray<9, Element?>
  @usableFromInline internal var filled: Int
  @inlinable public var count: Int { filled }

  /// No elements yet.
  @inlinable public init() {
    places = InlineArray(repeating: nil)
    filled = 0
  }

  /// Elements made from their positions.
  /// - Precondition: no more than there is room for.
  @inlinable public init(count: Int, _ element: (_ position: Int) -> Element) {
    places = InlineArray { position in position < count ? element(position) : nil }
    filled = count
  }

  /// - Precondition: there is room.
  @inlinable public mutating func append(_ element: Element) {
    places[filled] = element
    filled += 1
  }
}

extension PerOutput: Sendable where Element: Sendable {}

extension PerOutput: RandomAccessCollection, MutableCollection {
  @inlinable public var startIndex: Int { 0 }
  @inlinable public var endIndex: Int { count }
  @inlinable public subscript(position: Int) -> Element {
    get {
      guard let element = places[position] else { preconditionFailure("there are \(count) outputs") }
      return element
    }
    set {
      precondition(position < count)
      places[position] = newValue
    }
  }
}

extension PerOutput: ExpressibleByArrayLiteral {
  /// - Precondition: no more than there is room for.
  @inlinable public init(arrayLiteral elements: Element...) {
    self.init(count: elements.count) { elements[$0] }
  }
}
