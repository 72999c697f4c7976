import ClientAddress
@testable import HTTPServer
@testable import HTTPWire
@testable import Routing
import Testing

/// What pages of other origins may read, by the Fetch standard.
@Suite struct CrossOriginTests {
  private static var policy: CrossOriginPolicy {
    CrossOriginPolicy(
      origins: ["https://app.example.com", "http://localhost:5173"],
      isApplied: { !$0.fields.contains("x-ambient") })
  }

  private static func table() throws -> RouteTable {
    let closed: Access<Void> = Access(.readToken) { head throws(Problem) in
      if head.fields.contains("x-wrong") { throw Problem(.notFound, .jobNotFound, "no") }
    }
    let routes = [
      Route(.get, "/things/{id}", name: "thing", summary: "A thing.", access: closed) { request in
        await Task.yield()
        return Response(status: .ok, fields: [("ETag", "\"1\"")])
      },
      Route(Method("DELETE"), "/things/{id}", name: "delete", summary: "Another.", access: .open) { _ in
        Response(status: .noContent)
      },
      Route(.get, "/other", name: "other", summary: "Another.", access: .open) { _ in Response(status: .ok) },
    ]
    return try RouteTable(policy.apply(to: routes) { $0.access == .readToken })
  }

  private static func response(_ line: String, _ fields: [String]) async throws -> Response? {
    var parser = RequestHeadParser(limits: MessageLimits())
    let bytes = Array("\(line) HTTP/1.1\r\nHost: a\r\n\(fields.map { $0 + "\r\n" }.joined())\r\n".utf8)
    let parsed = try parser.parse(bytes.span)
    let head = try #require(parsed)
    let peer = Peer(named: .unixSocket)
    switch try table().admit(head, from: peer, refusals: PlainRefusals()) {
    case .refuse(let response): return response
    case .receive(_, _, let respond): return await respond(Request(head: head, body: [], peer: peer))
    case .stream: return nil
    }
  }

  private final class PlainRefusals: RefusalHandler {
    func refuse(
      _ problem: Problem, of head: RequestHead, at match: RouteTable.Match?, from peer: Peer
    ) -> Response { problem.response }
  }

  private static func names(_ response: Response?) -> [String: String] {
    Dictionary(response?.fields.map { ($0.name, $0.value) } ?? []) { "\($0), \($1)" }
  }

  @Test(arguments: [
    ("Origin: https://app.example.com", "https://app.example.com"),
    ("Origin: http://localhost:5173", "http://localhost:5173"),
    ("Origin: https://app.example.com.evil.example", nil), ("Origin: https://APP.example.com", nil),
    ("Origin: http://app.example.com", nil), ("Origin: https://app.example.com:8443", nil),
    ("Origin: https://app.example.com/", nil), ("Origin: null", nil), ("Origin: *", nil), ("X: y", nil),
    ("Origin: https://app.example.com\r\nOrigin: http://localhost:5173", nil),
  ])
  func `only a listed origin may read`(_ field: String, _ allowed: String?) async throws {
    for (extra, status) in [([], 200), (["X-Wrong: 1"], 404)] {
      let response = try await Self.response("GET /things/1", [field] + extra)
      let fields = Self.names(response)
      #expect(response?.status.code == status)
      #expect(fields["Access-Control-Allow-Origin"] == allowed)
      #expect(
        fields["Access-Control-Expose-Headers"]
          == (allowed == nil ? nil : "Accept-Ranges, Content-Range, ETag, Retry-After"))
      #expect(fields["Vary"] == "Origin" && fields["Access-Control-Allow-Credentials"] == nil)
    }
    let preflight = try await Self.response(
      "OPTIONS /things/1", [field, "Access-Control-Request-Method: GET"])
    let fields = Self.names(preflight)
    #expect(preflight?.status.code == (allowed == nil ? 403 : 204))
    #expect(fields["Access-Control-Allow-Origin"] == allowed && fields["Vary"] == "Origin")
    #expect(fields["Access-Control-Allow-Methods"] == (allowed == nil ? nil : "GET, HEAD"))
    #expect(
      fields["Access-Control-Allow-Headers"]
        == (allowed == nil ? nil : "Authorization, If-None-Match, If-Range, Last-Event-ID, Range"))
    #expect(fields["Access-Control-Max-Age"] == (allowed == nil ? nil : "7200"))
    #expect(fields["Access-Control-Allow-Credentials"] == nil)
  }

  @Test(arguments: ["GET /other", "DELETE /things/1", "GET /nothing", "POST /things/1", "OPTIONS *"])
  func `other routes are not readable`(_ line: String) async throws {
    let fields = Self.names(try await Self.response(line, ["Origin: https://app.example.com"]))
    #expect(!fields.keys.contains { $0.hasPrefix("Access-Control") })
  }

  @Test func `a request with ambient access is not readable`() async throws {
    let fields = Self.names(
      try await Self.response("GET /things/1", ["Origin: https://app.example.com", "X-Ambient: 1"]))
    #expect(fields["Access-Control-Allow-Origin"] == nil && fields["Vary"] == "Origin")
  }
}
