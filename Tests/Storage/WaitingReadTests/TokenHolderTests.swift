import SimulatedAPI
import StoreFixture
import Testing

/// Reads by those who hold the token of a job.
@Suite(.everyStore) struct TokenHolderTests {
  private static let token = SimulatedAPI.jobToken

  private static func fields(of response: SimulatedResponse) -> [String?] {
    ["content-type", "content-length", "cache-control", "vary", "www-authenticate"].map(response.field)
  }

  /// Neither a status, a byte nor a field reveals whether the job exists.
  @Test(arguments: ["", "?wait=1s", "?wait=1s&until=end"])
  func `a wrong token, an unknown job and a deleted job are the same 404`(_ suffix: String) throws {
    let api = try SimulatedAPI()
    try api.deliver("p1", "processing")
    try api.deliver("p2", "succeeded")
    try api.delete("p2")
    func read(_ id: String, _ token: String) -> SimulatedResponse {
      api.send("/jobs/\(id)\(suffix)\(suffix.contains("?") ? "&" : "?")token=\(token)")
    }
    let expected = read("none", Self.token)
    #expect(expected.status == 404 && expected.text.contains(#""code":"job_not_found""#))
    #expect(expected.field("cache-control") == "no-store")
    for (id, token) in [("p1", "wrong"), ("p1", ""), ("p2", "wrong"), ("none", "wrong"), ("p2", Self.token)] {
      let response = read(id, token)
      #expect(response.status == 404 && response.text == expected.text, "\(id) \(token)")
      #expect(Self.fields(of: response) == Self.fields(of: expected), "\(id) \(token)")
    }
    #expect(api.openStreams == 0)
  }

  @Test func `a job that is deleted during a wait is the same 404`() throws {
    let api = try SimulatedAPI()
    try api.deliver("p1", "succeeded")
    let tag = try #require(api.send("/jobs/p1").field("etag"))
    let waiting = api.send("/jobs/p1?wait=30s&token=\(Self.token)", fields: ["If-None-Match: \(tag)"])
    #expect(waiting.status == nil)
    try api.delete("p1")
    #expect(waiting.status == 404)
    #expect(waiting.text == api.send("/jobs/none?token=\(Self.token)").text)
  }

  @Test(arguments: ["/jobs/j1", "/jobs/j1?wait=1s"])
  func `private members are for the API's clients`(_ target: String) throws {
    let api = try SimulatedAPI()
    try api.order("j1")
    let mark = target.contains("?") ? "&" : "?"
    let own = api.send(target)
    let shared = api.send("\(target)\(mark)token=\(Self.token)")
    let bearer = api.send(target, fields: ["Authorization: Bearer \(Self.token)"])
    api.advance(by: .seconds(2))
    #expect(own.status == 200 && own.text.contains("metadata") && own.field("cache-control") == nil)
    for response in [shared, bearer] {
      #expect(response.status == 200 && response.text.contains(#""id":"j1""#))
      #expect(!response.text.contains("metadata") && response.field("cache-control") == "no-store")
    }
  }
}
