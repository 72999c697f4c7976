import BlobStores
import Downloads
import JobRequests
import Jobs
import KeptFiles
import Ledger
import StoreFixture
import StoreSeam
import Testing
import Time

/// Files that are deleted: by request, with their job, by age.
@Suite(.everyStore) struct RemovalTests {
  private func deleteFiles(_ number: Int64, _ store: KeptStore) throws -> Bool {
    let now = store.now
    return try store.commit { (transaction) throws(StorageError) in
      try transaction.deleteFiles(ofJob: number, at: now)
    }
  }

  private func keep(_ id: String, _ store: KeptStore) async throws -> KeepResult {
    let record = try #require(try await store.reader.job(id))
    let now = store.now
    return try store.commit { (transaction) throws(StorageError) in
      try transaction.keepFiles(of: record, sources: KeptStore.sources, at: now)
    }
  }

  private func expire(_ store: KeptStore, before limit: Timestamp) async throws -> Int {
    var files: [ArchivedFile] = []
    var jobs: [Int64: ArchivedJob] = [:]
    for number in 1...2 as ClosedRange<Int64> {
      files += try await store.files(number).filter { $0.state == .stored }
      jobs[number] = try await store.archived(number)
    }
    let (now, found, owners) = (store.now, files, jobs)
    return try store.commit { (transaction) throws(StorageError) in
      try transaction.expireFiles(found, of: owners, before: limit, at: now)
    }
  }

  @Test func `stored files are deleted with their object and the list`() async throws {
    let store = try KeptStore()
    let number = try await store.end("p1")
    try store.keepAll()
    #expect(try deleteFiles(number, store))
    #expect(try await store.archived(number)?.state == .deleted)
    #expect(try await store.files(number).map(\.state) == [.deleted])
    #expect(try await store.dropAll().count == 2)
    #expect(try await store.blobs().isEmpty)
    #expect(try deleteFiles(number, store))
    try await store.dropAll()
  }

  @Test func `a file in flight is deleted when its transfer ends`() async throws {
    let store = try KeptStore()
    let number = try await store.end("p1")
    let claim = try #require(try store.claim().first)
    #expect(try deleteFiles(number, store))
    #expect(try await store.files(number).map(\.state) == [.deleting])
    #expect(try store.finish(claim, content: "pixels") == .dropped)
    #expect(try await store.files(number).map(\.state) == [.deleted])
    #expect(try await store.files(number).map(\.code) == ["canceled"])
    #expect(try store.claim().isEmpty)
    #expect(try await store.blobs().isEmpty)
  }

  @Test func `a file that is being stored is deleted when it is stored`() async throws {
    let store = try KeptStore()
    let number = try await store.end("p1")
    guard case .fetched(let storing) = try store.finish(try #require(try store.claim().first), content: "x")
    else { return }
    #expect(try deleteFiles(number, store))
    #expect(try store.finish(storing.file, .stored) == .dropped)
    #expect(try await store.files(number).map(\.state) == [.deleted])
    try await store.dropAll()
    #expect(try await store.blobs().isEmpty)
  }

  @Test func `a job that is deleted while a file is being stored leaves its node to clean up`() async throws {
    let store = try KeptStore()
    try await store.end("p1")
    guard case .fetched(let storing) = try store.finish(try #require(try store.claim().first), content: "x")
    else { return }
    try store.delete("p1")
    #expect(try store.finish(storing.file, .stored) == .dropped)
    let targets = try await store.drops().map(\.target)
    #expect(targets.contains(.spool(node: KeptStore.node)))
    #expect(!targets.contains(.blob(sha256: KeptStore.digest("x"))))
    #expect(try await store.dropAll().contains(.blob(sha256: KeptStore.digest("x"))))
    #expect(try await store.blobs().isEmpty)
    #expect(try await store.total("fetched") == 0)
  }

  @Test func `failed files are tried again on request, and once`() async throws {
    let store = try KeptStore()
    let number = try await store.end("p1")
    try store.fail(try #require(try store.claim().first), .tooLarge)
    #expect(try await keep("p1", store) == .queued)
    #expect(try await keep("p1", store) == .queued)
    try store.keepAll()
    #expect(try await store.archived(number)?.state == .complete)
    #expect(try await keep("p1", store) == .nothingToDo)
  }

  @Test func `files of a job that was off are kept on request`() async throws {
    let store = try KeptStore()
    try store.place("j1", .off)
    let number = try await store.end("p1", naming: "j1")
    #expect(try await keep("j1", store) == .queued)
    try store.keepAll()
    #expect(try await store.archived(number)?.state == .complete)
  }

  @Test func `files of a job that was deleted meanwhile give back their references once`() async throws {
    let store = try KeptStore()
    for id in ["p1", "p2"] { try await store.end(id, output: KeptStore.output("\(id).png")) }
    try store.keepAll { _ in "same" }
    let number = try #require(try await store.reader.job("p1")).number
    let (files, job) = (try await store.files(number), try #require(try await store.archived(number)))
    try store.delete("p1")
    let now = store.now
    let count = try store.commit { (transaction) throws(StorageError) in
      try transaction.expireFiles(
        files, of: [number: job], before: now.advanced(byMilliseconds: 1), at: now.advanced(byMilliseconds: 1)
      )
    }
    #expect(count == 0)
    try await store.dropAll()
    #expect(try await store.blobs().map(\.refs) == [1])
  }

  @Test func `files are deleted by age, also of a job that was pruned`() async throws {
    let store = try KeptStore()
    for id in ["p1", "p2"] { try await store.end(id, output: KeptStore.output("\(id).png")) }
    try store.keepAll()
    let now = store.now
    try store.pruneOne()
    #expect(try await store.state("p1") == nil)
    #expect(try await store.state("p2") == .succeeded)
    #expect(try await store.archived(1)?.isPruned == true)
    #expect(try await store.dropAll().isEmpty)
    #expect(try await expire(store, before: now) == 1)
    #expect(try await expire(store, before: store.now) == 1)
    #expect(try await store.files(1).isEmpty)
    #expect(try await store.archived(1) == nil)
    #expect(try await store.files(2).map(\.state) == [.deleted])
    #expect(try await store.dropAll().count == 4)
    #expect(try await store.blobs().isEmpty)
    #expect(try await store.total("stored") == 0)
  }

  @Test func `the files of a job that was pruned are deleted by request`() async throws {
    let store = try KeptStore()
    let number = try await store.end("p1")
    try store.keepAll()
    try store.pruneOne()
    #expect(try !deleteFiles(number, store))
    #expect(try await deletePruned(number, store) == 1)
    #expect(try await store.files(number).isEmpty)
    #expect(try await store.archived(number) == nil)
    #expect(try await store.dropAll().count == 2)
    #expect(try await store.blobs().isEmpty)
    #expect(try await store.total("stored") == 0)
  }

  @Test func `a file of a job that was pruned gives its reference back once`() async throws {
    let store = try KeptStore()
    for id in ["p1", "p2"] { try await store.end(id, output: KeptStore.output("\(id).png")) }
    try store.keepAll { _ in "same" }
    try store.pruneOne()
    let (files, job) = (try await store.files(1), try #require(try await store.archived(1)))
    let now = store.now
    // Two processes have read the same rows.
    for later in [0, 1] as [Int64] {
      _ = try store.commit { (transaction) throws(StorageError) in
        try transaction.deletePrunedFiles(files, of: job, at: now.advanced(byMilliseconds: later))
      }
    }
    #expect(try await store.dropAll() == [.manifest(job: "p1")])
    #expect(try await store.blobs().map(\.refs) == [1])
    #expect(try await store.total("stored") == 1)
  }

  @Test func `a job that is deleted meanwhile is not kept`() async throws {
    let store = try KeptStore(mode: .off)
    let number = try await store.end("p1")
    let record = try #require(try await store.reader.job("p1"))
    try store.delete("p1")
    let now = store.now
    let result = try store.commit { (transaction) throws(StorageError) in
      try transaction.keepFiles(of: record, sources: KeptStore.sources, at: now)
    }
    #expect(result == .gone)
    #expect(try await store.files(number).isEmpty)
    #expect(try await store.archived(number) == nil)
  }

  private func deletePruned(_ number: Int64, _ store: KeptStore) async throws -> Int {
    let (files, now) = (try await store.files(number), store.now)
    let job = try #require(try await store.archived(number))
    return try store.commit { (transaction) throws(StorageError) in
      try transaction.deletePrunedFiles(files, of: job, at: now)
    }
  }
}
