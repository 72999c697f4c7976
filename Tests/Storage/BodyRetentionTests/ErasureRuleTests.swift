import BodyRetention
import Jobs
import Ledger
import StoreFixture
import StoreSeam
import Synchronization
import Tables
import Testing
import Time
import Work

/// Erasing the bodies of ended jobs, on request and in passes.
@Suite(.everyStore) struct ErasureRuleTests {
  /// A text that each body has, and no part that stays.
  static let secret = "a-prompt-that-nobody-may-find"
  private static let request =
    #"{"model":"owner/model","input":{"prompt":"\#(secret)"},"metadata":{"user":7}}"#

  /// Keeps the bodies of the jobs whose ids begin with `needed`.
  private final class Reader: TransactionReaction {
    let isOpen = Atomic(true)

    func react(to transitions: ArraySlice<JobTransition>, in transaction: LedgerTransaction) {}

    func retains(_ number: Int64, id: String, in transaction: LedgerTransaction) -> Bool { false }

    func needsBodies(_ number: Int64, id: String, in transaction: LedgerTransaction) -> Bool {
      isOpen.load(ordering: .relaxed) && id.hasPrefix("needed")
    }
  }

  private func store(
    _ reader: Reader = Reader(), retainingKinds: Set<WorkKind> = []
  ) throws -> OrderedStore {
    try OrderedStore(
      tables: [ErasureTable.declaration, ErasureMark.declaration], hooks: [ErasureHook()],
      reactions: [reader], retainingKinds: retainingKinds)
  }

  private func deliver(
    _ id: String, _ status: String, _ phase: Phase, in store: OrderedStore, naming job: String? = nil,
    webhook: String = "w"
  ) throws {
    let text = """
      {"id":"\(id)","status":"\(status)","input":{"prompt":"\(Self.secret)"},"output":["\(Self.secret)"],
      "logs":"\(Self.secret)","metrics":{"predict_time":1.5},"unknown":"\(Self.secret)","error":null}
      """
    var delivery = Sample.delivery("\(webhook)-\(id)-\(status)", of: id, status, phase, logs: 9, body: text)
    delivery = Delivery(
      webhookID: delivery.webhookID, receivedAt: store.now, snapshot: delivery.snapshot, body: delivery.body,
      namedJob: job)
    _ = try store.ledger.commit([delivery])
  }

  private func erase(_ id: String, in store: OrderedStore) async throws -> BodyErasure {
    let (number, now) = (try await store.number(id), store.now)
    return try store.commit { (transaction) throws(StorageError) in
      try transaction.eraseBodies(ofJob: number, id: id, at: now)
    }
  }

  private func erasedJobs(_ store: OrderedStore) async throws -> [Int64] {
    try await store.reader.rows(TableQuery(ErasureTable.declaration, limit: 99)).map { $0.integer("job") }
  }

  /// Makes a whole pass in steps of `count` jobs.
  private func pass(_ store: OrderedStore, olderThan age: Int64 = 0, count: Int = 2) throws -> Int {
    let now = store.now
    var (position, isContiguous, erased): (Int64?, Bool, Int) = (nil, true, 0)
    repeat {
      let (start, contiguous) = (position, isContiguous)
      let step = try store.commit { (transaction) throws(StorageError) in
        let position = if let start { start } else { try transaction.erasureMark() }
        return try transaction.eraseOldBodies(
          endedBefore: now.advanced(byMilliseconds: -age), at: now, after: position, count: count,
          isContiguous: contiguous)
      }
      (position, isContiguous) = (step.next, step.isContiguous)
      erased += step.erased
    } while position != nil
    return erased
  }

  private func mark(_ store: OrderedStore) throws -> Int64 {
    try store.commit { (transaction) throws(StorageError) in try transaction.erasureMark() }
  }

  private func hasSecret(_ id: String, in store: OrderedStore) async throws -> Bool {
    let record = try await store.record(id)
    return [record.body, record.order?.request ?? []].contains {
      String(decoding: $0, as: UTF8.self).contains(Self.secret)
    }
  }

  @Test func `bodies are erased, and digests, sizes and all else stay`() async throws {
    let store = try store()
    try store.place("j1", key: "k", request: Self.request)
    _ = try store.step()
    try deliver("p1", "succeeded", .succeeded, in: store, naming: "j1")
    let (before, history) = (try await store.record("j1"), try await store.history("j1"))
    #expect(try await hasSecret("j1", in: store))
    store.advance(1000)
    #expect(try await erase("j1", in: store) == .erased)
    let after = try await store.record("j1")
    #expect(try await !hasSecret("j1", in: store))
    let body = String(decoding: after.body, as: UTF8.self)
    #expect(body.hasPrefix(#"{"bodies_erased_at":"1970-01-01T00:16:41.000Z","id":"p1","status":"succeeded""#))
    #expect(body.contains(#""metrics":{"predict_time":1.5}"#))
    let request = after.order.map { String(decoding: $0.request, as: UTF8.self) }
    #expect(request == #"{"model":"owner/model","metadata":{"user":7}}"#)
    #expect(after.order?.digest == before.order?.digest)
    #expect(after.job.snapshot?.evidence.outputSize == before.job.snapshot?.evidence.outputSize)
    #expect(after.job.snapshot?.evidence.logsSize == 9)
    #expect(try await store.history("j1") == history)
    #expect(after.change > before.change && after.job.revision == before.job.revision + 1)
    #expect(after.job.updatedAt == before.job.updatedAt && after.job.phase == .succeeded)
    let row = try #require(
      try await store.reader.rows(TableQuery(ErasureTable.declaration, limit: 9)).first)
    #expect(row.integer("erased_at") == store.now.milliseconds)
    #expect(row.integer("input_bytes") == Int64(#"{"prompt":"\#(Self.secret)"}"#.utf8.count))
    #expect(row.integer("output_bytes") == Int64(Self.secret.utf8.count + 4))
    #expect(row.integer("logs_bytes") == Int64(Self.secret.utf8.count + 2))
    #expect(try await erase("j1", in: store) == .known)
    #expect(try await store.change("j1") == after.change)
    // The request is known by its digest.
    guard case .known = try store.place("j1", key: "k", request: Self.request) else {
      Issue.record("not known")
      return
    }
    // A repeated or late delivery brings nothing back.
    try deliver("p1", "succeeded", .succeeded, in: store, naming: "j1")
    try deliver("p1", "succeeded", .succeeded, in: store, naming: "j1", webhook: "v")
    #expect(try await !hasSecret("j1", in: store))
  }

  @Test func `an open job keeps its bodies`() async throws {
    let store = try store()
    try store.place("j1", request: Self.request)
    _ = try store.step()
    #expect(try await erase("j1", in: store) == .open)
    try deliver("p1", "processing", .running, in: store, naming: "j1")
    #expect(try await erase("j1", in: store) == .open)
    store.advance(OrderedStore.aWhile)
    #expect(try pass(store) == 0)
    #expect(try await hasSecret("j1", in: store))
  }

  @Test func `the input of a job that was never sent is erased`() async throws {
    let store = try store()
    try store.place("j1", request: Self.request)
    _ = try store.cancel("j1")
    #expect(try await erase("j1", in: store) == .erased)
    #expect(try await !hasSecret("j1", in: store))
    #expect(try await store.record("j1").body.isEmpty)
  }

  @Test func `another job with the number is not erased`() async throws {
    let store = try store()
    try deliver("p1", "succeeded", .succeeded, in: store)
    let (number, now) = (try await store.number("p1"), store.now)
    let result = try store.commit { (transaction) throws(StorageError) in
      try transaction.eraseBodies(ofJob: number, id: "p0", at: now)
    }
    #expect(result == .notFound)
    #expect(try await hasSecret("p1", in: store))
  }

  @Test func `the row of an erased job is deleted with the job`() async throws {
    let store = try store()
    try deliver("p1", "succeeded", .succeeded, in: store)
    _ = try await erase("p1", in: store)
    #expect(try await erasedJobs(store).count == 1)
    try store.delete("p1")
    #expect(try await erasedJobs(store).isEmpty)
    #expect(try store.backend.tablesWithStrayRows().isEmpty)
  }

  @Test func `a signed end that replaces the daemon's brings bodies, which a pass erases`() async throws {
    let store = try store()
    try store.place("j1", request: Self.request)
    let step = try store.step()
    try store.end(step, code: "answer_lost")
    store.advance(1000)
    #expect(try pass(store) == 1)
    #expect(try mark(store) == (try await store.number("j1")))
    #expect(try await !hasSecret("j1", in: store))
    try deliver("p1", "succeeded", .succeeded, in: store, naming: "j1")
    #expect(try await store.job("j1").phase == .succeeded)
    #expect(try await erasedJobs(store).isEmpty)
    #expect(try await hasSecret("j1", in: store))
    store.advance(1000)
    #expect(try pass(store) == 1)
    #expect(try await !hasSecret("j1", in: store))
  }

  @Test func `passes erase what is old enough, and begin behind it`() async throws {
    let store = try store()
    for number in 1...5 { try deliver("p\(number)", "succeeded", .succeeded, in: store) }
    try deliver("q1", "processing", .running, in: store)
    try deliver("p6", "succeeded", .succeeded, in: store)
    store.advance(10_000)
    try deliver("p7", "succeeded", .succeeded, in: store)
    #expect(try pass(store, olderThan: 5000) == 6)
    #expect(try mark(store) == (try await store.number("p5")))
    #expect(try await hasSecret("q1", in: store))
    #expect(try await hasSecret("p7", in: store))
    #expect(try pass(store, olderThan: 5000) == 0)
    try deliver("q1", "succeeded", .succeeded, in: store)
    store.advance(10_000)
    #expect(try pass(store, olderThan: 5000, count: 100) == 2)
    #expect(try mark(store) == (try await store.number("p7")))
    #expect(try await erasedJobs(store).count == 8)
  }

  @Test func `bodies stay while something reads them`() async throws {
    let (reader, kind) = (Reader(), WorkKind(rawValue: "to-be-done"))
    let store = try store(reader, retainingKinds: [kind])
    for id in ["needed-1", "other", "working"] {
      try store.place(id, request: Self.request)
      _ = try store.cancel(id)
    }
    let (number, now) = (try await store.number("working"), store.now)
    try store.commit { (transaction) throws(StorageError) in
      transaction.write(.insert(WorkItem(WorkKey(kind, job: number), dueAt: now)))
    }
    store.advance(1000)
    #expect(try await erase("needed-1", in: store) == .needed)
    #expect(try pass(store) == 1)
    #expect(try mark(store) == 0)
    #expect(try await hasSecret("needed-1", in: store))
    #expect(try await hasSecret("working", in: store))
    // A request waits for no work.
    #expect(try await erase("working", in: store) == .erased)
    reader.isOpen.store(false, ordering: .relaxed)
    #expect(try pass(store) == 1)
    #expect(try await !hasSecret("needed-1", in: store))
    #expect(try mark(store) == number)
  }

  /// A step holds what it reads, and deliveries wait for it.
  @Test func `a step ends after large bodies, and the pass goes on`() async throws {
    let store = try store()
    let filler = String(repeating: "x", count: 3 << 20)
    for number in 1...3 {
      let body = #"{"id":"p\#(number)","status":"succeeded","output":"\#(filler)"}"#
      var delivery = Sample.delivery("w\(number)", of: "p\(number)", "succeeded", .succeeded, body: body)
      delivery = Delivery(
        webhookID: delivery.webhookID, receivedAt: store.now, snapshot: delivery.snapshot,
        body: delivery.body, namedJob: nil)
      _ = try store.ledger.commit([delivery])
    }
    store.advance(1000)
    let now = store.now
    let step = try store.commit { (transaction) throws(StorageError) in
      try transaction.eraseOldBodies(endedBefore: now, at: now, after: 0, count: 100, isContiguous: true)
    }
    #expect(step.erased == 2)
    #expect(step.next == (try await store.number("p2")))
    #expect(try pass(store, count: 100) == 1)
  }

  @Test(arguments: ["", "[", "not JSON", #"{"id":1}"#])
  func `a damaged body is erased too`(_ body: String) async throws {
    let store = try store()
    let text = body.isEmpty ? "" : body + Self.secret
    var delivery = Sample.delivery("w1", of: "p1", "succeeded", .succeeded, body: text)
    delivery = Delivery(
      webhookID: delivery.webhookID, receivedAt: store.now, snapshot: delivery.snapshot, body: delivery.body,
      namedJob: nil)
    _ = try store.ledger.commit([delivery])
    #expect(try await erase("p1", in: store) == .erased)
    #expect(try await !hasSecret("p1", in: store))
    let kept = String(decoding: try await store.record("p1").body, as: UTF8.self)
    #expect(kept.hasSuffix(#""id":"p1","status":"succeeded"}"#), "\(kept)")
  }
}
