import Ledger
import Jobs
import StoreSeam
import Simulation
import StoreFixture
import Testing
import Time

/// Metadata in lists, and lists filtered by it.
@Suite(.everyStore) struct MetadataTests {
  private static func filter(_ members: (String, String)...) -> JobFilter {
    JobFilter(metadata: members.map { MetadataMember(key: $0.0, value: $0.1) })
  }

  private static func rows(
    _ store: OrderedStore, _ filter: JobFilter = JobFilter(), _ parts: JobParts = []
  ) async throws -> [ListedJob] {
    try await store.reader.jobs(matching: filter, before: nil, limit: 100, including: parts).rows
  }

  @Test func `a list has the exact text of the metadata`() async throws {
    let store = try OrderedStore()
    let text = Array(#"{ "a": 1.50, "b" : [] }"#.utf8)
    let order = OrderedStore.order("j1", at: store.now, metadata: JobMetadata(text: text, members: []))
    try store.commit { (transaction) throws(StorageError) in _ = try transaction.enqueue(order) }
    try store.place("j2")
    try store.deliver("w1", of: "p1", .running)
    #expect(try await Self.rows(store).map(\.metadata) == [nil, nil, text])
    #expect(try await store.reader.changes(after: 0, limit: 9).map(\.row?.metadata) == [text, nil, nil])
    try store.reopen()
    #expect(try await Self.rows(store).map(\.metadata) == [nil, nil, text])
  }

  @Test func `members are compared byte for byte, and several must all match`() async throws {
    let store = try OrderedStore()
    try store.place("j1", [("user", "7"), ("plan", "free")])
    try store.place("j2", [("user", "7"), ("plan", "paid")])
    try store.place("j3", [("user", "07"), ("User", "7"), ("e\u{301}", "\u{e9}")])
    try store.place("j4")
    #expect(try await store.ids(Self.filter(("user", "7"))) == ["j2", "j1"])
    #expect(try await store.ids(Self.filter(("plan", "free"), ("user", "7"))) == ["j1"])
    #expect(try await store.ids(Self.filter(("User", "7"))) == ["j3"])
    #expect(try await store.ids(Self.filter(("e\u{301}", "\u{e9}"))) == ["j3"])
    #expect(try await store.ids(Self.filter(("\u{e9}", "\u{e9}"))).isEmpty)
    #expect(try await store.ids(Self.filter(("plan", "7"))).isEmpty)
  }

  @Test func `the metadata of a deleted job is deleted with it`() async throws {
    let store = try OrderedStore()
    try store.place("j1", [("user", "7")])
    _ = try store.cancel("j1")
    #expect(try await store.ids(Self.filter(("user", "7"))) == ["j1"])
    #expect(try store.delete("j1") != nil)
    #expect(try await store.ids(Self.filter(("user", "7"))).isEmpty)
    #expect(try store.backend.tablesWithStrayRows().isEmpty)
    // Its number may be given to another job.
    try store.place("j2")
    #expect(try await store.ids(Self.filter(("user", "7"))).isEmpty)
  }

  @Test func `a pruned job leaves no metadata`() async throws {
    let store = try OrderedStore()
    try store.place("j1", [("user", "7")])
    _ = try store.cancel("j1")
    store.advance(2 * OrderedStore.aWhile)
    let now = store.now
    try store.commit { (transaction) throws(StorageError) in
      _ = try transaction.prune(endedBefore: now, at: now, after: 0, count: 9)
    }
    #expect(try await store.jobCount() == 0)
    #expect(try store.backend.tablesWithStrayRows().isEmpty)
  }

  @Test func `a deadline and the repeated job stay with their order`() async throws {
    let store = try OrderedStore()
    let order = OrderedStore.order(
      "j1", at: store.now, startBefore: Timestamp(milliseconds: 2_000_000), retryOf: "j0")
    try store.commit { (transaction) throws(StorageError) in _ = try transaction.enqueue(order) }
    _ = try store.step()
    let stored = try await store.order("j1")
    #expect(stored.startBefore == Timestamp(milliseconds: 2_000_000) && stored.retryOf == "j0")
    #expect(stored.stage == .sending)
  }
}

// MARK: - Ids, parts and sizes

extension MetadataTests {
  @Test func `jobs are listed by their own and their predictions' ids`() async throws {
    let store = try OrderedStore()
    let step = try store.send("j1")
    try store.report(step.order.number, .running)
    try store.deliver("w2", of: "p2", .succeeded)
    try store.deliver("w3", of: "p3", .running)
    let ids = { (ids: [String]) in try await store.ids(JobFilter(ids: ids)) }
    #expect(try await ids(["p2", "j1", "none"]) == ["p2", "j1"])
    // Two names of one job are one row.
    #expect(try await ids(["p1", "j1", "p1"]) == ["j1"])
    #expect(try await ids(["none"]).isEmpty)
    #expect(try await store.ids(JobFilter(state: .running, ids: ["p2", "p3"])) == ["p3"])
    let page = try await store.reader.jobs(
      matching: JobFilter(ids: ["p2", "p3", "j1"]), before: nil, limit: 2)
    #expect(page.jobs.map(\.id) == ["p3", "p2"])
    let next = try await store.reader.jobs(
      matching: JobFilter(ids: ["p2", "p3", "j1"]), before: page.next, limit: 2)
    #expect(next.jobs.map(\.id) == ["j1"] && next.next == nil)
  }

  @Test func `a row has the body and the request that its parts need`() async throws {
    let store = try OrderedStore()
    try store.place("j1", [], request: "{1}")
    try store.deliver("w2", of: "p2", .running)
    let body = try await store.record("p2").body
    #expect(!body.isEmpty)
    let plain = try await Self.rows(store)
    #expect(plain.allSatisfy { $0.body == nil && $0.request == nil })
    let outputs = try await Self.rows(store, JobFilter(), [.output, .metrics])
    #expect(outputs.map(\.body) == [body, []] && outputs.allSatisfy { $0.request == nil })
    let inputs = try await Self.rows(store, JobFilter(), .input)
    #expect(inputs.map(\.body) == [body, []] && inputs.map(\.request) == [nil, Array("{1}".utf8)])
    // An erased input is that of the request.
    try store.place("j3", [], request: "{3}")
    let step = try #require(try store.steps().first { $0.job.id == "j3" })
    let erased = #"{"id":"p3","status":"processing","data_removed": true}"#
    _ = try store.ledger.commit([
      Sample.delivery("w3", of: "p3", "processing", .running, body: erased, naming: "j3")
    ])
    #expect(step.job.id == "j3")
    let row = try #require(try await Self.rows(store, JobFilter(ids: ["j3"]), .input).first)
    #expect(row.request == Array("{3}".utf8) && row.body == Array(erased.utf8))
  }

  /// A page ends before it holds more than its maximum, and its cursor goes on from there.
  @Test func `a page of large rows ends early`() async throws {
    let store = try OrderedStore()
    let size = JobPage.maxBytes / 3 + 1
    for number in 1...5 {
      let body = String(repeating: "x", count: number == 3 ? JobPage.maxBytes + 1 : size)
      _ = try store.ledger.commit([
        Sample.delivery("w\(number)", of: "p\(number)", "processing", .running, body: body)
      ])
    }
    var (pages, before): ([[String]], Int64?) = ([], nil)
    repeat {
      let page = try await store.reader.jobs(
        matching: JobFilter(), before: before, limit: 9, including: .output)
      pages.append(page.jobs.map(\.id))
      before = page.next
    } while before != nil
    #expect(pages == [["p5", "p4"], ["p3"], ["p2", "p1"]])
    #expect(try await Self.rows(store).count == 5)
    var (slices, cursor, hasMore): ([[String]], Int64, Bool) = ([], 0, true)
    while hasMore {
      let slice = try await store.reader.changes(
        after: cursor, limit: 9, matching: JobFilter(), including: .output)
      slices.append(slice.entries.map(\.id))
      (cursor, hasMore) = (slice.last, slice.hasMore)
    }
    #expect(slices == [["p1", "p2"], ["p3"], ["p4", "p5"]])
  }
}

// MARK: - The feed and groups

extension MetadataTests {
  @Test func `a slice of the feed examines so many changes, and has those that match`() async throws {
    let store = try OrderedStore()
    for number in 1...5 { try store.place("j\(number)", [("user", "\(number % 2)")]) }
    _ = try store.cancel("j1")
    _ = try store.delete("j1")
    let slice = { (cursor: Int64, limit: Int) in
      try await store.reader.changes(
        after: cursor, limit: limit, matching: Self.filter(("user", "1")), including: [])
    }
    let first = try await slice(0, 3)
    #expect(first.entries.map(\.id) == ["j3"] && first.hasMore)
    #expect(try await first.last == store.change("j4"))
    let second = try await slice(first.last, 3)
    // A deletion matches every filter, because nothing else is known of the job.
    #expect(second.entries.map(\.id) == ["j5", "j1"] && second.entries.last?.job == nil)
    #expect(!second.hasMore && second.last == second.entries.last?.change)
    let end = try await slice(second.last, 3)
    #expect(end.entries.isEmpty && !end.hasMore && end.last == second.last)
  }

  @Test func `jobs with a member are read by its value, then by number`() async throws {
    let store = try OrderedStore()
    for (number, value) in ["b", "a", "", "a", "c"].enumerated() {
      try store.place("j\(number)", [("k", value), ("other", "x")])
    }
    try store.place("j9", [("other", "x")])
    var (found, position): ([String], MemberPosition) = ([], .start)
    while true {
      let rows = try await store.reader.jobs(
        withMember: "k", after: position, limit: 2,
        times: Timestamp(milliseconds: 0)..<Timestamp(milliseconds: 1))
      guard let last = rows.last else { break }
      found += rows.map { "\($0.position.value)\($0.job.id)" }
      position = last.position
    }
    #expect(found == ["j2", "aj1", "aj3", "bj0", "cj4"])
  }

  @Test func `the billed time of an ended job is read within its times`() async throws {
    let store = try OrderedStore()
    try store.place("j1", [("k", "v")])
    let step = try store.step()
    try store.report(step.order.number, .succeeded)
    let end = try await store.job("j1").updatedAt
    for (from, billed) in [(end.milliseconds, 4000), (end.milliseconds + 1, nil)] as [(Int64, Int64?)] {
      let rows = try await store.reader.jobs(
        withMember: "k", after: .start, limit: 9,
        times: Timestamp(milliseconds: from)..<Timestamp(milliseconds: from + 1))
      #expect(rows.map(\.job.snapshot?.predictMilliseconds) == [billed])
    }
  }
}

// MARK: - Progress

extension MetadataTests {
  @Test func `a list has the progress of the snapshot, and 1 at success`() async throws {
    let store = try OrderedStore()
    func deliver(_ id: String, _ status: String, _ phase: Phase, _ progress: Int64?, logs: Int) throws {
      let delivery = Sample.delivery(id, status, phase, logs: logs)
      var snapshot = delivery.snapshot
      snapshot.progress = progress
      _ = try store.ledger.commit([
        Delivery(
          webhookID: id, receivedAt: store.now, snapshot: snapshot, body: delivery.body)
      ])
    }
    let progress = { try await Self.rows(store).map(\.job.progress) }
    try deliver("w1", "processing", .running, 4200, logs: 10)
    #expect(try await progress() == [4200])
    #expect(try await store.job("p1").progress == 4200)
    try deliver("w2", "processing", .running, 0, logs: 20)
    #expect(try await progress() == [0])
    try deliver("w3", "processing", .running, nil, logs: 30)
    #expect(try await progress() == [nil])
    try deliver("w4", "succeeded", .succeeded, 9900, logs: 40)
    #expect(try await progress() == [10_000])
    #expect(try await store.job("p1").snapshot?.progress == nil)
  }
}

// MARK: - Random lists

extension MetadataTests {
  private struct Entry {
    let id: String
    let model: String?
    let members: [MetadataMember]
    let state: JobState
  }

  /// The definition of a filter, without an index.
  private static func matches(_ entry: Entry, _ filter: JobFilter) -> Bool {
    (filter.state == nil || filter.state == entry.state)
      && (filter.model == nil || filter.model == entry.model)
      && (filter.ids?.contains(entry.id) ?? true)
      && filter.metadata.allSatisfy { entry.members.contains($0) }
  }

  private static let keys = ["a", "b", "e\u{301}", "\u{e9}", "\u{0}", "a.b", "'"]
  private static let values = ["", "1", "1.0", "true", "\u{0}x", "'--"]

  private static func members(_ random: inout SeededGenerator, max: Int) -> [MetadataMember] {
    keys.shuffled(using: &random).prefix(Int.random(in: 0...max, using: &random)).compactMap { key in
      values.randomElement(using: &random).map { MetadataMember(key: key, value: $0) }
    }
  }

  @Test(arguments: 0..<6)
  func `a list has what a search through all jobs finds`(_ seed: UInt64) async throws {
    var random = SeededGenerator(seed: seed)
    let store = try OrderedStore()
    var entries: [Entry] = []
    for number in 0..<80 {
      let members = Self.members(&random, max: 4)
      let model = ["m/1", "m/2", nil].randomElement(using: &random) ?? nil
      try store.place("j\(number)", members.map { ($0.key, $0.value) }, model: model)
      let isCanceled = Bool.random(using: &random)
      if isCanceled { _ = try store.cancel("j\(number)") }
      if isCanceled, Int.random(in: 0..<4, using: &random) == 0 {
        #expect(try store.delete("j\(number)") != nil)
      } else {
        entries.append(
          Entry(id: "j\(number)", model: model, members: members, state: isCanceled ? .canceled : .pending))
      }
    }
    for _ in 0..<150 {
      let filter = JobFilter(
        state: [nil, nil, .canceled, .pending, .failed].randomElement(using: &random) ?? nil,
        model: [nil, nil, "m/1"].randomElement(using: &random) ?? nil,
        metadata: Self.members(&random, max: 3),
        ids: Int.random(in: 0..<4, using: &random) == 0
          ? (0..<20).map { _ in "j\(Int.random(in: 0..<90, using: &random))" } : nil)
      let expected = entries.filter { Self.matches($0, filter) }.map(\.id)
      var (found, before): ([String], Int64?) = ([], nil)
      let limit = Int.random(in: 1...30, using: &random)
      repeat {
        let page = try await store.reader.jobs(matching: filter, before: before, limit: limit)
        found += page.jobs.map(\.id)
        before = page.next
      } while before != nil
      #expect(found == expected.reversed(), "seed \(seed): \(filter)")
      let slice = try await store.reader.changes(after: 0, limit: 999, matching: filter, including: [])
      #expect(slice.entries.filter { $0.job != nil }.map(\.id).sorted() == expected.sorted())
    }
  }
}
