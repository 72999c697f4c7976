import ClientAddress
@testable import HTTPServer
@testable import HTTPWire
@testable import Routing
import Testing

/// The mechanism of routing: paths, methods, access, and what a handler receives.
@Suite struct RouteTableTests {
  private static func route(
    _ method: Method, _ path: PathPattern, name: String = "r", access: Access<Void> = .open
  ) -> Route {
    Route(method, path, name: name, summary: "A route.", access: access, maxBodyBytes: 7) { request in
      await Task.yield()
      return Response(status: .ok, fields: [("Matched", "\(method.name) \(path)")], body: request.body)
    }
  }

  private static func stream(_ method: Method, _ path: PathPattern, access: Access<Void> = .open) -> Route {
    Route(method, path, name: "s", summary: "A stream.", access: access, maxBodyBytes: 7) { request in
      .whole(Response(status: .ok))
    }
  }

  private static var closed: Access<Void> {
    Access(.apiToken) { _ throws(Problem) in throw Problem(.unauthorized, .unauthorized, "closed") }
  }

  private static func table() throws -> RouteTable {
    try RouteTable([
      route(.get, "/things"), route(.post, "/things", access: closed), route(.get, "/things/{id}"),
      route(.post, "/things/{id}/end"), route(.get, "/things/all"), route(.post, "/deep/fixed"),
      route(.get, "/closed", access: closed), stream(.get, "/streams/{id}"),
      stream(.post, "/streams/{id}", access: closed),
    ])
  }

  private static func head(_ line: String) throws -> RequestHead {
    var parser = RequestHeadParser(limits: MessageLimits())
    let bytes = Array("\(line) HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
    let head = try parser.parse(bytes.span)
    return try #require(head)
  }

  /// The status of the response to a request without a body, its Allow or its route, and its body limit.
  private static func outcome(
    of line: String, in table: RouteTable
  ) async throws -> (status: Int, text: String?, maxBodyBytes: Int?) {
    let head = try head(line)
    let peer = Peer(named: .unixSocket)
    switch table.admit(head, from: peer, refusals: PlainRefusals()) {
    case .refuse(let response):
      return (response.status.code, response.fields.first { $0.name == "Allow" }?.value, nil)
    case .receive(let maxBodyBytes, _, let respond):
      let response = await respond(Request(head: head, body: [], peer: peer))
      let field = response.fields.first { ["Matched", "Allow"].contains($0.name) }
      return (response.status.code, field?.value, maxBodyBytes)
    case .stream(let maxBodyBytes, _, _, _): return (200, "a stream", maxBodyBytes)
    }
  }

  private final class PlainRefusals: RefusalHandler {
    func refuse(
      _ problem: Problem, of head: RequestHead, at match: RouteTable.Match?, from peer: Peer
    ) -> Response { problem.response }
  }

  @Test(
    arguments: [
      ("GET /things", 200, "GET /things"), ("GET /things/", 200, "GET /things"),
      ("HEAD /things", 200, "GET /things"), ("PUT /things", 405, "GET, HEAD, POST"),
      ("OPTIONS /things", 405, "GET, HEAD, POST"), ("GET /things/a%20b", 200, "GET /things/{id}"),
      ("HEAD /things/a/", 200, "GET /things/{id}"), ("POST /things/a", 405, "GET, HEAD"),
      ("POST /things/a/end", 200, "POST /things/{id}/end"), ("GET /things/a/end", 405, "POST"),
      ("HEAD /deep/fixed", 405, "POST"), ("GET /nothing", 404, nil), ("PUT /nothing", 404, nil),
      ("GET /", 404, nil), ("GET //", 404, nil), ("GET /Things", 404, nil), ("GET /things/a/b", 404, nil),
      ("GET /things/a/end/b", 404, nil),
      // A method that HTTP does not have, wherever it is sent.
      ("BREW /things", 501, nil), ("BREW /nothing", 501, nil), ("get /things", 501, nil),
      // The method precedes access, as it precedes everything that depends on the route.
      ("POST /things", 401, nil), ("PUT /closed", 405, "GET, HEAD"), ("HEAD /closed", 401, nil),
      // A stream is declared and checked like any other route.
      ("GET /streams/a", 200, "a stream"), ("HEAD /streams/a", 200, "a stream"),
      ("POST /streams/a", 401, nil),
      ("PUT /streams/a", 405, "GET, HEAD, POST"),
      ("OPTIONS *", 204, "GET, HEAD, POST, OPTIONS"),
      // A literal segment precedes a parameter, in whatever order they were declared.
      ("GET /things/all", 200, "GET /things/all"), ("GET /things/allx", 200, "GET /things/{id}"),
      // Doubled slashes.
      ("POST //deep///fixed//", 200, "POST /deep/fixed"), ("GET //deep/fixed", 405, "POST"),
      ("POST /deep//fixed/x", 404, nil), ("GET //things", 200, "GET /things"),
      ("GET /things//", 200, "GET /things"), ("GET //things/a//", 200, "GET /things/{id}"),
      ("GET /things//all", 200, "GET /things/all"),
      // An empty segment may be a missing id: `end` is none.
      ("POST /things//end", 404, nil), ("GET /things//a", 404, nil), ("POST /things/a//end", 404, nil),
      ("POST //things//end", 404, nil),
    ] as [(String, Int, String?)])
  func `a request reaches the route of its path and method`(
    _ line: String, _ status: Int, _ text: String?
  ) async throws {
    let outcome = try await Self.outcome(of: line, in: try Self.table())
    #expect(outcome.status == status && outcome.text == text, "\(outcome)")
    if status == 200 { #expect(outcome.maxBodyBytes == 7) }
    if status == 204 { #expect(outcome.maxBodyBytes == 0) }
  }

  @Test(
    arguments: [
      ([(.get, "/a"), (.get, "/a")], "GET /a"), ([(.get, "/a"), (.get, "/a/")], "GET /a/"),
      ([(.post, "/a/{x}/b"), (.get, "/a"), (.post, "/a/{y}/b")], "POST /a/{y}/b"),
    ] as [([(Method, PathPattern)], String)])
  func `a route declared twice is refused`(_ routes: [(Method, PathPattern)], _ named: String) {
    let result = Result { () throws(DuplicateRoute) in
      try RouteTable(routes.map { Self.route($0.0, $0.1) })
    }
    guard case .failure(let error) = result else {
      Issue.record("not refused")
      return
    }
    #expect("\(error)".hasSuffix(named), "\(error)")
  }

  @Test func `one path may have several methods, and their parameters several names`() async throws {
    let table = try RouteTable([
      Self.route(.get, "/a/{x}"), Self.route(.post, "/a/{y}"), Self.route(.get, "/a/{x}/b"),
    ])
    #expect(try await Self.outcome(of: "PUT /a/1", in: table).text == "GET, HEAD, POST")
    #expect(try await Self.outcome(of: "POST /a/1", in: table).text == "POST /a/{y}")
    #expect(table.routes.count == 3)
  }

  @Test func `the server as a whole has the methods of its routes`() async throws {
    let table = try RouteTable([Self.route(.post, "/a")])
    #expect(try await Self.outcome(of: "OPTIONS *", in: table).text == "POST, OPTIONS")
    let more = try RouteTable([Self.route(Method("PUT"), "/a"), Self.route(.get, "/b")])
    #expect(try await Self.outcome(of: "OPTIONS *", in: more).text == "GET, HEAD, PUT, OPTIONS")
  }

  @Test func `a match has the name of its path and no parameter in it`() throws {
    let table = try RouteTable([Self.route(.get, "/a/{x}", name: "thing")])
    #expect(table.match(["a", "secret"])?.name == "thing")
    #expect(table.match([])?.name == "*")
    #expect(table.match(["a"])?.name == nil)
  }

  /// What the header section decides is decided once, and handed on.
  @Test func `a handler receives the parameters, the credentials and what admission has parsed`() async throws
  {
    let signed = Access<String>(.deliverySignature) { head in head.method.name }
    let table = try RouteTable([
      Route(.get, "/a/{x}/{y}", name: "a", summary: "", access: signed) { request in
        Response(
          status: .ok, fields: [("Matched", "\(request.path["x"]) \(request.path["y"]) \(request.admitted)")])
      },
      Route(
        .post, "/b/{x}", name: "b", summary: "", access: .open, maxBodyBytes: 1,
        admit: { head in head.target.segments.count }
      ) { request in
        Response(status: .ok, fields: [("Matched", "\(request.path["x"]) \(request.admitted)")])
      },
    ])
    #expect(try await Self.outcome(of: "GET /a/1/2", in: table).text == "1 2 GET")
    #expect(try await Self.outcome(of: "POST //b/3/", in: table).text == "3 4")
    #expect(Set(table.routes.map(\.access)) == [.deliverySignature, .open])
  }
}
