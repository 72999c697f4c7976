package import HTTPServer
package import HTTPWire

/// The routes of one listener, found by path and method.
///
/// A trailing slash makes no difference, and neither do doubled ones. Replicate follows no redirect, and a
/// webhook that does not arrive goes unnoticed.
package struct RouteTable {
  private let resources: [Resource]
  /// The server as a whole, for `OPTIONS *` (RFC 9110 section 9.3.7).
  private let server: Resource
  /// The responses to requests that no route has.
  package let unmatched = RouteResponses()

  /// All routes, in the order in which they are tried.
  package var routes: [Route] { resources.flatMap(\.routes) }

  /// Throws if two routes have the same method and path.
  package init(_ routes: [Route]) throws(DuplicateRoute) {
    var resources: [Resource] = []
    for route in routes {
      guard let index = resources.firstIndex(where: { $0.path.isSamePath(as: route.path) }) else {
        resources.append(Resource(routes: [route]))
        continue
      }
      var known = resources[index].routes
      guard let same = known.firstIndex(where: { $0.method == route.method }) else {
        resources[index] = Resource(routes: known + [route])
        continue
      }
      guard let both = known[same].combined(with: route) else {
        throw DuplicateRoute(method: route.method, path: route.path)
      }
      known[same] = both
      resources[index] = Resource(routes: known)
    }
    // A literal segment precedes a parameter.
    self.resources = resources.sorted { $0.path.parameterCount < $1.path.parameterCount }
    server = Resource(routes: [Self.options(for: resources)])
  }

  private static func options(for resources: [Resource]) -> Route {
    let served = Set(resources.flatMap(\.methods))
    let usual = [Method.get, .head, .post]
    let others = served.subtracting(usual).sorted { $0.name < $1.name }
    let allow = Self.text(of: usual.filter(served.contains) + others + [.options])
    return Route(
      .options, "*", name: "*", summary: "Names the methods that this server responds to.", access: .open
    ) { _ in Response(status: .noContent, fields: [("Allow", allow)]) }
  }

  fileprivate static func text(of methods: [Method]) -> String {
    methods.map(\.name).joined(separator: ", ")
  }
}

/// A route that was declared twice.
package struct DuplicateRoute: Error, Sendable, CustomStringConvertible {
  let method: Method
  let path: PathPattern

  package var description: String { "two handlers are declared for \(method.name) \(path)" }
}

// MARK: - Matching

extension RouteTable {
  /// A path that was found, with its segments as its routes expect them.
  package struct Match {
    fileprivate let resource: Resource
    fileprivate let segments: [String]

    /// Names the path in logs and metrics, without its parameters.
    package var name: String { resource.routes[0].name }

    /// Whether deliveries are sent to the path.
    package var receivesDeliveries: Bool {
      resource.routes.contains { $0.access == .deliverySignature }
    }

    func parameters(of path: PathPattern) -> PathParameters {
      PathParameters(segments: segments, pattern: path)
    }
  }

  /// Finds the routes of a path.
  ///
  /// - Parameter segments: the decoded segments of a request's path; none for `*`.
  package func match(_ segments: [String]) -> Match? {
    guard let last = segments.last else { return Match(resource: server, segments: segments) }
    let count = last.isEmpty ? segments.count - 1 : segments.count
    for resource in resources where resource.path.matches(segments, count: count) {
      return Match(resource: resource, segments: segments)
    }
    return matchWithoutDoubledSlashes(segments)
  }

  /// Finds the routes of a path without its empty segments.
  ///
  /// An empty segment inside a path with parameters may be a missing value, so there it matches nothing.
  private func matchWithoutDoubledSlashes(_ segments: [String]) -> Match? {
    guard segments.contains("") else { return nil }
    let inner = segments.drop(while: \.isEmpty).reversed().drop(while: \.isEmpty)
    let collapsed = segments.filter { !$0.isEmpty }
    let isDoubledInside = inner.count > collapsed.count
    for resource in resources where resource.path.matches(collapsed, count: collapsed.count) {
      guard !isDoubledInside || resource.path.parameterCount == 0 else { continue }
      return Match(resource: resource, segments: collapsed)
    }
    return nil
  }

  /// Decides by the header section of a request.
  ///
  /// The checks in their order: the method, the path, the method at this path, access, the route's own.
  package func admit(_ head: RequestHead, from peer: Peer, refusals: any RefusalHandler) -> Admission {
    let match = match(head.target.segments)
    var responses = unmatched
    do throws(Problem) {
      guard let match, let route = match.resource.route(for: head.method) else {
        throw Self.problem(of: head.method, at: match)
      }
      responses = route.responses[0]
      return try route.admit(head, at: match, refusals)
    } catch {
      responses.noteResponse(error.status.code)
      return .refuse(refusals.refuse(error, of: head, at: match, from: peer))
    }
  }

  private static func problem(of method: Method, at match: Match?) -> Problem {
    guard method.isStandard else { return .methodNotImplemented }
    guard let match else { return .notFound }
    return .methodNotAllowed(allow: text(of: match.resource.methods))
  }
}

/// The routes of one path, by method.
private final class Resource {
  let path: PathPattern
  let routes: [Route]

  init(routes: [Route]) {
    path = routes[0].path
    self.routes = routes
  }

  /// HEAD comes along with GET (RFC 9110 section 9.3.2).
  var methods: [Method] { routes.flatMap { $0.method == .get ? [.get, .head] : [$0.method] } }

  func route(for method: Method) -> Route? {
    let wanted = method == .head ? .get : method
    for route in routes where route.method == wanted { return route }
    return nil
  }
}
