import Ledger
@testable import Callbacks
import HTTPClient
import JSONText
import Jobs
import StoreSeam
@testable import Observability
import Simulation
import StandardWebhooks
import StoreFixture
import Testing
@testable import Time

/// The sender between a store and apps that fail, on a simulated clock.
@Suite(.everyStore) struct SenderTests {
  private static func status(_ status: Int, after duration: Duration = .milliseconds(5)) -> (
    SimulatedApp.Reply, Duration
  ) {
    (.success(HTTPClientResponse(status: status)), duration)
  }

  private static let down: SimulatedApp.Reply = .failure(.unsent("Could not connect to server"))

  @Test func `an end is sent at once, signed, with the job as it is`() async throws {
    let sender = try SimulatedSender()
    sender.run(for: .seconds(1))
    sender.deliver(.succeeded, of: "p1")
    sender.run(for: .milliseconds(100))
    let sent = try #require(sender.app.tries.first)
    #expect(sender.app.tries.count == 1 && sent.url == "https://app.example.com/hook")
    #expect(sent.type == "job.succeeded" && sent.job == "p1")
    let body = try #require(sent.request.body)
    let event = try JSONScanner.object(body.span)
    #expect(event.members.count == 3)
    let time = event.value(named: "timestamp", in: body.span)?.text(in: body.span)
    let row = try #require(try await sender.rows().first)
    #expect(time == row.occurredAt.rfc3339 && row.state == .delivered && row.id == sent.id)
    #expect(sent.request.timeout == .seconds(15) && sent.request.maxBodyBytes == 64 * 1024)
    #expect(sent.request.fields.contains("Content-Type: application/json"))
    // With the secret that the store has made, and that the verb shows.
    let keys = SigningKeys(configured: [])
    let secrets = try await keys.revealed(from: try sender.backend.openReader())
    let verifier = try #require(
      Verifier(secrets: try secrets.map { try Secret($0) }, toleranceSeconds: 300))
    func field(_ name: String) -> String {
      sent.request.fields.first { $0.hasPrefix(name + ": ") }.map { String($0.dropFirst(name.count + 2)) }
        ?? ""
    }
    let headers = SignatureHeaders(
      id: sent.id, timestamp: field("webhook-timestamp"), signature: field("webhook-signature"))
    let age = try verifier.verify(headers, body: body.span, now: sender.now.milliseconds / 1000)
    #expect(age.ageSeconds <= 1)
    try sender.kill()
    try sender.start()
    sender.run(for: .seconds(1))
    #expect(try await keys.revealed(from: try sender.backend.openReader()) == secrets)
  }

  @Test func `every try of an event has the same id`() async throws {
    let sender = try SimulatedSender()
    sender.app.answer = { [app = sender.app] _ in Self.status(app.tries.count < 5 ? 500 : 204) }
    sender.deliver(.failed, of: "p1")
    sender.run(for: .seconds(1000))
    #expect(sender.app.tries.count == 5 && Set(sender.app.tries.map(\.id)).count == 1)
    let pauses = zip(sender.app.tries, sender.app.tries.dropFirst()).map { $1.time - $0.time }
    for (pause, planned) in zip(pauses, [5, 30, 120, 600]) {
      #expect(pause >= .seconds(planned) && pause <= .seconds(planned) * 1.25, "\(pause)")
    }
    #expect(try await sender.rows().map(\.state) == [.delivered])
  }

  /// A receiver that is down is probed, and all is sent soon after it is back.
  @Test func `a receiver that is down for a day is probed, and then receives all in order`() async throws {
    // This and the next test are of the schedule: hundreds of wake-ups, each with many reads.
    guard StoreKind.current == .sqlite else { return }
    let sender = try SimulatedSender(hosts: "own.example.com")
    var isDown = true
    sender.app.answer = { _ in isDown ? (Self.down, .milliseconds(1)) : Self.status(200) }
    for number in 0..<40 { sender.deliver(.succeeded, of: "p\(number)") }
    sender.place("j1", url: "https://own.example.com/x", events: ["running"])
    sender.deliver(.running, of: "own", naming: "j1")
    sender.run(for: .seconds(3600))
    sender.deliver(.succeeded, of: "own")
    sender.run(for: .seconds(23 * 3600))
    let tries = sender.app.tries.count
    // 288 probes of each receiver at five minutes, and what came before they were probed.
    #expect(tries > 100 && tries < 700, "\(tries)")
    #expect(sender.log.contains("callback receiver keeps failing") && !sender.log.contains("/hook"))
    isDown = false
    sender.run(for: .seconds(4 * 3600))
    #expect(Set(sender.app.accepted.map(\.id)).count == 41 && sender.app.accepted.count == 41)
    #expect(sender.app.accepted.filter { $0.job == "j1" }.map(\.type) == ["job.succeeded"])
    #expect(sender.log.contains("callback receiver accepts callbacks again"))
    #expect(try await sender.rows().allSatisfy { $0.state == .delivered })
  }

  @Test func `after three days an event has failed, is logged, and stays`() async throws {
    guard StoreKind.current == .sqlite else { return }
    let sender = try SimulatedSender()
    sender.app.answer = { _ in Self.status(302) }
    sender.deliver(.succeeded, of: "p1")
    sender.run(for: .seconds(3 * 86_400 + 3600))
    let row = try #require(try await sender.rows().first)
    #expect(row.state == .failed && row.status == 302)
    #expect(row.error == "answered 302; redirects are not followed")
    #expect(sender.app.tries.count >= 20 && sender.app.tries.count < 40)
    #expect(sender.log.contains("callback failed; it stays listed"))
    let tries = sender.app.tries.count
    sender.run(for: .seconds(86_400))
    #expect(sender.app.tries.count == tries)
  }

  @Test func `a 410 ends one event, and no other`() async throws {
    let sender = try SimulatedSender()
    sender.app.answer = { Self.status($0.job == "p1" ? 410 : 200) }
    for job in ["p1", "p2"] { sender.deliver(.succeeded, of: job) }
    sender.run(for: .seconds(60))
    #expect(sender.app.tries.count == 2)
    #expect(try await sender.rows().map(\.state) == [.failed, .delivered])
  }

  @Test func `a receiver that does not answer delays no other`() async throws {
    let sender = try SimulatedSender(hosts: "*.example.com")
    sender.app.answer = { attempt in
      attempt.url.contains("dead") ? (Self.down, .seconds(3600)) : Self.status(200)
    }
    for number in 0..<50 {
      sender.place("dead-\(number)", url: "https://dead.example.com/\(number)")
      sender.deliver(.succeeded, of: "d\(number)", naming: "dead-\(number)")
    }
    sender.run(for: .seconds(1))
    for number in 0..<50 {
      sender.place("good-\(number)", url: "https://good\(number % 9).example.com/\(number)")
      sender.deliver(.succeeded, of: "g\(number)", naming: "good-\(number)")
    }
    let start = sender.kernel.monotonicTime
    sender.run(for: .seconds(2))
    let good = sender.app.accepted.filter { $0.job.hasPrefix("good") }
    #expect(good.count == 50 && good.allSatisfy { $0.time - start < .seconds(1) })
    #expect(sender.app.maxInFlight["dead.example.com"] == ReceiverState.maxInFlight)
    sender.run(for: .seconds(600))
    #expect(sender.app.maxInFlight["dead.example.com"] == ReceiverState.maxInFlight)
  }

  @Test func `tries in flight are bounded, for a receiver and for all`() async throws {
    let sender = try SimulatedSender(hosts: "*.example.com")
    sender.app.answer = { _ in Self.status(200, after: .milliseconds(900)) }
    for number in 0..<200 {
      sender.place("j\(number)", url: "https://host\(number % 4).example.com/")
      sender.deliver(.succeeded, of: "p\(number)", naming: "j\(number)")
    }
    sender.run(for: .seconds(60))
    #expect(sender.app.accepted.count == 200)
    #expect(sender.app.maxInFlight["all"] == Receivers.maxInFlight)
    #expect(sender.app.maxInFlight.filter { $0.key != "all" }.values.allSatisfy { $0 <= 8 })
  }

  @Test func `a backlog is sent as fast as the receiver answers`() async throws {
    let sender = try SimulatedSender()
    sender.app.answer = { _ in Self.status(200, after: .milliseconds(40)) }
    // A server takes longer for each, on the real clock.
    let count = StoreKind.current == .sqlite ? 400 : 60
    for number in 0..<count { sender.deliver(.succeeded, of: "p\(number)") }
    let start = sender.kernel.monotonicTime
    sender.run(for: .seconds(30))
    #expect(sender.app.accepted.count == count)
    let last = try #require(sender.app.accepted.last).time - start
    // Eight at a time, 25 a second each.
    #expect(last < .seconds(3), "\(last)")
  }

  // MARK: The daemon dies

  /// The claim was committed, and the result was not.
  @Test(arguments: [true, false])
  func `a daemon killed with a try in flight makes it again`(_ isAccepted: Bool) async throws {
    let sender = try SimulatedSender()
    sender.app.answer = { _ in Self.status(isAccepted ? 200 : 500, after: .seconds(10)) }
    sender.deliver(.succeeded, of: "p1")
    sender.run(for: .seconds(1))
    try sender.kill()
    sender.app.answer = { _ in Self.status(200) }
    try sender.start()
    sender.runUntilTakeover()
    #expect(sender.app.tries.count == 2 && Set(sender.app.tries.map(\.id)).count == 1)
    #expect(try await sender.rows().map(\.state) == [.delivered])
  }

  @Test func `an end behind a try of a killed daemon is sent at the next start`() async throws {
    let sender = try SimulatedSender(url: nil, hosts: "own.example.com")
    sender.app.answer = { _ in Self.status(200, after: .seconds(10)) }
    sender.place("j1", url: "https://own.example.com/", events: ["running"])
    sender.deliver(.running, of: "p1", naming: "j1")
    sender.run(for: .seconds(1))
    sender.deliver(.succeeded, of: "p1")
    sender.run(for: .seconds(1))
    #expect(sender.app.tries.map(\.type) == ["job.running"])
    try sender.kill()
    sender.app.answer = { _ in Self.status(200) }
    try sender.start()
    sender.runUntilTakeover()
    #expect(sender.app.tries.map(\.type) == ["job.running", "job.succeeded"])
  }

  @Test func `an event of a daemon that died before it was claimed is sent by the next one`() async throws {
    let sender = try SimulatedSender()
    try sender.kill()
    let store = try OrderedStore(
      on: sender.backend, tables: CallbackStore.tables,
      hooks: [CallbackHook(hasURL: true, acceptsTargets: false)])
    store.now = sender.now
    try store.deliver("a", .succeeded)
    try sender.start()
    sender.run(for: .seconds(1))
    #expect(sender.app.accepted.map(\.job) == ["p1"])
  }

  @Test func `a wall clock that is set back delays no event by more than two minutes`() async throws {
    let sender = try SimulatedSender()
    sender.app.answer = { [app = sender.app] _ in Self.status(app.tries.count < 2 ? 500 : 200) }
    sender.deliver(.succeeded, of: "p1")
    sender.run(for: .seconds(1))
    sender.kernel.stepWallClock(byMilliseconds: -7_200_000)
    sender.run(for: .seconds(120))
    #expect(sender.app.accepted.count == 1)
  }

  /// The times of a job that was updated before the step are in the future then.
  @Test func `an end after the wall clock was set back is sent at once`() async throws {
    let sender = try SimulatedSender()
    sender.deliver(.running, of: "p1")
    sender.run(for: .seconds(1))
    sender.kernel.stepWallClock(byMilliseconds: -7_200_000)
    sender.run(for: .seconds(1))
    sender.deliver(.succeeded, of: "p1")
    sender.run(for: .seconds(1))
    #expect(sender.app.accepted.map(\.type) == ["job.succeeded"])
  }

  @Test func `a deleted job is not notified`() async throws {
    let sender = try SimulatedSender()
    sender.app.answer = { _ in Self.status(500) }
    sender.deliver(.succeeded, of: "p1")
    sender.run(for: .seconds(1))
    sender.delete("p1")
    sender.run(for: .seconds(3600))
    #expect(sender.app.tries.count == 1)
    #expect(try await sender.rows().isEmpty)
  }

  @Test func `delivered events are deleted after a day, and the age of pending ones is measured`()
    async throws
  {
    let sender = try SimulatedSender()
    sender.app.answer = { Self.status($0.job == "p1" ? 200 : 500) }
    sender.deliver(.succeeded, of: "p1")
    sender.deliver(.succeeded, of: "p2")
    sender.run(for: .seconds(600))
    #expect((480...600).contains(sender.metrics.oldestPending.value))
    sender.run(for: .seconds(86_300 - 600))
    #expect(try await sender.rows().count == 2)
    sender.run(for: .seconds(200))
    #expect(try await sender.rows().map(\.jobID) == ["p2"])
  }

  // MARK: Seeds

  /// Apps that fail at random, and a daemon that dies at random.
  @Test(arguments: 0..<40 as Range<UInt64>)
  func `each end arrives at least once, in order, with one id`(_ seed: UInt64) async throws {
    var random = SeededGenerator(seed: seed)
    let sender = try SimulatedSender(hosts: "*.example.com", seed: seed)
    var isFaulty = true
    sender.app.answer = { _ in
      let duration = Duration.milliseconds([1, 30, 4000, 14_000].randomElement(using: &random) ?? 1)
      guard isFaulty else { return Self.status(200, after: .milliseconds(3)) }
      switch Int.random(in: 0..<8, using: &random) {
      case 0: return (Self.down, .milliseconds(1))
      case 1: return Self.status(500, after: duration)
      case 2: return Self.status(307, after: duration)
      // It closes early, and it answers 200 after its time.
      case 3: return (.failure(.unanswered("closed")), duration)
      case 4: return Self.status(200, after: .seconds(20))
      default: return Self.status(200, after: duration)
      }
    }
    for number in 0..<12 {
      let url = "https://host\(number % 3).example.com/"
      sender.place("j\(number)", url: url, events: ["running", "progress"])
      for phase in [Phase.running, .running, .running, .succeeded] {
        sender.deliver(phase, of: "p\(number)", naming: "j\(number)")
        sender.run(for: .milliseconds(Int.random(in: 0...20_000, using: &random)))
        guard random.happens(onceIn: 12) else { continue }
        try sender.kill()
        try sender.start()
      }
    }
    isFaulty = false
    sender.run(for: .seconds(4 * 3600))
    for number in 0..<12 {
      let sent = sender.app.accepted.filter { $0.job == "j\(number)" }
      let ends = sent.filter { $0.type == "job.succeeded" }
      #expect(!ends.isEmpty && Set(ends.map(\.id)).count == 1, "j\(number): \(sent.map(\.type))")
      // No other event comes after the end.
      #expect(sent.drop { $0.type != "job.succeeded" }.allSatisfy { $0.type == "job.succeeded" })
      // An event has one id, and a try that may have been accepted is repeated before the next event.
      let ids = sent.map(\.id)
      let runs = zip(ids, ids.dropFirst()).count { $0 != $1 } + (ids.isEmpty ? 0 : 1)
      #expect(runs == Set(ids).count, "j\(number): \(ids)")
    }
    #expect(try await sender.rows().allSatisfy { $0.state == .delivered })
  }
}

extension SimulatedSender {
  func delete(_ id: String) {
    let expiresAt = now.advanced(byMilliseconds: 3_600_000)
    write { transaction throws(StorageError) in
      _ = try transaction.deleteJob(id, tombstoneUntil: expiresAt)
    }
  }
}
