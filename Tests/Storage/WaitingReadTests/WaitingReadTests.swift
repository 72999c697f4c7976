import HTTPServer
import SimulatedAPI
import Simulation
import StoreFixture
import Testing

/// `GET /jobs/{id}?wait=…`.
@Suite(.everyStore) struct WaitingReadTests {
  private func api(_ status: String = "processing") throws -> SimulatedAPI {
    let api = try SimulatedAPI()
    try api.deliver("p1", status)
    return api
  }

  @Test func `a read waits for the next change`() throws {
    let api = try api()
    let response = api.send("/jobs/p1?wait=30s")
    #expect(response.status == nil && api.openStreams == 1)
    try api.deliver("p2", "processing")
    #expect(response.status == nil)
    try api.deliver("p1", "processing", output: "1")
    let change = try api.change(of: "p1")
    #expect(response.status == 200 && response.field("etag")?.hasPrefix("\"\(change).") == true)
    #expect(response.text.contains("\"output\":1") && api.openStreams == 0)
  }

  @Test func `a job that has ended is answered at once`() throws {
    let api = try api("succeeded")
    #expect(api.send("/jobs/p1?wait=30s").status == 200)
    #expect(api.send("/jobs/p1?wait=30s&until=end").status == 200)
    #expect(api.openStreams == 0)
  }

  @Test func `a client that has the job waits for another state`() throws {
    let api = try api()
    let tag = try #require(api.send("/jobs/p1").field("etag"))
    let condition = ["If-None-Match: \(tag)"]
    let waiting = api.send("/jobs/p1?wait=30s", fields: condition)
    #expect(waiting.status == nil)
    #expect(api.send("/jobs/p1?wait=30s", fields: ["If-None-Match: \"0.0\""]).status == 200)
    try api.deliver("p1", "succeeded")
    #expect(waiting.status == 200 && waiting.text.contains("\"succeeded\""))
    // Also after the end, which may be replaced once.
    let ended = try #require(api.send("/jobs/p1").field("etag"))
    let after = api.send("/jobs/p1?wait=2s", fields: ["If-None-Match: \(ended)"])
    #expect(after.status == nil)
    api.advance(by: .seconds(3))
    #expect(after.status == 304 && after.field("etag") == ended)
  }

  @Test(arguments: [
    ("1s", 1), ("30s", 30), ("1m30s", 90), ("5m", 300),
  ])
  func `a wait ends with the present state`(_ text: String, _ seconds: Int) throws {
    let api = try api()
    let plain = api.send("/jobs/p1?wait=\(text)")
    let tag = try #require(api.send("/jobs/p1").field("etag"))
    let conditional = api.send("/jobs/p1?wait=\(text)", fields: ["If-None-Match: \(tag)"])
    api.advance(by: .seconds(seconds) - .milliseconds(100))
    #expect(plain.status == nil && conditional.status == nil)
    api.advance(by: .milliseconds(200))
    #expect(plain.status == 200 && conditional.status == 304 && api.openStreams == 0)
  }

  @Test func `until=end passes over other changes`() throws {
    let api = try api()
    let response = api.send("/jobs/p1?wait=30s&until=end")
    try api.deliver("p1", "processing", output: "1")
    #expect(response.status == nil)
    try api.deliver("p1", "failed")
    #expect(response.status == 200 && response.text.contains("\"failed\""))
  }

  @Test(arguments: [
    "wait=0s", "wait=999ms", "wait=6m", "wait=x", "wait=", "wait=-1s", "until=end", "wait=1s&until=start",
    "wait=1s&wait=2s", "until=end&x=1",
  ])
  func `an invalid wait is refused, and is no stream`(_ query: String) throws {
    let response = try api().send("/jobs/p1?\(query)")
    #expect(response.status == 400 && response.text.contains("invalid_parameter"))
  }

  @Test func `an unknown job is not waited for`() throws {
    let response = try api().send("/jobs/none?wait=30s")
    #expect(response.status == 404 && response.text.contains("job_not_found"))
  }

  @Test func `a job that is deleted meanwhile is not found`() throws {
    let api = try api("failed")
    let tag = try #require(api.send("/jobs/p1").field("etag"))
    let response = api.send("/jobs/p1?wait=30s", fields: ["If-None-Match: \(tag)"])
    #expect(response.status == nil)
    try api.delete("p1")
    #expect(response.status == 404)
  }

  @Test func `the shutdown answers with the present state`() throws {
    let api = try api()
    let response = api.send("/jobs/p1?wait=5m&until=end")
    api.drain()
    #expect(response.status == 200 && response.text.contains("\"running\"") && api.openStreams == 0)
  }

  @Test func `a client that leaves ends its wait`() throws {
    let api = try api()
    let response = api.send("/jobs/p1?wait=5m")
    api.kernel.reset(response.peer)
    api.settle()
    #expect(api.openStreams == 0)
  }

  @Test func `waits count as streams`() throws {
    var limits = ServerLimits()
    limits.maxStreams = 2
    let api = try SimulatedAPI(limits: limits)
    try api.deliver("p1", "processing")
    let waiting = [api.send("/jobs/p1?wait=30s"), api.send("/jobs/p1?wait=30s")]
    let refused = api.send("/jobs/p1?wait=30s")
    #expect(refused.status == 503 && refused.text.contains("too_many_streams"))
    #expect(api.send("/jobs/p1").status == 200)
    try api.deliver("p1", "succeeded")
    #expect(waiting.allSatisfy { $0.status == 200 })
    #expect(api.send("/jobs/p1?wait=30s").status == 200)
  }

  @Test func `the streams of one job's tokens are bounded`() throws {
    let api = try SimulatedAPI()
    for job in ["p1", "p2"] { try api.deliver(job, "processing") }
    func wait(_ job: String, from client: String) -> SimulatedResponse {
      api.send(
        "/jobs/\(job)?wait=30s&token=\(SimulatedAPI.jobToken)", fields: ["X-Forwarded-For: \(client)"])
    }
    let waiting = (0..<32).map { wait("p1", from: "198.51.100.\($0)") }
    #expect(waiting.allSatisfy { $0.status == nil })
    let refused = wait("p1", from: "198.51.100.99")
    #expect(refused.status == 429 && refused.text.contains("too_many_streams"))
    #expect(refused.field("retry-after") == "5")
    #expect(wait("p2", from: "198.51.100.99").status == nil)
    // A client of the API is not one of them, and a place is free again.
    #expect(api.send("/jobs/p1?wait=30s").status == nil)
    api.kernel.reset(waiting[0].peer)
    api.settle()
    #expect(wait("p1", from: "198.51.100.99").status == nil)
  }

  @Test func `the streams of one client with tokens are bounded`() throws {
    let api = try SimulatedAPI()
    for number in 0..<5 { try api.deliver("p\(number)", "processing") }
    func wait(_ number: Int, from client: String) -> SimulatedResponse {
      api.send(
        "/jobs/p\(number)?wait=30s&token=\(SimulatedAPI.jobToken)", fields: ["X-Forwarded-For: \(client)"])
    }
    #expect((0..<96).allSatisfy { wait($0 / 30, from: "2001:db8::\($0)").status == nil })
    #expect(wait(4, from: "2001:db8::ffff").status == 429)
    #expect(wait(4, from: "2001:db8:1::1").status == nil)
    try api.deliver("p0", "succeeded")
    #expect(wait(4, from: "2001:db8::ffff").status == nil)
  }

  /// A prediction's id belongs to the orphan first, and then to the job that was created here.
  @Test func `a read waits on when its orphan is merged`() throws {
    let api = try SimulatedAPI()
    try api.deliver("p1", "starting")
    try api.order("job-1")
    let response = api.send("/jobs/p1?wait=30s&until=end")
    try api.deliver("p1", "processing", naming: "job-1")
    #expect(response.status == nil)
    try api.deliver("p1", "succeeded")
    #expect(response.status == 200 && response.text.contains("\"id\":\"job-1\""))
  }
}
