@testable import Replicate
import Simulation
import Testing

private func failure(_ status: Int, _ body: String = "", retryAfter: String? = nil) -> APIFailure? {
  let bytes = Array(body.utf8)
  return APIFailure(status: status, retryAfter: retryAfter, body: bytes.span)
}

@Suite struct APIFailureTests {
  @Test(
    arguments: [
      (
        401,
        #"{"title":"Unauthenticated","detail":"You did not pass a valid authentication token","status":401}"#,
        .unauthorized(message: "You did not pass a valid authentication token")
      ),
      (
        404, #"{"detail":"The specified training destination does not exist","status":404}"#,
        .notFound(message: "The specified training destination does not exist")
      ),
      (
        422,
        #"{"title":"Invalid version or not permitted","#
          + #""detail":"The specified version does not exist","status":422}"#,
        .invalid(status: 422, message: "The specified version does not exist")
      ),
      (
        402, #"{"title":"Insufficient credit","detail":"You have insufficient credit to run this model."}"#,
        .insufficientCredit(message: "You have insufficient credit to run this model.")
      ),
      (
        429,
        #"{"detail":"Request was throttled. Your rate limit for creating predictions is reduced to 6 "#
          + #"requests per minute. Your rate limit resets in ~5s.","status":429,"retry_after":6}"#,
        .rateLimited(retryAfter: 6)
      ),
      (
        429, #"{"detail":"Request was throttled. Your rate limit resets in ~30s."}"#,
        .rateLimited(retryAfter: 30)
      ),
      (
        429, #"{"detail":"Request was throttled. Expected available in 1 second."}"#,
        .rateLimited(retryAfter: 1)
      ),
      (
        429, #"{"detail":"Request was throttled. Expected available in 42 seconds."}"#,
        .rateLimited(retryAfter: 42)
      ),
      (429, "<html>", .rateLimited(retryAfter: 10)),
      // The token is valid, but may not do this.
      (403, #"{"title":"No"}"#, .refused(status: 403, message: "No")),
      (
        413, #"{"detail":"Files must be less than 100MB in size"}"#,
        .invalid(status: 413, message: "Files must be less than 100MB in size")
      ),
      (400, #"{"detail":[],"title":""}"#, .invalid(status: 400, message: "Replicate answered 400")),
      (410, #"{"title":"Gone"}"#, .notFound(message: "Gone")),
      // Without a problem document the answer is not Replicate's: a proxy, a captive portal, another API.
      (400, "", .unintelligible(status: 400)), (401, "", .unintelligible(status: 401)),
      (402, "Payment Required", .unintelligible(status: 402)), (404, "", .unintelligible(status: 404)),
      (404, "<html><title>Not Found</title></html>", .unintelligible(status: 404)),
      (404, #"{"message":"Not Found"}"#, .unintelligible(status: 404)),
      (404, #"{"detail":null,"title":404}"#, .unintelligible(status: 404)),
      (404, #"["detail"]"#, .unintelligible(status: 404)), (404, #""detail""#, .unintelligible(status: 404)),
      (410, "", .unintelligible(status: 410)), (422, "{}", .unintelligible(status: 422)),
      (
        503, #"{"message":"no healthy upstream"}"#,
        .unavailable(status: 503, retryAfter: nil, isExplained: false)
      ),
      (503, #"{"detail":[{"msg":"no"}]}"#, .unavailable(status: 503, retryAfter: nil, isExplained: true)),
      (500, "", .unavailable(status: 500, retryAfter: nil, isExplained: false)),
      (500, #"{"detail":"no"}"#, .unavailable(status: 500, retryAfter: nil, isExplained: true)),
      (503, #"{"title":"no"}"#, .unavailable(status: 503, retryAfter: nil, isExplained: true)),
      (504, #"{"detail":"no"}"#, .unavailable(status: 504, retryAfter: nil, isExplained: false)),
      (599, "x", .unavailable(status: 599, retryAfter: nil, isExplained: false)),
      (408, "", .unavailable(status: 408, retryAfter: nil, isExplained: false)),
      (301, "", .unintelligible(status: 301)),
      (0, "", .unintelligible(status: 0)), (600, "", .unintelligible(status: 600)), (200, "", nil),
      (202, "", nil),
    ] as [(Int, String, APIFailure?)])
  func `responses are classified`(_ status: Int, _ body: String, _ expected: APIFailure?) {
    #expect(failure(status, body) == expected)
  }

  @Test(
    arguments: [
      ("7", #"{"retry_after":3}"#, 7), (nil, #"{"retry_after":3}"#, 3), (nil, #"{"retry_after":2.1}"#, 3),
      (nil, #"{"retry_after":2.0}"#, 2), (nil, #"{"retry_after":0}"#, 1), ("0", "", 1), ("86400", "", 3600),
      ("99999999999999999999999", "", 3600), (nil, #"{"retry_after":1e99}"#, 10), ("-1", "", 10),
      ("", "", 10),
      ("Wed, 21 Oct 2026 07:28:00 GMT", #"{"retry_after":3}"#, 3), ("soon", "", 10),
      (nil, #"{"retry_after":"3"}"#, 10),
      (nil, #"{"retry_after":null,"detail":"resets in ~8s."}"#, 8),
      (nil, #"{"detail":"~s ~ 5s 6 seconds"}"#, 6),
      (nil, #"{"detail":"~99999999999999999999s"}"#, 3600), (nil, #"{"detail":"retry in seconds"}"#, 10),
    ] as [(String?, String, Int)])
  func `the wait is read and clamped`(_ header: String?, _ body: String, _ seconds: Int) {
    #expect(failure(429, body, retryAfter: header) == .rateLimited(retryAfter: seconds))
    let unavailable = failure(503, body, retryAfter: header)
    #expect(
      unavailable
        == .unavailable(
          status: 503, retryAfter: seconds == 10 ? nil : seconds, isExplained: body.contains("detail")))
  }

  @Test func `only a possible create is ambiguous`() {
    for (status, isAmbiguous) in [
      (500, true), (502, true), (503, true), (504, true), (408, true), (429, false),
      (400, false), (401, false), (402, false), (404, false), (422, false), (301, false),
    ] {
      for body in ["", #"{"detail":"no"}"#] {
        #expect(failure(status, body)?.isAmbiguous == isAmbiguous, "\(status)")
      }
    }
    #expect(APIFailure.unintelligible(status: 201).isAmbiguous)
    #expect(
      failure(429)?.isRetryable == true && failure(503)?.isRetryable == true
        && failure(404, "<html>")?.isRetryable == true
        && failure(422, #"{"detail":"no"}"#)?.isRetryable == false
        && failure(401, #"{"detail":"no"}"#)?.isRetryable == false)
  }

  @Test func `a long text is cut and stays on one line`() throws {
    let text = #"a\n\u0007"# + String(repeating: "é", count: 1000)
    guard case .invalid(_, let message)? = failure(422, #"{"detail":"\#(text)"}"#) else {
      Issue.record("not invalid")
      return
    }
    #expect(message.utf8.count <= 300 && message.hasPrefix("a é") && !message.contains("\u{FFFD}"))
  }

}

@Suite struct ReplicateOutcomeTests {
  private func outcome(_ status: Int, _ body: [UInt8]) -> ReplicateClient.Outcome<Prediction> {
    ReplicateClient.Outcome(status: status, retryAfter: nil, body: body) { try? Prediction(body: $0.span) }
  }

  @Test(arguments: [Payload.created, .canceled, .officialModel])
  func aPredictionIsRead(_ payload: Payload) throws {
    let body = try payload.body()
    for status in [200, 201, 202] {
      guard case .answered(let prediction) = outcome(status, body) else {
        Issue.record("no prediction")
        continue
      }
      #expect(!prediction.id.isEmpty)
    }
    guard case .failed(.unintelligible) = outcome(422, body) else {
      Issue.record("an error response is a prediction")
      return
    }
  }

  @Test(arguments: ["", "{}", "[]", "<html>", #"{"id":"a"}"#])
  func `a success without a prediction is unintelligible`(_ text: String) {
    guard case .failed(let failure) = outcome(201, Array(text.utf8)) else {
      Issue.record("a prediction")
      return
    }
    #expect(failure == .unintelligible(status: 201) && failure.isAmbiguous)
  }
}

@Suite struct SigningSecretTests {
  private func secret(_ text: String) -> SigningSecret? {
    let body = Array(text.utf8)
    return SigningSecret(body: body.span)
  }

  @Test func theKeyIsTheSecret() {
    #expect(
      secret(#"{"key":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}"# + "\n")?.text
        == "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
  }

  @Test(arguments: [
    "", "{}", "[]", #"{"key":null}"#, #"{"key":1}"#, #"{"key":""}"#, #"{"key":"MfKQ9r8G"}"#,
    #"{"key":"WHSEC_aa"}"#,
    #"{"key":"whsec_a b"}"#, #"{"key":"whsec_a\n"}"#, #"{"Key":"whsec_aa"}"#,
    #"{"key":"whsec_\#(String(repeating: "a", count: 600))"}"#,
  ])
  func `other bodies have no secret`(_ text: String) {
    #expect(secret(text) == nil)
  }

  @Test func `a secret is never printed`() throws {
    let secret = try #require(self.secret(#"{"key":"whsec_MfKQ9r8G"}"#))
    var dumped = ""
    dump(secret, to: &dumped)
    #expect("\(secret) \(String(reflecting: secret)) \(dumped)".contains("MfKQ") == false)
  }
}

@Suite struct PredictionPageTests {
  private func page(_ text: String) -> PredictionPage? {
    let body = Array(text.utf8)
    return PredictionPage(body: body.span)
  }

  @Test func `every result is a body of its own`() {
    let text =
      #"{"previous":null,"next":null,"#
      + #""results":[ {"id":"a","status":"failed"}, {"status":"x","id":"b"} , 1 ]}"#
    let body = Array(text.utf8)
    guard let page = PredictionPage(body: body.span) else {
      Issue.record("no page")
      return
    }
    let ids = page.predictions.map { range in (try? Prediction(body: body.span.extracting(range)))?.id }
    #expect(ids == ["a", "b", nil] && page.next == nil)
  }

  @Test(
    arguments: [
      (
        "https://api.replicate.com/v1/predictions?cursor=cD0yMDIy%3D&x=1",
        "/v1/predictions?cursor=cD0yMDIy%3D&x=1"
      ),
      ("http://127.0.0.1:9/v1/predictions", "/v1/predictions"),
      (#"https:\/\/api.replicate.com\/v1\/predictions?cursor=a"#, "/v1/predictions?cursor=a"),
      // The host does not matter, because no request is sent to it.
      ("https://evil.com/v1/predictions?cursor=a", "/v1/predictions?cursor=a"),
      ("https://api.replicate.com/v1/account", nil), ("https://api.replicate.com/v1/predictions/x", nil),
      ("https://api.replicate.com/v1/predictions@evil.com", nil), ("/v1/predictions", nil), ("", nil),
      ("https://", nil),
      (#"https://a/v1/predictions?a\r\nHost: b"#, nil), ("https://a/v1/predictions?a#b", nil),
      ("https://a/v1/predictions?é", nil), ("ftp://a/v1/predictions", nil),
    ] as [(String, String?)])
  func `the next page is a path on the same host`(_ url: String, _ path: String?) {
    #expect(page(#"{"results":[],"next":"\#(url)"}"#)?.next == path)
    #expect((page(#"{"results":[],"next":"\#(url)"}"#) == nil) == (path == nil))
  }

  @Test(arguments: ["", "[]", "{}", #"{"results":{}}"#, #"{"results":null}"#, #"{"results":[],"next":1}"#])
  func `a malformed page is nil`(_ text: String) {
    #expect(page(text) == nil)
  }

  @Test func `a page has a maximum of predictions`() {
    let list = { (count: Int) in
      #"{"results":[\#(Array(repeating: "{}", count: count).joined(separator: ","))]}"#
    }
    #expect(page(list(1000))?.predictions.count == 1000)
    #expect(page(list(1001)) == nil)
  }

  @Test(arguments: 0..<4)
  func nothingTraps(_ seed: Int) {
    var mutation = Mutation(seed: UInt64(seed))
    for round in 0..<2000 {
      let text =
        round.isMultiple(of: 2)
        ? #"{"next":"https://api.replicate.com/v1/predictions?cursor=a","#
          + #""results":[{"id":"a","status":"failed"}]}"#
        : #"{"detail":"Request was throttled. Resets in ~30s.","status":429,"#
          + #""retry_after":5.5,"key":"whsec_aa"}"#
      let body = mutation.mutate(text)
      for range in PredictionPage(body: body.span)?.predictions ?? [] {
        _ = try? Prediction(body: body.span.extracting(range))
      }
      _ = SigningSecret(body: body.span)
      for status in [200, 422, 429, 503] {
        _ = APIFailure(
          status: status, retryAfter: String(decoding: body.prefix(3), as: UTF8.self), body: body.span)
        _ = try? Prediction(body: body.span)
      }
    }
  }
}
