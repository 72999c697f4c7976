import EventStreams
import HTTPServer
import JobsAPI
import Settings
import SimulatedAPI
import Simulation
import StoreFixture
import Testing

/// `GET /jobs/{id}/events`.
@Suite(.everyStore) struct JobEventsTests {
  @Test func `a stream shows the present state, each change, and the end`() throws {
    let api = try SimulatedAPI.withEvents()
    try api.deliver("p1", "processing", output: "[1,\n2]")
    let stream = api.send("/jobs/p1/events")
    #expect(stream.status == 200 && stream.field("content-type") == "text/event-stream")
    #expect(stream.field("cache-control") == "no-store" && stream.field("x-accel-buffering") == "no")
    let retry = try #require(stream.text.firstMatch(of: /^retry: (\d+)\n\n/))
    #expect((1000...3000).contains(Int(retry.1) ?? 0))
    var changes = [try api.change(of: "p1")]
    try api.deliver("p2", "processing")
    try api.deliver("p1", "processing", output: "2")
    changes.append(try api.change(of: "p1"))
    #expect(!stream.isComplete && api.openStreams == 1)
    try api.deliver("p1", "succeeded")
    #expect(stream.isComplete && api.openStreams == 0)
    let events = stream.events
    #expect(events.map(\.name) == ["job", "job", "job"])
    #expect(events.map { $0.member("state") } == ["running", "running", "succeeded"])
    changes.append(try api.change(of: "p1"))
    #expect(changes == changes.sorted() && Set(changes).count == 3)
    #expect(events.map { $0.id?.split(separator: ".").first } == changes.map { "\($0)" })
    #expect(events.first?.data?.contains("\"output\":[1,2]") == true)
    // The document is that of the read, without its line breaks.
    let document = api.send("/jobs/p1").text.split(separator: "\n").joined()
    #expect(events.last?.data == document)
  }

  @Test func `a reconnect after the end stops an EventSource`() throws {
    let api = try SimulatedAPI.withEvents()
    try api.deliver("p1", "succeeded")
    let stream = api.send("/jobs/p1/events")
    let id = try #require(stream.events.last?.id)
    #expect(stream.isComplete)
    #expect(api.send("/jobs/p1/events", fields: ["Last-Event-ID: \(id)"]).status == 204)
    let other = api.send("/jobs/p1/events", fields: ["Last-Event-ID: 0.\(api.epoch)"])
    #expect(other.status == 200 && other.events.count == 1)
    // Of another store, whose numbers mean nothing here.
    #expect(api.send("/jobs/p1/events", fields: ["Last-Event-ID: 1.000000000000"]).status == 200)
  }

  @Test func `a reconnect with the present state waits for the next`() throws {
    let api = try SimulatedAPI.withEvents()
    try api.deliver("p1", "processing")
    let id = try #require(api.send("/jobs/p1/events").events.last?.id)
    let stream = api.send("/jobs/p1/events", fields: ["Last-Event-ID: \(id)"])
    #expect(stream.status == 200 && stream.events.isEmpty)
    try api.deliver("p1", "succeeded")
    #expect(stream.events.count == 1 && stream.isComplete)
  }

  @Test func `an idle stream sends a comment every 15 seconds`() throws {
    let api = try SimulatedAPI.withEvents()
    try api.deliver("p1", "processing")
    let stream = api.send("/jobs/p1/events")
    api.advance(by: .seconds(46))
    #expect(stream.text.split(separator: "\n").count { $0 == ":" } == 3)
  }

  @Test func `HEAD has the fields and opens nothing`() throws {
    let api = try SimulatedAPI.withEvents()
    try api.deliver("p1", "processing")
    let head = api.send("/jobs/p1/events", method: "HEAD")
    #expect(head.status == 200 && head.field("content-type") == "text/event-stream" && head.text.isEmpty)
    #expect(api.openStreams == 0)
  }

  @Test func `a deleted job ends its stream`() throws {
    let api = try SimulatedAPI.withEvents()
    try api.deliver("p1", "processing")
    let stream = api.send("/jobs/p1/events")
    // Its end and its deletion may be committed before the stream reads again.
    try api.commit([api.delivery(of: "p1", "succeeded"), api.deletion(of: "p1")])
    api.settle()
    #expect(stream.events.last?.name == "deleted" && stream.isComplete)
    #expect(stream.events.last?.data == #"{"id":"p1"}"#)
    #expect(api.send("/jobs/p1/events").status == 404)
  }

  @Test func `the shutdown ends a stream in order`() throws {
    let api = try SimulatedAPI.withEvents()
    try api.deliver("p1", "processing")
    let stream = api.send("/jobs/p1/events")
    api.drain()
    #expect(stream.isComplete && api.openStreams == 0)
  }

  /// A reader that takes nothing for a while skips states, and receives the newest.
  @Test func `a slow reader skips to the newest state`() throws {
    let api = try SimulatedAPI.withEvents()
    let large = "\"" + String(repeating: "x", count: 40_000) + "\""
    try api.deliver("p1", "processing", output: large)
    let stream = api.send("/jobs/p1/events", room: 1000)
    for number in 0..<50 { try api.deliver("p1", "processing", output: "[\(number),\(large)]") }
    try api.deliver("p1", "succeeded", output: "1")
    api.kernel.read(.max / 2, by: stream.peer)
    api.settle()
    #expect(stream.isComplete && stream.events.last?.member("state") == "succeeded")
    #expect((2...3).contains(stream.events.count))
  }

  @Test func `a reader that takes nothing is closed`() throws {
    let api = try SimulatedAPI.withEvents()
    let large = "\"" + String(repeating: "x", count: 40_000) + "\""
    try api.deliver("p1", "processing", output: large)
    let stream = api.send("/jobs/p1/events", room: 1000)
    #expect(api.openStreams == 1)
    api.advance(by: .seconds(11))
    #expect(api.openStreams == 0 && stream.peer.isOver)
  }

  @Test func `parameters and unknown jobs are refused`() throws {
    let api = try SimulatedAPI.withEvents()
    try api.deliver("p1", "processing")
    #expect(api.send("/jobs/p1/events?x=1").status == 400)
    #expect(api.send("/jobs/none/events").status == 404)
  }
}

extension SimulatedAPI {
  static func withEvents(
    seed: UInt64 = 1, limits: ServerLimits = ServerLimits(), beside others: [any Capability] = [],
    session: Duration? = nil
  ) throws -> SimulatedAPI {
    var reader = SettingsReader(variables: [], environment: [:]) { _ in nil }
    return try SimulatedAPI(
      seed: seed, limits: limits, capabilities: [try reader.read(EventStreams.init)] + others,
      session: session)
  }
}
