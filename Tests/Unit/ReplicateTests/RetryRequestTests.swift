import Testing

@testable import JobRequests

@Suite struct RetryRequestTests {
  private static let earlier = #"{ "model" : "a/b", "id":"one","input":{"a": 1.0 },"timeout":"5m" }"#

  private static func make(_ changes: String, from earlier: String = earlier) throws -> String {
    String(
      decoding: try RetryRequest.make(from: Array(earlier.utf8), changes: Array(changes.utf8)), as: UTF8.self)
  }

  @Test(
    arguments: [
      ("", #"{"model":"a/b","input":{"a": 1.0 },"timeout":"5m"}"#),
      ("{}", #"{"model":"a/b","input":{"a": 1.0 },"timeout":"5m"}"#),
      (#"{"id":"two"}"#, #"{"model":"a/b","input":{"a": 1.0 },"timeout":"5m","id":"two"}"#),
      (#"{"input":{"b":2}}"#, #"{"model":"a/b","timeout":"5m","input":{"b":2}}"#),
      (#"{"\u0069nput":{}}"#, #"{"model":"a/b","timeout":"5m","input":{}}"#),
      (#"{"timeout":null}"#, #"{"model":"a/b","input":{"a": 1.0 }}"#),
      (#"{"deployment":"a/c"}"#, #"{"input":{"a": 1.0 },"timeout":"5m","deployment":"a/c"}"#),
    ])
  func `changes replace members, and the id is not taken over`(_ changes: String, _ request: String) throws {
    #expect(try Self.make(changes) == request)
  }

  /// They are rejected as those of a first request are.
  @Test(arguments: [
    #"{"inputs":{}}"#, #"{"timeout":"5m","timeout":"6m"}"#, #"{"model":null}"#, #"{"input":1}"#,
  ])
  func `invalid changes make an invalid request`(_ changes: String) throws {
    let request = Array(try Self.make(changes).utf8)
    #expect(throws: PredictionRequestError.self) { try PredictionRequest(body: request.span) }
  }

  @Test(arguments: ["[]", "{", "1", "{}x"])
  func `changes that are no object are refused`(_ changes: String) {
    #expect(throws: PredictionRequestError.self) { try Self.make(changes) }
  }

  @Test(
    arguments: [("\"1s\"", 1), ("\"7d\"", 604_800), ("\"1h30m\"", 5400), ("null", nil)] as [(String, Int?)])
  func `start_before is a duration`(_ value: String, _ seconds: Int?) throws {
    let body = Array(#"{"model":"a/b","input":{},"start_before":\#(value)}"#.utf8)
    #expect(try PredictionRequest(body: body.span).startBefore == seconds)
  }

  @Test(arguments: ["60", "\"0s\"", "\"8d\"", "\"soon\"", "[]"])
  func `another start_before is refused`(_ value: String) {
    let body = Array(#"{"model":"a/b","input":{},"start_before":\#(value)}"#.utf8)
    #expect(throws: PredictionRequestError.self) { try PredictionRequest(body: body.span) }
  }
}
