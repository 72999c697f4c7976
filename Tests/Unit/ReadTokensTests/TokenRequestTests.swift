import Routing
import Testing

@testable import ReadTokens

@Suite struct TokenRequestTests {
  @Test(arguments: [
    ("", 3600), ("{}", 3600), (#"{"ttl":null}"#, 3600), (#"{"ttl":"1h"}"#, 3600), (#"{"ttl":"10s"}"#, 10),
    (#"{"ttl":"7d"}"#, 604_800), (#"{"ttl":"6d24h"}"#, 604_800), (#"{ "ttl" : "1h30m" }"#, 5400),
    (#"{"t\u0074l":"1m"}"#, 60),
  ])
  func `a lifetime is read`(_ body: String, _ seconds: Int64) throws {
    #expect(try TokenRequest(body: Array(body.utf8)).ttl == seconds)
  }

  @Test(arguments: [
    ("[]", ProblemCode.malformedJSON), ("1h", .malformedJSON), (#"{"ttl":"1h""#, .malformedJSON),
    (#"{"ttl":"9s"}"#, .invalidRequest), (#"{"ttl":"7d1s"}"#, .invalidRequest),
    (#"{"ttl":3600}"#, .invalidRequest), (#"{"ttl":"3600"}"#, .invalidRequest),
    (#"{"ttl":""}"#, .invalidRequest), (#"{"ttl":"-1h"}"#, .invalidRequest),
    (#"{"ttl":"1h","ttl":"2h"}"#, .invalidRequest), (#"{"ttl":"1h","scope":"all"}"#, .invalidRequest),
    (#"{"TTL":"1h"}"#, .invalidRequest), (#"{"ttl":"99999999999999999999d"}"#, .invalidRequest),
    (#"{"ttl":{"h":1}}"#, .invalidRequest),
  ])
  func `another body is rejected`(_ body: String, _ code: ProblemCode) {
    let problem = #expect(throws: Problem.self) { try TokenRequest(body: Array(body.utf8)) }
    #expect(problem?.code == code)
  }
}
