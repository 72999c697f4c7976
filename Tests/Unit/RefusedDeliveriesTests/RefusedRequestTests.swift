import ClientAddress
@testable import HTTPServer
@testable import HTTPWire
@testable import RefusedRequests
@testable import Routing
import Testing

@Suite struct RefusedRequestTests {
  private static func table() throws -> RouteTable {
    let access = Access<Void>(.deliverySignature) { _ throws(Problem) in }
    return try RouteTable([
      Route(.post, "/webhooks/replicate", name: "webhook", summary: "A.", access: access) { request in
        await Task.yield()
        return Response(status: .ok)
      },
      Route(.get, "/healthz", name: "healthz", summary: "B.", access: .open) { _ in Response(status: .ok) },
    ])
  }

  private static func refused(_ line: String, _ fields: String = "") throws -> RefusedRequest {
    var parser = RequestHeadParser(limits: MessageLimits())
    let bytes = Array("\(line) HTTP/1.1\r\nHost: a\r\n\(fields)\r\n".utf8)
    let head = try #require(try parser.parse(bytes.span))
    return RefusedRequest(
      Problem(.unauthorized, .signatureMismatch, "for the sender", reason: "for the operator"), of: head,
      at: try table().match(head.target.segments), from: Peer(named: .unixSocket), trusting: .none)
  }

  @Test func `a refusal shows the header section without the query`() throws {
    let refused = try Self.refused(
      "POST /webhooks/replicate?token=secret",
      "Content-Length: 12\r\nWebhook-Id: msg_1\r\nWebhook-Timestamp: 1796047200\r\n")
    #expect(refused.code == "signature_mismatch" && refused.reason == "for the operator")
    #expect(
      refused.request
        == .init(
          method: "POST", path: "/webhooks/replicate", route: "webhook", webhookID: "msg_1",
          webhookSeconds: 1_796_047_200, bytes: 12))
    #expect(!"\(refused.logFields)".contains("secret"))
    #expect(refused.mayBeDelivery)
  }

  @Test func `texts of clients are bounded`() throws {
    let long = String(repeating: "x", count: 4000)
    let request = try #require(
      try Self.refused("POST /\(long)", "Webhook-Id: \(long)\r\nTransfer-Encoding: chunked\r\n").request)
    #expect(request.path.count == 100 && request.webhookID?.count == 255)
    #expect(request.bytes == nil && request.route == nil)
    let wrong = "Webhook-Id: a\r\nWebhook-Id: b\r\nWebhook-Timestamp: 99999999999999999999\r\n"
    let repeated = try #require(try Self.refused("GET /", wrong).request)
    #expect(repeated.webhookID == nil && repeated.bytes == 0 && repeated.webhookSeconds == nil)
  }

  /// The verifier rejects such texts before it has checked the signature.
  @Test(arguments: ["+5", "05", "0", "1.5", "1796047200000000", ""])
  func `a malformed time is none`(_ text: String) throws {
    let fields = "Webhook-Timestamp: \(text)\r\n"
    #expect(try #require(try Self.refused("POST /", fields).request).webhookSeconds == nil)
  }

  @Test(arguments: [
    ("POST /webhooks/replicate", "", true), ("GET /webhooks/replicate", "", true),
    ("POST /webhook/replicate", "", true), ("GET /webhook", "webhook-id: m\r\n", true),
    ("GET /.env", "", false), ("POST /healthz", "", false), ("GET /healthz", "webhook-id: m\r\n", false),
  ])
  func `other requests are no deliveries`(
    _ line: String, _ fields: String, _ expected: Bool
  ) throws {
    #expect(try Self.refused(line, fields).mayBeDelivery == expected)
  }

  @Test func `a connection that failed may have been a delivery`() throws {
    let peer = Peer(named: .unixSocket)
    let refused = try #require(RefusedRequest(.notATrustedProxy, from: peer))
    #expect(refused.code == "proxy_header" && refused.status == nil && refused.mayBeDelivery)
    #expect(RefusedRequest(.ended, from: peer) == nil)
  }
}
