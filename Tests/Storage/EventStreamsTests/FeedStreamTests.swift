import EventStreams
import HTTPServer
import SimulatedAPI
import Simulation
import StoreFixture
import Testing

/// `GET /events` as server-sent events, and as lines.
@Suite(.everyStore) struct FeedStreamTests {
  private static let accept = "Accept: text/event-stream"

  private func stream(
    _ api: SimulatedAPI, _ query: String = "", _ fields: [String] = [], room: Int = .max
  ) -> SimulatedResponse {
    api.send("/events\(query)", fields: [Self.accept] + fields, room: room)
  }

  private func summaries(_ response: SimulatedResponse) -> [String] {
    response.events.filter { $0.data != nil }.map { event in
      [event.name, event.member("id"), event.member("state")].compactMap(\.self).joined(separator: " ")
    }
  }

  @Test func `a stream shows all jobs, and then each change`() throws {
    let api = try SimulatedAPI.withEvents()
    for number in 1...200 { try api.deliver("p\(number)", "processing") }
    let stream = stream(api)
    #expect(
      stream.field("content-type") == "text/event-stream" && stream.field("cache-control") == "no-store")
    #expect(stream.events.count == 200 && !stream.isComplete)
    try api.deliver("p7", "succeeded")
    try api.delete("p7")
    #expect(summaries(stream).suffix(2) == ["job p7 succeeded", "deleted p7"])
  }

  /// Nothing is posted to a loop without subscriptions, so what was read before then is out of date.
  @Test func `a stream shows what was committed while none was open`() throws {
    let api = try SimulatedAPI.withEvents()
    try api.commit((0..<64).map { api.delivery(of: "p\($0)", "processing") })
    let first = stream(api, "?after=0.\(api.epoch)")
    #expect(first.events.count == 64)
    api.kernel.reset(first.peer)
    api.settle()
    try api.deliver("late", "processing")
    #expect(summaries(stream(api, "?after=0.\(api.epoch)")).last == "job late running")
  }

  @Test func `streams at the same position show the same`() throws {
    let api = try SimulatedAPI.withEvents()
    let streams = [stream(api), stream(api), stream(api, "?state=running"), stream(api, "?include=output")]
    try api.deliver("p1", "processing", output: "[1]")
    try api.deliver("p1", "succeeded", output: "[2]")
    #expect(streams[0].events == streams[1].events && streams[0].events.count == 2)
    #expect(summaries(streams[2]) == ["job p1 running", "left p1 succeeded"])
    #expect(streams[3].events.map { $0.data?.contains("\"output\":[") } == [true, true])
  }

  @Test func `each id leads to what comes after it`() throws {
    let api = try SimulatedAPI.withEvents()
    for number in 1...5 { try api.deliver("p\(number)", "processing") }
    let all = stream(api).events
    for (index, event) in all.enumerated() {
      let id = try #require(event.id)
      // `EventSource` keeps its URL, and sends the id beside it.
      let resumed = stream(api, "?after=now", ["Last-Event-ID: \(id)"])
      #expect(resumed.events.map(\.data) == all[(index + 1)...].map(\.data))
      #expect(try api.page("?after=\(id)").events.count == all.count - index - 1)
    }
  }

  @Test func `a stream ends with the session that opened it`() throws {
    let api = try SimulatedAPI.withEvents(session: .seconds(60))
    try api.deliver("p1", "processing")
    let bearer = "Authorization: Bearer \(SimulatedAPI.apiToken)"
    let (feed, job, waiting) = (
      stream(api), api.send("/jobs/p1/events", fields: [Self.accept]),
      api.send("/events?after=now&wait=90s&model=a/b")
    )
    let streams = [feed, job, waiting]
    let others = [stream(api, "", [bearer]), api.send("/jobs/p1/events", fields: [Self.accept, bearer])]
    api.advance(by: .seconds(59))
    try api.deliver("p2", "processing")
    #expect(summaries(feed) == ["job p1 running", "job p2 running"] && !feed.isComplete && !job.isComplete)
    api.advance(by: .seconds(1))
    try api.deliver("p1", "succeeded")
    #expect(streams.allSatisfy(\.isComplete) && summaries(feed).count == 2 && job.events.count == 1)
    #expect(stream(api).status == 401)
    #expect(summaries(others[0]).last == "job p1 succeeded" && others[1].events.count == 2)
  }

  @Test func `a filter moves the client's cursor along`() throws {
    let api = try SimulatedAPI.withEvents()
    let stream = stream(api, "?after=now&model=owner/rare")
    for number in 1...5 { try api.deliver("p\(number)", "processing") }
    #expect(stream.events.isEmpty)
    api.advance(by: .seconds(16))
    #expect(try stream.events.map(\.id) == [api.cursor(of: "p5")] && stream.events.first?.data == nil)
    api.advance(by: .seconds(15))
    #expect(stream.events.count == 1 && stream.text.hasSuffix(":\n\n"))
  }

  @Test func `lines are the events of a page`() throws {
    let api = try SimulatedAPI.withEvents()
    try api.deliver("p1", "processing")
    let cursor = try api.cursor(of: "p1")
    let lines = api.send("/events", fields: ["Accept: application/x-ndjson"])
    try api.deliver("p2", "processing")
    #expect(lines.field("content-type") == "application/x-ndjson")
    let events = lines.text.split(separator: "\n")
    #expect(events.count == 2 && lines.text.hasSuffix("\n"))
    let page = api.send("/events?after=\(cursor)").text
    #expect(page.contains(try #require(events.last)))
    api.advance(by: .seconds(16))
    #expect(lines.text.hasSuffix("\n\n"))
  }

  @Test func `HEAD has the fields and opens nothing`() throws {
    let api = try SimulatedAPI.withEvents()
    let head = api.send("/events", method: "HEAD", fields: [Self.accept])
    #expect(head.status == 200 && head.field("content-type") == "text/event-stream")
    #expect(api.openStreams == 0)
    #expect(api.send("/events", method: "HEAD").status == 200)
  }

  @Test func `a slow reader skips states, and no job`() throws {
    let api = try SimulatedAPI.withEvents()
    let stream = stream(api, room: 500)
    for round in 0..<20 {
      try api.commit((0..<20).map { api.delivery(of: "p\($0)", "processing", output: "\(round)") })
      api.settle()
    }
    api.kernel.read(.max / 2, by: stream.peer)
    api.settle()
    #expect(stream.events.count < 20 * 20)
    #expect(
      try stream.events.suffix(20).compactMap(\.id) == (0..<20).map { try api.cursor(of: "p\($0)") })
  }

  @Test func `a reader that takes nothing is closed`() throws {
    let api = try SimulatedAPI.withEvents()
    let stream = stream(api, room: 100)
    for number in 0..<50 { try api.deliver("p\(number)", "processing") }
    #expect(api.openStreams == 1)
    api.advance(by: .seconds(11))
    #expect(api.openStreams == 0 && stream.peer.isOver)
  }

  @Test func `the shutdown ends a stream in order`() throws {
    let api = try SimulatedAPI.withEvents()
    let stream = stream(api)
    api.drain()
    #expect(stream.isComplete && api.openStreams == 0)
  }

  @Test func `streams are bounded`() throws {
    var limits = ServerLimits()
    limits.maxStreams = 1
    let api = try SimulatedAPI.withEvents(limits: limits)
    let first = stream(api)
    #expect(first.status == 200)
    let refused = stream(api)
    #expect(refused.status == 503 && refused.text.contains("too_many_streams"))
    // A page that does not wait is none.
    #expect(api.send("/events").status == 200)
    api.kernel.reset(first.peer)
    api.settle()
    #expect(stream(api).status == 200)
  }
}
