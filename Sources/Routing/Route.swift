package import HTTPServer
package import HTTPWire

/// One method of one path: its access, its handler, its description.
///
/// Each room declares its own routes. A class, because every request passes one through many functions.
package final class Route {
  package let method: Method
  package let path: PathPattern
  /// Names the route in logs and metrics, without the parameters of its path.
  package let name: String
  /// One line for the API's description.
  package let summary: String
  package let access: AccessKind
  package let maxBodyBytes: Int
  /// The counts of its responses: its own first, then those of a route that it is diverted to.
  package let responses: [RouteResponses]
  /// The requests that a variant of another room's route serves. Nil for a route of its own.
  private let variantCondition: ((RequestHead) -> Bool)?
  private let admission: Admit

  /// Decides by the header section of a request. The responder keeps what was parsed for that.
  typealias Admit = (RequestHead, RouteTable.Match, any RefusalHandler) throws(Problem) -> Admission

  init(
    _ method: Method, _ path: PathPattern, name: String, summary: String, access: AccessKind,
    maxBodyBytes: Int, responses: [RouteResponses], variantCondition: ((RequestHead) -> Bool)? = nil,
    admission: @escaping Admit
  ) {
    self.method = method
    self.path = path
    self.name = name
    self.summary = summary
    self.access = access
    self.maxBodyBytes = maxBodyBytes
    self.responses = responses
    self.variantCondition = variantCondition
    self.admission = admission
  }

  /// - Parameter refusals: makes the response if the route fails after the admission.
  func admit(
    _ head: RequestHead, at match: RouteTable.Match, _ refusals: any RefusalHandler
  ) throws(Problem) -> Admission {
    try admission(head, match, refusals)
  }
}

extension Route {
  /// This route, with `other` in its place for the requests that meet `condition`.
  ///
  /// So a read that waits is a stream, and counts as one. The same read without a wait costs what it did.
  package func diverting(
    to other: Route, where condition: @escaping (RequestHead) -> Bool
  ) -> Route {
    Route(
      method, path, name: name, summary: summary, access: access, maxBodyBytes: maxBodyBytes,
      responses: responses + other.responses
    ) { [admission] head, match, refusals throws(Problem) in
      condition(head)
        ? try other.admission(head, match, refusals) : try admission(head, match, refusals)
    }
  }

  /// This route as a variant: of another route with its method and path, it serves these requests.
  ///
  /// So a capability adds a choice to a route of another, and goes with its own room. Alone it serves all
  /// requests, and refuses those that are not its own.
  package func variant(where condition: @escaping (RequestHead) -> Bool) -> Route {
    Route(
      method, path, name: name, summary: summary, access: access, maxBodyBytes: maxBodyBytes,
      responses: responses, variantCondition: condition, admission: admission)
  }

  /// The route for the requests of both. Nil unless one is a variant.
  func combined(with other: Route) -> Route? {
    if let condition = other.variantCondition { return diverting(to: other, where: condition) }
    return variantCondition.map { other.diverting(to: self, where: $0) }
  }
}

// MARK: - Declaring

extension Route {
  /// A route that responds at once.
  ///
  /// Not generic, because unspecialized code would cost each read hundreds of instructions.
  ///
  /// - Parameter path: its segments, with parameters in braces: `/jobs/{id}`.
  package convenience init(
    _ method: Method, _ path: PathPattern, name: String, summary: String, access: Access<Void>,
    respond: @escaping (RoutedRequest<Void>) throws(Problem) -> Response
  ) {
    let responses = RouteResponses()
    self.init(
      method, path, name: name, summary: summary, access: access.kind, maxBodyBytes: 0, responses: [responses]
    ) { head, match, refusals throws(Problem) in
      try access.check(head, match.parameters(of: path))
      return .receive(maxBodyBytes: 0, observer: responses) { request in
        do throws(Problem) {
          return try respond(RoutedRequest(request, match.parameters(of: path), ()))
        } catch {
          return refusals.refuse(error, of: request.head, at: match, from: request.peer)
        }
      }
    }
  }

  /// What responds to a request that may use its route.
  package typealias Responder = (RoutedRequest<Void>) async throws(Problem) -> Response

  /// A route that waits for something, and whose check decides what responds.
  ///
  /// Not generic, like the first one.
  package convenience init(
    _ method: Method, _ path: PathPattern, name: String, summary: String, access: AccessKind,
    admitting check: @escaping (RequestHead, PathParameters) throws(Problem) -> Responder
  ) {
    let responses = RouteResponses()
    self.init(
      method, path, name: name, summary: summary, access: access, maxBodyBytes: 0, responses: [responses]
    ) { head, match, refusals throws(Problem) in
      let path = match.parameters(of: path)
      let respond = try check(head, path)
      return .receive(maxBodyBytes: 0, observer: responses) { request in
        do throws(Problem) {
          return try await respond(RoutedRequest(request, path, ()))
        } catch {
          return refusals.refuse(error, of: request.head, at: match, from: request.peer)
        }
      }
    }
  }

  /// A route that waits for something, such as a commit.
  ///
  /// - Parameters:
  ///   - maxBodyBytes: the listener's own limit applies as well.
  ///   - respond: receives the credentials.
  package convenience init<Credentials>(
    _ method: Method, _ path: PathPattern, name: String, summary: String, access: Access<Credentials>,
    maxBodyBytes: Int = 0, respond: @escaping (RoutedRequest<Credentials>) async throws(Problem) -> Response
  ) {
    let responses = RouteResponses()
    self.init(
      method, path, name: name, summary: summary, access: access.kind, maxBodyBytes: maxBodyBytes,
      responses: [responses]
    ) { head, match, refusals throws(Problem) in
      let credentials = try access.check(head, match.parameters(of: path))
      return .receive(maxBodyBytes: maxBodyBytes, observer: responses) { request in
        do throws(Problem) {
          return try await respond(RoutedRequest(request, match.parameters(of: path), credentials))
        } catch {
          return refusals.refuse(error, of: request.head, at: match, from: request.peer)
        }
      }
    }
  }

  /// A route for which the header section decides more than access.
  ///
  /// - Parameters:
  ///   - maxBodyBytes: the listener's own limit applies as well.
  ///   - admit: called after the check of access, before the body is read.
  ///   - respond: receives what `admit` has returned.
  package convenience init<Admitted>(
    _ method: Method, _ path: PathPattern, name: String, summary: String, access: Access<Void>,
    maxBodyBytes: Int, admit: @escaping (RequestHead) throws(Problem) -> Admitted,
    respond: @escaping (RoutedRequest<Admitted>) async throws(Problem) -> Response
  ) {
    self.init(
      method, path, name: name, summary: summary, access: access.parsing(admit), maxBodyBytes: maxBodyBytes,
      respond: respond)
  }
}

// MARK: - Declaring a stream

extension Route {
  /// A route whose request body, response or both are streamed.
  ///
  /// - Parameters:
  ///   - access: its check may also parse what the header section decides, and return that.
  ///   - maxBodyBytes: the only limit, because a streamed body is never held as a whole.
  ///   - stream: receives the credentials.
  package convenience init<Credentials>(
    _ method: Method, _ path: PathPattern, name: String, summary: String, access: Access<Credentials>,
    maxBodyBytes: Int = 0,
    stream: @escaping (RoutedStream<Credentials>) async throws(StreamFailure) -> StreamedResponse
  ) {
    let responses = RouteResponses()
    self.init(
      method, path, name: name, summary: summary, access: access.kind, maxBodyBytes: maxBodyBytes,
      responses: [responses]
    ) { head, match, refusals throws(Problem) in
      let credentials = try access.check(head, match.parameters(of: path))
      return .stream(maxBodyBytes: maxBodyBytes, observer: responses) { request throws(StreamFailure) in
        try await stream(
          RoutedStream(request: request, path: match.parameters(of: path), admitted: credentials) { problem in
            refusals.refuse(problem, of: request.head, at: match, from: request.peer)
          })
      }
    }
  }
}

/// A streamed request with what its route has found in the header section.
package struct RoutedStream<Admitted> {
  /// The body, and the waits of the stream.
  package let request: StreamedRequest
  package let path: PathParameters
  /// The credentials, or what else the route has parsed before the body.
  package let admitted: Admitted
  fileprivate let refusal: (Problem) -> Response

  /// Counts and logs a refusal, and returns it as the response.
  package func refuse(_ problem: Problem) -> StreamedResponse {
    .whole(refusal(problem))
  }
}

/// A request with what its route has found in the header section.
package struct RoutedRequest<Admitted> {
  private let request: Request
  package let path: PathParameters
  /// The credentials, or what else the route has parsed before the body.
  package let admitted: Admitted

  init(_ request: Request, _ path: PathParameters, _ admitted: Admitted) {
    self.request = request
    self.path = path
    self.admitted = admitted
  }

  package var head: RequestHead { request.head }
  package var peer: Peer { request.peer }
  package var body: [UInt8] { request.body }
}

/// Makes the responses to refused requests.
package protocol RefusalHandler: AnyObject {
  /// - Parameter match: nil if no route has the request's path.
  func refuse(
    _ problem: Problem, of head: RequestHead, at match: RouteTable.Match?, from peer: Peer
  ) -> Response
}
