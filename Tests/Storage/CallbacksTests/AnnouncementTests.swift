@testable import Callbacks
import HTTPClient
import Jobs
import Ledger
import StoreFixture
import StoreSeam
import System
import Tables
import Testing
import Time
import Work

/// Events of what is no job: how they are queued, sent, and withdrawn.
@Suite(.everyStore) struct AnnouncementTests {
  private let own = Order.Callback(url: "https://own.example.com/hook", events: [])

  @Test func `an event of a subject is queued once, for the operator's URL`() async throws {
    let callbacks = try CallbackStore()
    try callbacks.announce()
    #expect(try await callbacks.events() == ["c1 succeeded pending"])
    let row = try #require(try await callbacks.rows().first)
    #expect(row.type == .announced("chain.succeeded") && row.type.subjectKind == "chain")
    #expect(row.job == CallbackStore.number(of: "c1") && row.revision == 3 && row.job < 0)
    let claim = try callbacks.claimOne()
    #expect(claim.receiver.name == "app.example.com" && claim.row == row)
    #expect(try callbacks.finish(claim, .ok) == .delivered)
    #expect(try await callbacks.events() == ["c1 succeeded delivered"])
    #expect(try callbacks.waits().isEmpty)
  }

  @Test func `a subject's own callback replaces the operator's URL`() async throws {
    let callbacks = try CallbackStore(hosts: "own.example.com")
    try callbacks.announce(callback: own)
    try callbacks.announce(of: "c2")
    let claims = try callbacks.claim().claims
    #expect(claims.map(\.row.jobID).sorted() == ["c1", "c2"])
    #expect(claims.first { $0.row.jobID == "c1" }?.receiver.name == "own.example.com")
    #expect(claims.first { $0.row.jobID == "c2" }?.receiver.name == "app.example.com")
  }

  @Test(arguments: [true, false])
  func `without a receiver no event of a subject is stored`(_ hasOwn: Bool) async throws {
    let callbacks = try CallbackStore(url: nil, hosts: hasOwn ? "" : "own.example.com")
    // Hosts are not listed, or the subject names none.
    try callbacks.announce(callback: hasOwn ? own : nil)
    #expect(try await callbacks.rows().isEmpty)
    #expect(try callbacks.waits().isEmpty)
  }

  /// In a restored backup, and in a transaction that is repeated.
  @Test func `an event that happens again has the same id`() async throws {
    let callbacks = try CallbackStore()
    try callbacks.announce()
    let id = try #require(try await callbacks.rows().first?.id)
    try callbacks.announce()
    #expect(try await callbacks.rows().map(\.id) == [id])
    #expect(CallbackEvent.position(in: id)?.job == CallbackStore.number(of: "c1"))
    try callbacks.announce("chain.failed")
    try callbacks.announce(revision: 4)
    let ids = try await callbacks.rows().map(\.id)
    #expect(Set(ids + [id]).count == 3)
  }

  /// Such as a chain that fails, is resumed, and succeeds.
  @Test func `a subject's events are sent one after the other`() async throws {
    let callbacks = try CallbackStore()
    try callbacks.announce("chain.failed", revision: 3)
    try callbacks.announce("chain.succeeded", revision: 9)
    #expect(try callbacks.waits() == [0, nil])
    let first = try callbacks.claimOne()
    #expect(try callbacks.finish(first, .status(503)) == .retried)
    #expect(try callbacks.waits() == [5000, nil])
    callbacks.store.advance(5000)
    #expect(try callbacks.finish(try callbacks.claimOne(), .ok) == .delivered)
    #expect(try callbacks.claimOne().row.type == .announced("chain.succeeded"))
  }

  @Test func `a failed event of a subject is retried by request`() async throws {
    let callbacks = try CallbackStore()
    try callbacks.announce()
    let gone = CallbackOutcome.rejected(CallbackFailure(status: 410, reason: "answered 410"))
    #expect(try callbacks.finish(try callbacks.claimOne(), gone) == .failed)
    let id = try #require(try await callbacks.rows().first?.id)
    guard case .due = try callbacks.retry(id) else {
      Issue.record("it is not due")
      return
    }
    #expect(try callbacks.finish(try callbacks.claimOne(), .ok) == .delivered)
    #expect(try callbacks.retry(id) == .delivered)
  }

  @Test func `a withdrawn subject takes its events along, and no other's`() async throws {
    let callbacks = try CallbackStore(hosts: "own.example.com")
    try callbacks.announce("chain.failed", callback: own)
    try callbacks.announce(revision: 9, callback: own)
    try callbacks.announce(of: "c2", callback: own)
    let claim = try #require(try callbacks.claim().claims.first { $0.row.jobID == "c1" })
    try callbacks.withdraw("c1")
    #expect(try await callbacks.events() == ["c2 succeeded pending"])
    #expect(try callbacks.waits().count == 1)
    #expect(try callbacks.finish(claim, .ok) == .dropped)
    #expect(try await callbacks.store.reader.rows(TableQuery(TargetTable.declaration, limit: 9)).count == 1)
    #expect(try callbacks.retry(claim.row.id) == .unknown)
  }

  @Test func `delivered events of subjects are pruned after a day`() async throws {
    let callbacks = try CallbackStore()
    try callbacks.announce()
    try callbacks.finish(try callbacks.claimOne(), .ok)
    callbacks.store.advance(1)
    let (now, rows) = (callbacks.store.now, try await callbacks.rows())
    let deleted = try callbacks.store.commit { (transaction) throws(StorageError) in
      try transaction.pruneCallbacks(rows, deliveredBefore: now)
    }
    #expect(deleted == 1)
    #expect(try await callbacks.rows().isEmpty)
  }

  @Test func `events of jobs are read by their names, and unknown ones are left alone`() {
    #expect(CallbackType("job.failed", isOfJob: true) == .failed)
    #expect(CallbackType("job.renamed", isOfJob: true) == nil)
    #expect(CallbackType("chain.failed", isOfJob: true) == nil)
    #expect(CallbackType("chain.failed", isOfJob: false)?.isEnd == true)
  }

  // MARK: Sending

  private static func status(_ status: Int) -> (SimulatedApp.Reply, Duration) {
    (.success(HTTPClientResponse(status: status)), .milliseconds(5))
  }

  @Test func `a callback carries the subject as it is when it is sent`() async throws {
    let sender = try SimulatedSender()
    sender.chains.documents.withLock { $0["c1"] = #"{"id":"c1","state":"failed"}"# }
    sender.app.answer = { [app = sender.app] _ in Self.status(app.tries.count < 2 ? 500 : 200) }
    sender.announce("chain.failed", of: "c1")
    sender.run(for: .seconds(1))
    sender.chains.documents.withLock { $0["c1"] = #"{"id":"c1","state":"running"}"# + "\n" }
    sender.run(for: .seconds(10))
    let bodies = sender.app.tries.map { String(decoding: $0.request.body ?? [], as: UTF8.self) }
    #expect(bodies.count == 2 && Set(sender.app.tries.map(\.id)).count == 1)
    #expect(bodies.allSatisfy { $0.hasPrefix(#"{"type":"chain.failed","timestamp":""#) })
    #expect(bodies.first?.hasSuffix(#""data":{"id":"c1","state":"failed"}}"#) == true)
    #expect(bodies.last?.hasSuffix(#""data":{"id":"c1","state":"running"}}"#) == true)
  }

  /// No job changes with it, so that no reader of jobs is woken.
  @Test func `an idle sender is woken by an event of a subject`() async throws {
    let sender = try SimulatedSender()
    sender.chains.documents.withLock { $0["c1"] = #"{"id":"c1"}"# }
    sender.run(for: .seconds(100))
    sender.announce("chain.succeeded", of: "c1")
    sender.run(for: .milliseconds(100))
    #expect(sender.app.accepted.map(\.job) == ["c1"])
  }

  @Test func `an event whose subject is gone is dropped, and the next one is sent`() async throws {
    let sender = try SimulatedSender()
    sender.chains.documents.withLock { $0["c2"] = #"{"id":"c2"}"# }
    sender.announce("chain.failed", of: "c1")
    sender.announce("chain.failed", of: "c2")
    sender.run(for: .seconds(60))
    #expect(sender.app.tries.map(\.job) == ["c2"])
    #expect(try await sender.rows().map(\.jobID) == ["c2"])
  }

  @Test(arguments: ["chain.failed", "unknown.failed"])
  func `an event whose document cannot be made is tried again`(_ type: String) async throws {
    let sender = try SimulatedSender()
    sender.chains.documents.withLock { $0["c1"] = .some(nil) }
    sender.announce(type, of: "c1")
    sender.run(for: .seconds(60))
    let row = try #require(try await sender.rows().first)
    #expect(sender.app.tries.isEmpty && row.state == .pending && row.tries >= 2)
    #expect(row.error?.contains(type == "chain.failed" ? "could not be read" : "no documents") == true)
  }

  @Test func `a daemon killed with a subject's event in flight sends it again`() async throws {
    let sender = try SimulatedSender()
    sender.chains.documents.withLock { $0["c1"] = #"{"id":"c1"}"# }
    sender.app.answer = { _ in (.success(HTTPClientResponse(status: 200)), .seconds(10)) }
    sender.announce("chain.succeeded", of: "c1")
    sender.run(for: .seconds(1))
    try sender.kill()
    sender.app.answer = { _ in Self.status(200) }
    try sender.start()
    sender.runUntilTakeover()
    #expect(sender.app.tries.count == 2 && Set(sender.app.tries.map(\.id)).count == 1)
    #expect(try await sender.rows().map(\.state) == [.delivered])
  }
}

extension SimulatedSender {
  func announce(_ type: String, of chain: String) {
    let event = CallbackStore.announcement(type, of: chain, at: now)
    write { transaction throws(StorageError) in transaction.announce(event) }
  }
}
