package import HTTPServer
package import HTTPWire

/// One method of one path: who may use it, how it responds, and how it is described.
///
/// A room declares each of its routes once. A class, because every request passes one through many functions.
package final class Route {
  package let method: Method
  package let path: PathPattern
  /// Names the route in logs and metrics, without the parameters of its path.
  package let name: String
  /// One line for the API's description.
  package let summary: String
  package let access: AccessKind
  package let maxBodyBytes: Int
  private let admission: (RequestHead, PathParameters) throws(Problem) -> Handler

  /// Responds to a request that the route has admitted.
  package typealias Handler = (Request) async throws(Problem) -> Response

  /// - Parameters:
  ///   - path: its segments, with parameters in braces: `/jobs/{id}`.
  ///   - maxBodyBytes: the listener's own limit applies as well.
  ///   - admit: what the header section decides after access, before the body is read.
  ///   - respond: receives what `admit` has returned.
  package init<Admitted>(
    _ method: Method, _ path: PathPattern, name: String, summary: String, access: Access<Void>,
    maxBodyBytes: Int, admit: @escaping (RequestHead) throws(Problem) -> Admitted,
    respond: @escaping (RoutedRequest<Admitted>) async throws(Problem) -> Response
  ) {
    self.method = method
    self.path = path
    self.name = name
    self.summary = summary
    self.access = access.kind
    self.maxBodyBytes = maxBodyBytes
    admission = { head, parameters throws(Problem) in
      try access.check(head)
      return Self.handler(parameters, try admit(head), respond)
    }
  }

  /// A route for which the header section decides nothing but access.
  ///
  /// - Parameters:
  ///   - maxBodyBytes: the listener's own limit applies as well.
  ///   - respond: receives the credentials.
  package init<Credentials>(
    _ method: Method, _ path: PathPattern, name: String, summary: String, access: Access<Credentials>,
    maxBodyBytes: Int = 0, respond: @escaping (RoutedRequest<Credentials>) async throws(Problem) -> Response
  ) {
    self.method = method
    self.path = path
    self.name = name
    self.summary = summary
    self.access = access.kind
    self.maxBodyBytes = maxBodyBytes
    admission = { head, parameters throws(Problem) in
      Self.handler(parameters, try access.check(head), respond)
    }
  }

  private static func handler<Admitted>(
    _ parameters: PathParameters, _ admitted: Admitted,
    _ respond: @escaping (RoutedRequest<Admitted>) async throws(Problem) -> Response
  ) -> Handler {
    { request throws(Problem) in
      try await respond(RoutedRequest(request: request, path: parameters, admitted: admitted))
    }
  }

  /// Decides by the header section. The handler keeps what was parsed for that.
  ///
  /// - Parameter segments: those that ``path`` has matched.
  func admit(_ head: RequestHead, at segments: [String]) throws(Problem) -> Handler {
    try admission(head, PathParameters(segments: segments, pattern: path))
  }
}

/// A request with what its route has found in the header section.
package struct RoutedRequest<Admitted> {
  private let request: Request
  package let path: PathParameters
  /// The credentials, or what else the route has parsed before the body.
  package let admitted: Admitted

  init(request: Request, path: PathParameters, admitted: Admitted) {
    self.request = request
    self.path = path
    self.admitted = admitted
  }

  package var head: RequestHead { request.head }
  package var body: [UInt8] { request.body }
}
