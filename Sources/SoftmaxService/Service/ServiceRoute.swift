import HTTP

/// What stands at the service's own routes, in the order of its table.
enum ServiceRoute {
  case operation(Operation)
  case page(Page)
  case openInference(OpenInferenceEndpoint)

  /// What a route of ``table`` leads to; nil for ``Route/unmatched`` and for routes that others have added.
  init?(_ route: Route) {
    var place = route.id - 1
    if let operation = Operation(rawValue: place) {
      self = .operation(operation)
      return
    }
    place -= Operation.allCases.count
    if let page = Page(rawValue: place) {
      self = .page(page)
      return
    }
    place -= Page.allCases.count
    guard OpenInferenceEndpoint.routes.indices.contains(place) else { return nil }
    self = .openInference(OpenInferenceEndpoint.routes[place].endpoint)
  }

  static let table = RouteTable(
    Operation.allCases.map(\.route) + Page.allCases.map(\.route) + OpenInferenceEndpoint.routes.map(\.declaration))
}

/// What is only read.
enum Page: Int, CaseIterable {
  case root
  /// Where people look for documentation: the same as the root.
  case docs
  /// Of the page for browsers.
  case style
  case script
  case document
  case documentAsJSON
  case problems
  case problemType
  /// `OPTIONS *`: the server as a whole (RFC 9110 §9.3.7). No other method comes here (RFC 9112 §3.2.4); those of its
  /// route are what Allow lists.
  case server

  var route: RouteDeclaration {
    switch self {
    case .root: RouteDeclaration("/", .reading)
    case .docs: RouteDeclaration("/docs", .reading)
    case .style: RouteDeclaration("/page.css", .reading)
    case .script: RouteDeclaration("/page.js", .reading)
    case .document: RouteDeclaration("/openapi.yaml", .reading)
    case .documentAsJSON: RouteDeclaration("/openapi.json", .reading)
    case .problems: RouteDeclaration("/problems", .reading)
    case .problemType: RouteDeclaration("/problems/{name}", .reading)
    case .server: RouteDeclaration("*", [.get, .head, .post, .options])
    }
  }
}
