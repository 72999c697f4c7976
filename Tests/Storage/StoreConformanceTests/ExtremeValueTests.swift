import Ledger
import Jobs
import StoreSeam
import StoreFixture
import Testing
import Time

/// Values that a provider or an app may send, and that some store cannot index or has no type for.
///
/// A delivery that no store accepts would be sent again until its provider gives up.
@Suite(.everyStore) struct ExtremeValueTests {
  private static func noise(_ bytes: Int) -> String {
    // Does not compress: an index row is measured after compression.
    var state: UInt64 = 7
    return String(
      (0..<bytes).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Character(UnicodeScalar(UInt8(33 + (state >> 40) % 90)))
      })
  }

  enum Model: String, CaseIterable {
    case nul, long, longWithoutPattern, emoji, empty, quotes

    var text: String {
      switch self {
      case .nul: "owner/\u{0}model\u{0}"
      case .long: String(repeating: "x", count: 100_000)
      case .longWithoutPattern: ExtremeValueTests.noise(100_000)
      case .emoji: String(repeating: "👩‍👩‍👧‍👦é", count: 60)
      case .empty: ""
      case .quotes: #"'; DROP TABLE jobs; -- \ {"a",NULL}"#
      }
    }
  }

  @Test(arguments: Model.allCases)
  func `a model of any form is stored, listed and filtered`(_ model: Model) async throws {
    let store = try OrderedStore()
    let text = model.text
    for (id, status, phase) in [("a", "processing", Phase.running), ("b", "failed", .failed)] {
      _ = try store.ledger.commit([Sample.delivery(id, of: "p", status, phase, model: text)])
    }
    _ = try store.ledger.commit([
      Sample.delivery("c", of: "q", "failed", .failed, model: String(text.prefix(300)) + "+")
    ])
    #expect(try await store.job("p").model == text)
    #expect(try await store.ids(JobFilter(model: text)) == ["p"])
    #expect(try await store.ids(JobFilter(state: .failed, model: text)) == ["p"])
    let listed = try await store.reader.changes(
      after: 0, limit: 9, matching: JobFilter(model: text), including: [])
    #expect(listed.entries.map(\.id) == ["p"])
  }

  @Test func `an error of any text is stored`() async throws {
    let store = try OrderedStore()
    let message = "\u{0}\u{1}no é 👍 \\ ' \u{FFFF}" + Self.noise(20_000)
    let step = try store.send("j1", retries: 1)
    try store.report(step.order.number, .running)
    try store.deliver("a", .failed, error: JobError(code: JobError.interrupted, message: message))
    let attempts = try await store.record("j1").attempts
    #expect(attempts.map(\.error?.message) == [message])
    try store.deliver("b", of: "q", .failed, error: JobError(code: "unknown", message: message))
    #expect(try await store.job("q").error?.message == message)
  }

  /// The longest names that the API accepts.
  @Test func `metadata of the greatest size is stored and filtered`() async throws {
    let store = try OrderedStore()
    let (key, value) = (Self.noise(64), Self.noise(255) + "\u{0}")
    try store.place("j1", [(key, value), ("k\u{0}", "\u{0}")])
    let filter = { (member: (String, String)) in
      JobFilter(metadata: [MetadataMember(key: member.0, value: member.1)])
    }
    #expect(try await store.ids(filter((key, value))) == ["j1"])
    #expect(try await store.ids(filter(("k\u{0}", "\u{0}"))) == ["j1"])
    #expect(try await store.ids(filter((key, String(value.dropLast())))).isEmpty)
    let rows = try await store.reader.jobs(
      withMember: key, after: .start, limit: 9, times: Timestamp(milliseconds: 0)..<Timestamp.distantFuture)
    #expect(rows.count == 1)
  }

  @Test func `ids of the greatest length are stored and found`() async throws {
    let store = try OrderedStore()
    let (id, key, prediction, webhook) = (
      Self.noise(255), Self.noise(255), Self.noise(254) + "p", Self.noise(254) + "w"
    )
    try store.place(id, key: key)
    try store.report(try store.step().order.number, of: prediction, .running)
    try store.deliver(webhook, of: prediction, .succeeded)
    #expect(try await store.job(prediction).id == id)
    #expect(try await store.ids(JobFilter(ids: [prediction])) == [id])
    #expect(try store.deliver(webhook, of: prediction, .succeeded).outcome == .duplicate)
    try store.delete(id)
    #expect(try await store.reader.changes(after: 0, limit: 9).map(\.id) == [id])
  }

  /// Numbers from a body, as large as they may be.
  @Test(arguments: [Int64.max, .min, -1, 0])
  func `numbers of any size are stored`(_ number: Int64) async throws {
    let store = try OrderedStore()
    let time = Timestamp(milliseconds: number)
    let snapshot = Snapshot(
      predictionID: "p", providerStatus: "succeeded", phase: .succeeded, model: "m", createdAt: time,
      startedAt: time, completedAt: time, predictMilliseconds: number,
      evidence: Evidence(
        logsSize: Int(number.magnitude >> 1), outputSize: .max, digest: Sample.digest(of: "x")))
    _ = try store.ledger.commit([
      Delivery(webhookID: "w", receivedAt: store.now, snapshot: snapshot, body: Array("{}".utf8))
    ])
    let stored = try #require(try await store.job("p").snapshot)
    #expect(stored.createdAt == time && stored.startedAt == time)
    #expect(stored.evidence == snapshot.evidence)
  }

  @Test func `a body of 8 MiB is stored as it is`() async throws {
    let store = try OrderedStore()
    let body = "{\"x\":\"" + Self.noise(8 << 20) + "\"}"
    _ = try store.ledger.commit([Sample.delivery("w", of: "p", "processing", .running, body: body)])
    #expect(try await store.record("p").body == Array(body.utf8))
  }
}
