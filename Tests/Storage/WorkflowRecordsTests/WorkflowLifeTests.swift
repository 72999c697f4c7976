import Jobs
import Ledger
import StoreFixture
import StoreSeam
import Testing
import Time
import WorkflowDefinitions
import WorkflowRecords
import WorkflowRules

/// Which workflow a request finds, resumes and deletes.
@Suite(.everyStore) struct WorkflowLifeTests {
  private static func chain(_ model: String = "m/m", metadata: String = "{}") -> String {
    #"""
    {"metadata":\#(metadata),"steps":[{"name":"a","model":"\#(model)","input":{}},
      {"name":"b","model":"m/m","metadata":{"step":"b"},"input":{"x":{"$from":"a"}}}]}
    """#
  }

  // MARK: - Identity

  @Test func `the same document is the same workflow`() throws {
    let ledger = try WorkflowLedger()
    #expect(try ledger.create(Self.chain(), key: "k") == .created)
    #expect(try ledger.create(Self.chain(), key: "k") == .known(id: "w"))
    #expect(try ledger.create(Self.chain().filter { $0 != "\n" }, id: "v", key: "k") == .known(id: "w"))
    #expect(try ledger.create(Self.chain()) == .known(id: "w"))
    guard case .conflict(isOfKey: true, let earlier) = try ledger.create(Self.chain("m/n"), key: "k"),
      case .conflict(isOfKey: false, _) = try ledger.create(Self.chain("m/n"))
    else {
      Issue.record("another document is not refused")
      return
    }
    #expect(earlier == Array(Self.chain().utf8))
  }

  @Test func `a full queue refuses a workflow, and no step of one that runs`() async throws {
    let ledger = try WorkflowLedger()
    #expect(try ledger.create(Self.chain(), maxQueued: 1) == .created)
    #expect(try ledger.create(Self.chain(), id: "v", maxQueued: 1) == .queueFull)
    try ledger.end("w-w-a-0-1")
    #expect(try await ledger.states() == [.succeeded, .pending])
  }

  @Test func `jobs inherit the metadata of their workflow`() async throws {
    let ledger = try WorkflowLedger()
    try ledger.create(Self.chain(metadata: #"{"user":7,"step":"none"}"#))
    try ledger.end("w-w-a-0-1")
    let filter = { (key: String, value: String) in
      JobFilter(metadata: [MetadataMember(key: key, value: value)])
    }
    #expect(try await ledger.store.ids(filter("user", "7")) == ["w-w-b-0-1", "w-w-a-0-1"])
    #expect(try await ledger.store.ids(filter("step", "b")) == ["w-w-b-0-1"])
    #expect(try await ledger.store.ids(filter("step", "none")) == ["w-w-a-0-1"])
  }

  // MARK: - Resuming

  @Test func `a resume keeps what has succeeded`() async throws {
    let ledger = try WorkflowLedger()
    try ledger.create(Self.chain())
    #expect(try ledger.resume() == .notEnded)
    #expect(try ledger.resume("other") == .notFound)
    try ledger.end("w-w-a-0-1", output: "5")
    try ledger.end("w-w-b-0-1", .failed)
    #expect(try ledger.resume() == .resumed)
    #expect(try await ledger.store.ids() == ["w-w-b-0-2", "w-w-b-0-1", "w-w-a-0-1"])
    #expect(try await ledger.input(ofJob: "w-w-b-0-2").contains(#"{"x":5}"#))
    try ledger.end("w-w-b-0-2", output: "6")
    #expect(try await ledger.output() == "6")
    #expect(try ledger.resume() == .succeeded)
    #expect(ledger.announcements.types == ["w workflow.failed", "w workflow.succeeded"])
  }

  private static let files = #"""
    {"steps":[{"name":"a","model":"m/m","input":{}},
      {"name":"b","model":"m/m","input":{"x":{"$from":"a"}}}]}
    """#
  private static let url = "https://replicate.delivery/xezq/1/out-0.png"

  /// Kept copies of all files.
  private struct Copies: KeptCopies {
    func link(
      to url: String, ofJob number: Int64, at now: Timestamp, in transaction: LedgerTransaction
    ) -> String? { "https://bucket.example/\(number)/\(url.suffix(9))" }
  }

  @Test func `a kept step whose files are gone runs again`() async throws {
    let ledger = try WorkflowLedger()
    try ledger.create(Self.files)
    try ledger.end("w-w-a-0-1", output: #""\#(Self.url)""#)
    try ledger.end("w-w-b-0-1", .failed)
    ledger.store.advance(51 * 60_000)
    #expect(try ledger.resume(isStrict: true) == .outputExpired(step: "a"))
    #expect(try ledger.resume() == .resumed)
    #expect(try await ledger.store.ids() == ["w-w-a-0-2", "w-w-b-0-1", "w-w-a-0-1"])
  }

  @Test func `a kept copy stands in for a file that is gone`() async throws {
    let ledger = try WorkflowLedger(copies: [Copies()])
    try ledger.create(Self.files)
    try ledger.end("w-w-a-0-1", output: #""\#(Self.url)""#)
    try ledger.end("w-w-b-0-1", .failed)
    ledger.store.advance(51 * 60_000)
    #expect(try ledger.resume(isStrict: true) == .resumed)
    let number = try await ledger.store.number("w-w-a-0-1")
    #expect(
      try await ledger.input(ofJob: "w-w-b-0-2").contains("https://bucket.example/\(number)/out-0.png"))
  }

  @Test func `a step that starts too late for its source fails before it is sent`() async throws {
    let ledger = try WorkflowLedger()
    try ledger.create(Self.files)
    try ledger.send()
    let completed = ledger.store.now
    ledger.store.advance(51 * 60_000)
    _ = try ledger.store.ledger.commit([
      ledger.delivery("w-w-a-0-1", output: #""\#(Self.url)""#, completed: completed)
    ])
    #expect(try await ledger.run().error?.code == "output_expired")
    #expect(try await ledger.store.jobCount() == 1)
  }

  @Test func `only the failed item of a fan-out is new`() async throws {
    let ledger = try WorkflowLedger()
    try ledger.create(
      #"{"steps":[{"name":"s","model":"m/m","for_each":[1,2,3],"input":{"x":{"$from":"item"}}}]}"#)
    try ledger.send()
    _ = try ledger.store.ledger.commit([
      ledger.delivery("w-w-s-0-1", output: "10"), ledger.delivery("w-w-s-2-1", output: "30"),
      ledger.delivery("w-w-s-1-1", .failed),
    ])
    #expect(try ledger.resume() == .resumed)
    #expect(try await ledger.store.ids().first == "w-w-s-1-2")
    #expect(try await ledger.store.jobCount() == 4)
    try ledger.end("w-w-s-1-2", output: "20")
    #expect(try await ledger.output() == "[10,20,30]")
  }

  // MARK: - Deleting

  @Test func `a deletion takes the jobs along`() async throws {
    let ledger = try WorkflowLedger()
    try ledger.create(Self.chain(), key: "k")
    try ledger.end("w-w-a-0-1")
    try ledger.end("w-w-b-0-1", .failed)
    _ = try ledger.resume()
    try ledger.end("w-w-b-0-2", output: "1")
    #expect(try ledger.beginErasure() == .begun)
    #expect(try ledger.resume() == .erasing)
    #expect(try ledger.create(Self.chain()) == .erasing)
    #expect(try await ledger.erase() == .done)
    #expect(try await ledger.store.jobCount() == 0)
    #expect(try await ledger.rows() == 0)
    #expect(try ledger.beginErasure() == .notFound)
    #expect(try ledger.create(Self.chain("m/n"), key: "k") == .created)
  }

  @Test func `a deletion waits for what runs`() async throws {
    let ledger = try WorkflowLedger()
    try ledger.create(Self.chain())
    try ledger.send()
    _ = try ledger.store.ledger.commit([ledger.delivery("w-w-a-0-1", .running)])
    #expect(try ledger.beginErasure() == .begun)
    #expect(try await ledger.erase() == .waiting)
    try ledger.end("w-w-a-0-1", .canceled)
    #expect(try await ledger.erase() == .done)
    #expect(try await ledger.store.jobCount() == 0)
    #expect(try await ledger.rows() == 0)
  }

  @Test func `the deletion of one job is that of its workflow, which stops at once`() async throws {
    let ledger = try WorkflowLedger()
    try ledger.create(Self.chain())
    try ledger.end("w-w-a-0-1")
    try ledger.store.delete("w-w-a-0-1")
    #expect(try await ledger.run().state == .canceled)
    #expect(try ledger.send().isEmpty)
    #expect(try await ledger.erase() == .done)
    #expect(try await ledger.store.jobCount() == 0)
    #expect(try await ledger.rows() == 0)
  }

  @Test func `jobs are pruned with their workflow, and not before`() async throws {
    let ledger = try WorkflowLedger()
    try ledger.create(Self.chain())
    try ledger.end("w-w-a-0-1")
    ledger.store.advance(OrderedStore.aWhile)
    let pruneJobs = { () throws in
      let now = ledger.store.now
      return try ledger.store.commit { (transaction) throws(StorageError) in
        try transaction.prune(endedBefore: now, at: now, after: 0, count: 100)
      }.deleted
    }
    #expect(try pruneJobs() == 0)
    #expect(try await ledger.prune(endedBefore: ledger.store.now) == .waiting)
    try ledger.end("w-w-b-0-1")
    ledger.store.advance(OrderedStore.aWhile)
    #expect(try pruneJobs() == 0)
    #expect(try await ledger.prune(endedBefore: Timestamp(milliseconds: 1)) == .waiting)
    #expect(try await ledger.prune(endedBefore: ledger.store.now) == .done)
    #expect(try await ledger.store.jobCount() == 0)
    #expect(try await ledger.rows() == 0)
  }
}
