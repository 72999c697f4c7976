import Glibc
import Jobs
import Ledger
import StoreSeam
import PostgreSQLServer
import Simulation
import StoreFixture
import Testing
import Time

/// A connection that is lost at any byte of a commit.
@Suite(.enabled(if: PostgreSQLServer.isAvailable)) struct CutTests {
  private static let now = Timestamp(milliseconds: 2_000_000)

  /// `STORE_CUTS` is how many bytes of each direction are tried; `all` for each of them.
  private static func offsets(of total: Int, _ random: inout SeededGenerator) -> [Int] {
    let setting = getenv("STORE_CUTS").map { String(cString: $0) } ?? "40"
    guard let count = Int(setting) else { return Array(0...total) }
    // The last bytes are those of COMMIT and of its result.
    let last = stride(from: max(0, total - 24), through: total, by: 3)
    return (0..<count).map { _ in Int.random(in: 0...total, using: &random) } + last
  }

  /// What one batch does: every kind of command that must not be done twice.
  private struct Batch {
    let number: Int
    let deliveries: [Delivery]
    let commands: [any LedgerCommand]
    let enqueued: LedgerWork<EnqueueResult>
    let claims: LedgerWork<[OrderStep]>
    let deletion: LedgerWork<Job?>
    let recordings: [LedgerWork<Recording>]

    /// What must have been committed before.
    static func prepare(_ number: Int, on ledger: Ledger) throws {
      _ = try ledger.commit([Sample.delivery("old\(number)", of: "old\(number)", "succeeded", .succeeded)])
      try ledger.commit { (transaction) throws(StorageError) in
        _ = try transaction.enqueue(OrderedStore.order("claimed\(number)", at: CutTests.now))
      }
    }

    init(_ number: Int) {
      self.number = number
      deliveries = [
        Sample.delivery("a\(number)", of: "p\(number)", "processing", .running, logs: 10),
        Sample.delivery("b\(number)", of: "p\(number)", "succeeded", .succeeded, logs: 20),
        Sample.delivery("c\(number)", of: "q\(number)", "starting", .pending),
      ]
      recordings = deliveries.map { delivery in
        LedgerWork(reading: .of(delivery)) { (transaction) throws(StorageError) in
          try transaction.record(delivery)
        }
      }
      claims = LedgerWork { (transaction) throws(StorageError) in
        try transaction.claimOrderSteps(
          at: CutTests.now, creates: 1, cancels: 0, finds: 0, lease: 35_000)
      }
      // After the claim, so that it stays queued.
      let order = OrderedStore.order("new\(number)", at: CutTests.now.advanced(byMilliseconds: 1_000_000))
      enqueued = LedgerWork { (transaction) throws(StorageError) in try transaction.enqueue(order) }
      deletion = LedgerWork { (transaction) throws(StorageError) in
        try transaction.deleteJob("old\(number)", tombstoneUntil: .distantFuture)
      }
      commands = recordings + [claims, enqueued, deletion]
    }

    /// What is wrong with the results that the submitters receive, or with the store.
    func findings(in reader: any StoreReader) async throws -> [String] {
      var findings: [String] = []
      func check(_ isRight: Bool, _ text: String) { if !isRight { findings.append(text) } }
      check(recordings.compactMap(\.value?.outcome) == [.applied, .applied, .applied], "recordings")
      check(claims.value?.map(\.job.id) == ["claimed\(number)"], "claims \(claims.value as Any)")
      if case .created = enqueued.value {} else { findings.append("enqueued \(enqueued.value as Any)") }
      check(deletion.value??.id == "old\(number)", "deleted \(deletion.value as Any)")
      for (id, outcomes) in [("p\(number)", 2), ("q\(number)", 1)] {
        let history = try await reader.history(ofJob: id, after: 0, limit: 9)?.entries ?? []
        check(history.map(\.outcome) == Array(repeating: .applied, count: outcomes), "history of \(id)")
      }
      check(try await reader.job("p\(number)")?.job.revision == 2, "revision")
      check(try await reader.job("claimed\(number)")?.order?.tries == 1, "claimed more than once")
      check(try await reader.job("new\(number)")?.order?.stage == .queued, "not enqueued")
      check(try await reader.job("old\(number)") == nil, "not deleted")
      return findings
    }
  }

  @Test(arguments: [TCPRelay.Side.client, .server])
  func `a commit that is cut at any byte is done once, and reported as done`(
    _ side: TCPRelay.Side
  ) async throws {
    let database = try SharedDatabase()
    let relay = try TCPRelay(before: database.backend.database.server.port)
    defer { relay.close() }
    var node = database.node()
    let direct = try node.ledger()
    node = Node(url: relay.url(database: database.backend.database.name), name: "cut")
    let observations = Observations()
    let ledger = try node.ledger(observations)
    // Without a cut, to prepare the statements and to know the length.
    var number = 0
    var total = 0
    for _ in 0..<2 {
      number += 1
      try Batch.prepare(number, on: direct)
      relay.cutNext(nil)
      let batch = Batch(number)
      #expect(try ledger.commit(batch.commands[...]).count == batch.commands.count)
      total = relay.forwardedBytes(from: side)
      #expect(try await batch.findings(in: database.reader).isEmpty)
    }
    var random = SeededGenerator(seed: side == .client ? 1 : 2)
    for offset in Self.offsets(of: total, &random) {
      number += 1
      try Batch.prepare(number, on: direct)
      relay.cutNext(.afterBytes(offset, from: side))
      let batch = Batch(number)
      let commit = try ledger.commit(batch.commands[...])
      #expect(commit.count == batch.commands.count, "cut after \(offset) bytes of the \(side)")
      // Each change is reported once.
      #expect(commit.changes.count == 5, "cut after \(offset) bytes of the \(side): \(commit.changes)")
      let findings = try await batch.findings(in: database.reader)
      #expect(findings.isEmpty, "cut after \(offset) bytes of the \(side): \(findings)")
    }
    #expect(relay.cutCount > 20)
    #expect(observations["reconnecting"] > 20)
    // Both are met: what the server had committed, and what it had not.
    if side == .server { #expect(observations["committed"] > 0) }
    #expect(try database.strayRows().isEmpty)
  }

  /// The answer is lost at the one place where the naive repeat would count a delivery twice.
  @Test func `a commit whose result is lost is settled, not repeated`() async throws {
    let database = try SharedDatabase()
    let relay = try TCPRelay(before: database.backend.database.server.port)
    defer { relay.close() }
    let observations = Observations()
    let ledger = try Node(url: relay.url(database: database.backend.database.name), name: "cut")
      .ledger(observations)
    _ = try ledger.commit([Sample.delivery("first", of: "p", "starting", .pending)])
    for round in 1...5 {
      relay.cutNext(.onText("COMMIT", from: .server))
      let delivery = Sample.delivery("w\(round)", of: "p", "processing", .running, logs: round)
      #expect(try ledger.commit([delivery]).map(\.outcome) == [.applied])
      #expect(observations["committed"] == round)
    }
    let history = try #require(try await database.reader.history(ofJob: "p", after: 0, limit: 99))
    #expect(history.entries.map(\.outcome) == Array(repeating: .applied, count: 6))
  }

  /// As after the loss of a machine: nothing closes the connection.
  @Test func `a commit without an answer fails at the end of its hold, and is done once`() async throws {
    let database = try SharedDatabase()
    let relay = try TCPRelay(before: database.backend.database.server.port)
    defer { relay.close() }
    var node = Node(url: relay.url(database: database.backend.database.name), name: "held")
    node.hold = .milliseconds(300)
    let ledger = try node.ledger()
    let delivery = Sample.delivery("w", of: "p", "processing", .running)
    _ = try ledger.commit([Sample.delivery("first", of: "p", "starting", .pending)])
    relay.setFrozen(true)
    let start = MonotonicClock.now
    #expect(throws: StorageError.self) { _ = try ledger.commit([delivery]) }
    let duration = MonotonicClock.now - start
    #expect(duration >= .milliseconds(300) && duration < .seconds(5))
    relay.setFrozen(false)
    // The provider sends it again.
    var outcome: DeliveryOutcome?
    try eventually("the store to commit again") {
      outcome = try? ledger.commit([delivery]).first?.outcome
      return outcome != nil
    }
    let history = try #require(try await database.reader.history(ofJob: "p", after: 0, limit: 9))
    #expect(history.entries.count { $0.outcome == .applied } == 2)
    #expect(try await database.reader.job("p")?.job.revision == 2)
  }

  /// A delivery may have waited for the batch before it.
  @Test func `batches wait half as long after one that has waited in vain`() throws {
    let database = try SharedDatabase()
    let relay = try TCPRelay(before: database.backend.database.server.port)
    defer { relay.close() }
    var node = Node(url: relay.url(database: database.backend.database.name), name: "waiting")
    node.hold = .seconds(4)
    let ledger = try node.ledger()
    relay.setFrozen(true)
    func wait(_ webhookID: String) -> Duration {
      let start = MonotonicClock.now
      #expect(throws: StorageError.self) {
        try ledger.commit([Sample.delivery(webhookID, of: "p", "starting", .pending)])
      }
      return MonotonicClock.now - start
    }
    #expect(wait("a") > .milliseconds(3900))
    let second = wait("b")
    #expect(second > .milliseconds(1900) && second < .milliseconds(3900), "\(second)")
    relay.setFrozen(false)
  }
}
