import Ledger
@testable import Callbacks
import HTTPClient
import Jobs
import StoreSeam
import StoreFixture
import Tables
import Testing
import Time

/// Which events a job's life queues, and where.
@Suite(.everyStore) struct EventTests {
  @Test(arguments: [Phase.succeeded, .failed, .canceled])
  func `the end of any job is an event`(_ phase: Phase) async throws {
    let callbacks = try CallbackStore()
    try callbacks.store.deliver("a", .running)
    #expect(try await callbacks.events() == [])
    try callbacks.store.deliver("b", phase)
    // Redeliveries and late deliveries are no events.
    try callbacks.store.deliver("b", phase)
    try callbacks.store.deliver("c", .running)
    #expect(try await callbacks.events() == ["p1 \(phase.rawValue) pending"])
    #expect(try callbacks.waits() == [0])
  }

  @Test func `a job that was not sent has an end`() async throws {
    let callbacks = try CallbackStore()
    try callbacks.store.place("j1")
    _ = try callbacks.store.cancel("j1")
    #expect(try await callbacks.events() == ["j1 canceled pending"])
  }

  @Test func `a job that becomes stale is an event each time`() async throws {
    let callbacks = try CallbackStore()
    try callbacks.store.deliver("a", .running)
    callbacks.store.advance(900_000)
    try callbacks.store.claimPolls()
    #expect(try await callbacks.events() == ["p1 stale pending"])
    try callbacks.finish(try callbacks.claimOne(), .ok)
    try callbacks.store.deliver("b", .running, logs: 1)
    callbacks.store.advance(900_000)
    try callbacks.store.claimPolls()
    #expect(try await callbacks.events() == ["p1 stale delivered", "p1 stale pending"])
  }

  /// Promise 3: the app receives both ends, each with an id of its own.
  @Test func `an end that replaces the daemon's own is a second event`() async throws {
    let callbacks = try CallbackStore()
    let step = try callbacks.store.send("j1")
    try callbacks.store.end(step)
    try callbacks.store.deliver("a", .succeeded, naming: "j1")
    let rows = try await callbacks.rows()
    #expect(rows.map(\.type) == [.failed, .succeeded] && Set(rows.map(\.id)).count == 2)
    #expect(try callbacks.waits() == [0, nil])
  }

  @Test func `a deleted job takes its events with it`() async throws {
    let callbacks = try CallbackStore(hosts: "app.example.com")
    try callbacks.store.place("j1", callback: Order.Callback(url: "https://app.example.com", events: []))
    _ = try callbacks.store.cancel("j1")
    let claim = try callbacks.claimOne()
    try callbacks.store.delete("j1")
    #expect(try await callbacks.rows().isEmpty && callbacks.waits().isEmpty)
    #expect(try await callbacks.store.reader.rows(TableQuery(TargetTable.declaration, limit: 9)).isEmpty)
    #expect(try callbacks.finish(claim, .ok) == .dropped)
    #expect(try await callbacks.rows().isEmpty)
  }

  @Test func `an orphan's events go with it when its job is found`() async throws {
    let callbacks = try CallbackStore()
    let step = try callbacks.store.send("j1")
    try callbacks.store.deliver("a", .succeeded)
    #expect(try await callbacks.events() == ["p1 succeeded pending"])
    try callbacks.store.report(step.order.number, .running)
    #expect(try await callbacks.events() == ["j1 succeeded pending"])
  }

  // MARK: Own callbacks

  @Test(
    arguments: [
      ([], ["j1 succeeded pending"]),
      (["running"], ["j1 running delivered", "j1 succeeded pending"]),
      (["progress"], ["j1 succeeded pending"]),
    ] as [(Set<String>, [String])])
  func `running is sent where the request names it`(_ events: Set<String>, _ expected: [String]) async throws
  {
    let callbacks = try CallbackStore(url: nil, hosts: "app.example.com")
    try callbacks.store.place(
      "j1", callback: Order.Callback(url: "https://app.example.com/own", events: events))
    try callbacks.store.deliver("other", of: "p2", .succeeded)
    try callbacks.store.deliver("a", .running, naming: "j1")
    for claim in try callbacks.claim().claims {
      #expect(claim.receiver.url.text == "https://app.example.com/own")
      try callbacks.finish(claim, .ok)
    }
    try callbacks.store.deliver("b", .succeeded)
    #expect(try await callbacks.events() == expected)
  }

  @Test func `an own callback replaces the operator's`() async throws {
    let callbacks = try CallbackStore(hosts: "other.example.com")
    try callbacks.store.place(
      "j1", callback: Order.Callback(url: "https://other.example.com/own", events: []))
    try callbacks.store.place("j2")
    for id in ["j1", "j2"] { _ = try callbacks.store.cancel(id) }
    let claims = try callbacks.claim().claims
    #expect(
      claims.map(\.receiver.url.text).sorted() == [
        "https://app.example.com/hook", "https://other.example.com/own",
      ])
  }

  /// One that is pending is replaced and keeps its due time. So at most one a second is sent.
  @Test func `progress is coalesced to one event a second`() async throws {
    let callbacks = try CallbackStore(url: nil, hosts: "app.example.com")
    try callbacks.store.place(
      "j1", callback: Order.Callback(url: "https://app.example.com", events: ["progress"]))
    try callbacks.store.deliver("a", .running, naming: "j1")
    var sent: [Int64] = []
    for number in 0..<100 {
      callbacks.store.advance(70)
      try callbacks.store.deliver("b\(number)", .running, logs: number + 1)
      #expect(try await callbacks.rows().count <= 1)
      for claim in try callbacks.claim().claims {
        sent.append(callbacks.store.now.milliseconds)
        try callbacks.finish(claim, .ok)
      }
    }
    #expect(sent.count == 6)
    #expect(zip(sent, sent.dropFirst()).allSatisfy { $1 - $0 >= 1000 })
    try callbacks.store.deliver("end", .succeeded, logs: 100)
    #expect(try await callbacks.events() == ["j1 succeeded pending"])
    #expect(try callbacks.waits() == [0])
  }

  @Test func `nothing is queued without a receiver`() async throws {
    let callbacks = try CallbackStore(url: nil, hosts: "app.example.com")
    try callbacks.store.place("j1")
    _ = try callbacks.store.cancel("j1")
    try callbacks.store.deliver("a", .succeeded)
    #expect(try await callbacks.rows().isEmpty && callbacks.waits().isEmpty)
  }

  // MARK: Ids

  /// The same event in another store, such as that of a restored backup, has the same id.
  @Test func `ids are derived from the event alone`() async throws {
    var ids: [[String]] = []
    for _ in 0..<2 {
      let callbacks = try CallbackStore()
      try callbacks.store.place("j1")
      _ = try callbacks.store.cancel("j1")
      try callbacks.store.deliver("a", .succeeded)
      ids.append(try await callbacks.rows().map(\.id))
    }
    #expect(ids[0] == ids[1] && Set(ids[0]).count == 2)
    #expect(ids[0].allSatisfy { $0.hasPrefix("msg_") && !$0.contains(".") })
  }

  @Test func `a job that follows another of the same id has other ids`() async throws {
    let callbacks = try CallbackStore()
    var ids: Set<String> = []
    for _ in 0..<2 {
      try callbacks.store.place("j1")
      _ = try callbacks.store.cancel("j1")
      ids.formUnion(try await callbacks.rows().map(\.id))
      try callbacks.store.delete("j1")
      callbacks.store.advance(OrderedStore.aWhile + 1)
      let now = callbacks.store.now
      try callbacks.store.commit { (transaction) throws(StorageError) in
        _ = try transaction.prune(endedBefore: now, at: now, after: 0, count: 9)
      }
    }
    #expect(ids.count == 2)
  }

  @Test(arguments: ["", "msg_1_2", "msg_1_2_3_4", "msg_a_2_3", "evt_1_2_3", "msg_1_b_3"])
  func `a text that is no id has no position`(_ text: String) {
    #expect(CallbackEvent.position(in: text) == nil)
  }
}
