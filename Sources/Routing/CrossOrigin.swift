internal import HTTPServer
package import HTTPWire

/// The web origins whose pages may read a route's responses (CORS, in the Fetch standard).
///
/// Pages of other origins receive the same responses, but their browsers do not hand them over. Cookies and
/// HTTP authentication are never allowed, so a page can only send what it was given.
package struct CrossOriginPolicy {
  private let origins: Set<String>
  private let isApplied: (RequestHead) -> Bool

  /// How long browsers may keep the answer to a preflight request. Chromium keeps none for longer.
  private static let maxAgeSeconds = 7200

  /// - Parameters:
  ///   - origins: as browsers send them.
  ///   - isApplied: whether the policy applies to a request of such an origin.
  package init(origins: Set<String>, isApplied: @escaping (RequestHead) -> Bool = { _ in true }) {
    self.origins = origins
    self.isApplied = isApplied
  }

  private func origin(of head: RequestHead) -> String? {
    guard case .one(let origin) = head.fields.single("origin"), origins.contains(origin) else { return nil }
    return origin
  }

  /// What is added to a response of any status.
  fileprivate func fields(for head: RequestHead) -> [(name: String, value: String)] {
    guard let origin = origin(of: head), isApplied(head) else { return [("Vary", "Origin")] }
    return [
      ("Access-Control-Allow-Origin", origin),
      ("Access-Control-Expose-Headers", "Accept-Ranges, Content-Range, ETag, Retry-After"),
      ("Vary", "Origin"),
    ]
  }

  /// Lets pages of the origins read the routes that `isReadable` selects.
  ///
  /// - Returns: all routes in their order, then the responses to preflight requests.
  package func apply(to routes: [Route], where isReadable: (Route) -> Bool) -> [Route] {
    var paths: [PathPattern] = []
    for route in routes where isReadable(route) && !paths.contains(where: { $0.isSamePath(as: route.path) }) {
      paths.append(route.path)
    }
    return routes.map { isReadable($0) ? $0.adding(fields: fields) : $0 } + paths.map(preflight)
  }

  private func preflight(of path: PathPattern) -> Route {
    Route(
      .options, path, name: "preflight", summary: "Permits pages of BROWSER_ORIGINS to send the request.",
      access: .open
    ) { request throws(Problem) in
      guard let origin = origin(of: request.head) else {
        throw Problem(
          .forbidden, .originNotAllowed, "pages of this origin may read nothing here: see BROWSER_ORIGINS",
          fields: [("Vary", "Origin")])
      }
      return Response(
        status: .noContent,
        fields: [
          ("Access-Control-Allow-Origin", origin), ("Access-Control-Allow-Methods", "GET, HEAD"),
          ("Access-Control-Allow-Headers", "Authorization, If-None-Match, If-Range, Last-Event-ID, Range"),
          ("Access-Control-Max-Age", String(Self.maxAgeSeconds)), ("Vary", "Origin"),
        ])
    }
  }
}

extension Route {
  /// The route with further fields in each response, refusals included.
  fileprivate func adding(fields: @escaping (RequestHead) -> [(name: String, value: String)]) -> Route {
    Route(
      method, path, name: name, summary: summary, access: access, maxBodyBytes: maxBodyBytes,
      responses: responses
    ) { [self] head, match, refusals throws(Problem) in
      let added = fields(head)
      let admission: Admission
      do throws(Problem) {
        admission = try admit(head, at: match, refusals)
      } catch {
        throw error.adding(added)
      }
      switch admission {
      case .receive(let maxBodyBytes, let observer, let respond):
        return .receive(maxBodyBytes: maxBodyBytes, observer: observer) { await respond($0).adding(added) }
      case .stream(let maxBodyBytes, let observer, let refusalFields, let respond):
        let respondAdding: StreamResponder = { request throws(StreamFailure) in
          switch try await respond(request) {
          case .whole(let response): return .whole(response.adding(added))
          case .stream(var head, let produce):
            head.fields += added
            return .stream(head, produce: produce)
          }
        }
        return .stream(
          maxBodyBytes: maxBodyBytes, observer: observer, refusalFields: refusalFields + added,
          respond: respondAdding)
      case .refuse(let response): return .refuse(response.adding(added))
      }
    }
  }
}

extension Problem {
  fileprivate func adding(_ added: [(name: String, value: String)]) -> Problem {
    Problem(status, code, detail, reason: reason, fields: fields + added)
  }
}

extension Response {
  fileprivate func adding(_ added: [(name: String, value: String)]) -> Response {
    Response(status: status, fields: fields + added, body: body)
  }
}
