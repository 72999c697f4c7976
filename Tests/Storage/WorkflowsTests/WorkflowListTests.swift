import SimulatedAPI
import StoreFixture
import Testing

/// `GET /workflows`.
@Suite(.everyStore) struct WorkflowListTests {
  /// Five workflows, a second apart but for the last two.
  private func api() throws -> SimulatedAPI {
    let api = try WorkflowAPI.make()
    for number in 1...5 {
      try api.createWorkflow(WorkflowAPI.one("w\(number)", and: #","metadata":{"n":\#(number)}"#))
      if number < 4 { api.advance(by: .seconds(1)) }
    }
    try api.report("w-w2-image-0-1", "failed")
    try api.report("w-w4-image-0-1", "failed")
    return api
  }

  private func ids(_ document: [String: Any]) -> [String] {
    let rows = document["workflows"] as? [[String: Any]] ?? []
    return rows.map { $0["id"] as? String ?? "" }
  }

  @Test func `the list shows workflows without their outputs, newest first`() throws {
    let response = try api().send("/workflows")
    let document = try response.object
    #expect(ids(document).sorted() == ["w1", "w2", "w3", "w4", "w5"])
    #expect(ids(document).suffix(3) == ["w3", "w2", "w1"])
    #expect(document["next"] == nil)
    let last = try #require((document["workflows"] as? [[String: Any]])?.last)
    #expect(last.state == "pending" && last["revision"] as? Int == 2)
    #expect(last.steps.count == 1 && last.steps[0]["name"] as? String == "image")
    #expect(last.steps[0].state == "pending" && last.steps[0]["jobs"] == nil)
    #expect(response.text.contains(#""metadata":{"n":1}"#))
  }

  @Test func `pages leave none out`() throws {
    let api = try api()
    let all = ids(try api.send("/workflows").object)
    for limit in 1...4 {
      var (found, after) = ([String](), "")
      for _ in 0..<6 {
        let page = try api.send("/workflows?limit=\(limit)\(after)").object
        #expect(ids(page).count <= limit)
        found += ids(page)
        guard let next = page["next"] as? String else { break }
        after = "&after=\(next)"
      }
      #expect(found == all)
    }
  }

  @Test func `a state chooses workflows`() throws {
    let api = try api()
    #expect(ids(try api.send("/workflows?state=failed").object) == ["w4", "w2"])
    let first = try api.send("/workflows?state=failed&limit=1").object
    let next = try #require(first["next"] as? String)
    #expect(ids(try api.send("/workflows?state=failed&limit=1&after=\(next)").object) == ["w2"])
    #expect(ids(try api.send("/workflows?state=succeeded").object).isEmpty)
  }

  @Test(arguments: [
    "state=stale", "limit=0", "limit=501", "after=x", "after=1", "model=a", "limit=1&limit=2",
  ])
  func `a wrong parameter is refused`(_ query: String) throws {
    let response = try WorkflowAPI.make().send("/workflows?\(query)")
    #expect(response.status == 400 && response.code == "invalid_parameter", "\(response.text)")
  }
}
