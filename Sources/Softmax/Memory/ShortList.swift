/// A list that mostly has one element.
///
/// The first one is held in place: a block of memory for it would cost a small request as much as a tenth of its
/// mathematics.
@frozen public struct ShortList<Element> {
  @usableFromInline internal var first: Element?
  @usableFromInline internal var others: [Element] = []

  /// No elements yet.
  @inlinable public init() {}

  /// Elements made from their positions.
  @inlinable public init(count: Int, _ element: (_ position: Int) -> Element) {
    for position in 0..<count { append(element(position)) }
  }

  @inlinable public mutating func append(_ element: Element) {
    if first == nil { first = element } else { others.append(element) }
  }
}

extension ShortList: Sendable where Element: Sendable {}

extension ShortList: RandomAccessCollection, MutableCollection {
  @inlinable public var startIndex: Int { 0 }
  @inlinable public var endIndex: Int { first == nil ? 0 : 1 + others.count }
  @inlinable public subscript(position: Int) -> Element {
    get {
      guard position == 0 else { return others[position - 1] }
      guard let first else { preconditionFailure("the list is empty") }
      return first
    }
    set {
      precondition(first != nil)
      if position == 0 { first = newValue } else { others[position - 1] = newValue }
    }
  }

  /// Takes an element out.
  @inlinable public mutating func remove(at position: Int) -> Element {
    let element = self[position]
    if position > 0 {
      others.remove(at: position - 1)
    } else {
      first = others.isEmpty ? nil : others.removeFirst()
    }
    return element
  }
}

extension ShortList: ExpressibleByArrayLiteral {
  @inlinable public init(arrayLiteral elements: Element...) {
    self.init(count: elements.count) { elements[$0] }
  }
}
