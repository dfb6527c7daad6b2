import Testing

@testable import HTTP

struct RouteTableTests {
  static let base = RouteTable([
    RouteDeclaration("/a", .reading), RouteDeclaration("/items/{name}", .reading),
    RouteDeclaration("/items/{name}/parts/{part}", [.post]),
  ])
  static let table = RouteTable(extending: base, [RouteDeclaration("/items/all", [.post])])

  @Test(
    "A path is matched whole, and each name in braces stands for one segment that is not empty",
    arguments: [
      ("/a", 1), ("/items/x", 2), ("/items/{name}", 2), ("/items/%2F", 2), ("/items/x/parts/y", 3), ("/items/all", 4),
      ("/", 0), ("/A", 0), ("/a/", 0), ("/aa", 0), ("/items", 0), ("/items/", 0), ("/items/x/", 0),
      ("/items/x/parts/", 0),
      ("/items//parts/y", 0), ("/items/x/parts/y/z", 0), ("*", 0), ("", 0), ("/itemsx/y", 0),
    ])
  func pathsAreMatched(_ path: String, _ id: Int) {
    #expect(Self.table.route(of: path).id == id)
  }

  @Test("A table that extends another keeps its ids, and each route stands at its own")
  func idsAreKept() {
    #expect(Self.table.routes.map(\.id) == Array(0...4) && Self.table.routes[0].id == Route.unmatched.id)
    for route in Self.base.routes { #expect(Self.table.routes[route.id].label.description == route.label.description) }
    #expect(Self.table.route(of: "/items/all").methods.contains(.post))
  }
}
