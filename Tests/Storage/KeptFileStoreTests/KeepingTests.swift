import BlobStores
import Downloads
import JobRequests
import Jobs
import KeptFiles
import StoreFixture
import StoreSeam
import Testing
import Time

/// A file's way into the store, and the references to its object.
@Suite(.everyStore) struct KeepingTests {
  @Test func `a file is fetched, referenced and stored`() async throws {
    let store = try KeptStore()
    let number = try await store.end("p1")
    let revision = try await store.reader.job("p1")?.job.revision ?? 0
    let claim = try #require(try store.claim().first)
    guard case .fetched(let storing) = try store.finish(claim, content: "pixels") else {
      Issue.record("it is not stored at once")
      return
    }
    #expect(!storing.isKnown)
    #expect(try await store.files(number).map(\.state) == [.fetched])
    #expect(try await store.blobs().map(\.state) == [.storing])
    #expect(try await store.reader.job("p1")?.job.revision == revision + 1)
    #expect(try store.finish(storing.file, .stored) == .stored)
    let file = try #require(try await store.files(number).first)
    #expect(file.state == .stored && file.storedAt == store.now && file.size == 6 && file.node.isEmpty)
    let job = try #require(try await store.archived(number))
    #expect(job.state == .complete && job.stored == 1 && job.bytes == 6 && job.waiting == 0)
    #expect(try await store.total("stored") == 1)
    #expect(try await store.total("bytes") == 6)
    #expect(try await store.reader.job("p1")?.job.revision == revision + 2)
  }

  @Test func `equal bytes are one object, which goes with its last reference`() async throws {
    let store = try KeptStore()
    for id in ["p1", "p2"] { try await store.end(id, output: KeptStore.output("\(id).png")) }
    try store.keepAll { _ in "same" }
    #expect(try await store.blobs().map(\.refs) == [2])
    try store.delete("p1")
    #expect(try await store.dropAll().contains(.blob(sha256: KeptStore.digest("same"))) == false)
    #expect(try await store.blobs().map(\.refs) == [1])
    try store.delete("p2")
    #expect(try await store.dropAll().contains(.blob(sha256: KeptStore.digest("same"))))
    #expect(try await store.blobs().isEmpty)
    #expect(try await store.total("stored") == 0)
  }

  @Test func `a new reference waits until the object is gone, and stores it again`() async throws {
    let store = try KeptStore()
    try await store.end("p1", output: KeptStore.output("a.png"))
    try store.keepAll { _ in "same" }
    try store.delete("p1")
    let now = store.now
    let drop = try #require(try await store.drops().first { $0.target != .manifest(job: "p1") })
    #expect(
      try store.commit { (transaction) throws(StorageError) in try transaction.beginDrop(drop, at: now) }
        == .remove)
    let number = try await store.end("p2", output: KeptStore.output("b.png"))
    let claim = try #require(try store.claim().first)
    #expect(try store.finish(claim, content: "same") == .spooled)
    var file = try #require(try await store.files(number).first)
    #expect(try store.begin(file) == nil)
    try store.commit { (transaction) throws(StorageError) in
      try transaction.finishDrop(drop, retry: nil, at: now)
    }
    file = try #require(try await store.files(number).first)
    let storing = try #require(try store.begin(file))
    #expect(!storing.isKnown)
    try store.finish(storing.file, .stored)
    #expect(try await store.blobs().map(\.refs) == [1])
  }

  @Test func `a drop that is repeated after a kill subtracts its reference once`() async throws {
    let store = try KeptStore()
    for id in ["p1", "p2"] { try await store.end(id, output: KeptStore.output("\(id).png")) }
    try store.keepAll { _ in "same" }
    try store.delete("p1")
    try store.delete("p2")
    let now = store.now
    let drops = try await store.drops().filter { if case .blob = $0.target { true } else { false } }
    for drop in drops + drops {
      _ = try store.commit { (transaction) throws(StorageError) in try transaction.beginDrop(drop, at: now) }
    }
    try store.restart()
    #expect(try await store.blobs().map(\.state) == [.deleting])
    try await store.dropAll()
    #expect(try await store.blobs().isEmpty)
  }

  @Test func `a failed try is repeated later, and its code is shown`() async throws {
    let store = try KeptStore()
    let number = try await store.end("p1")
    let claim = try #require(try store.claim().first)
    #expect(try store.fail(claim, .sourceBusy) == .retried(.sourceBusy))
    let file = try #require(try await store.files(number).first)
    #expect(file.state == .waiting && file.tries == 1 && file.code == "source_busy")
    #expect(file.dueAt == store.now.advanced(byMilliseconds: 1000))
    #expect(try store.claim().isEmpty)
    store.advance(1000)
    #expect(try store.claim().count == 1)
  }

  @Test func `a store's failure leaves the file in the spool`() async throws {
    let store = try KeptStore()
    let number = try await store.end("p1")
    let claim = try #require(try store.claim().first)
    guard case .fetched(let storing) = try store.finish(claim, content: "pixels") else { return }
    let failure = BlobFailure(.unreachable, "away")
    #expect(try store.finish(storing.file, .failed(failure)) == .retried(failure))
    let file = try #require(try await store.files(number).first)
    #expect(file.state == .fetched && file.code == "store_unreachable" && file.node == KeptStore.node)
    #expect(try await store.archived(number)?.state == .pending)
    let again = try #require(try store.begin(file))
    try store.finish(again.file, .stored)
    #expect(try await store.blobs().map(\.refs) == [1])
  }

  @Test func `bytes that differ in the spool are fetched again`() async throws {
    let store = try KeptStore()
    let number = try await store.end("p1")
    let claim = try #require(try store.claim().first)
    guard case .fetched(let storing) = try store.finish(claim, content: "pixels") else { return }
    #expect(try store.finish(storing.file, .damaged) == .refetched)
    try await store.dropAll()
    try store.keepAll()
    #expect(try await store.archived(number)?.state == .complete)
    #expect(try await store.blobs().map(\.refs) == [1])
  }

  @Test(arguments: [false, true])
  func `a spool that is lost is fetched again only before the expiry`(_ isLate: Bool) async throws {
    let store = try KeptStore()
    let number = try await store.end("p1")
    try store.finish(try #require(try store.claim().first), content: "pixels", canStore: false)
    let file = try #require(try await store.files(number).first)
    store.advance(isLate ? KeptStore.life : 1)
    let now = store.now
    try store.commit { (transaction) throws(StorageError) in try transaction.recoverSpooled(file, at: now) }
    let recovered = try #require(try await store.files(number).first)
    #expect(recovered.state == (isLate ? .failed : .waiting))
    #expect(recovered.code == (isLate ? "spool_lost" : nil))
    #expect(try store.claim().count == (isLate ? 0 : 1))
  }

  @Test func `a claim of a process that was killed is taken over at the next start`() async throws {
    let store = try KeptStore()
    let number = try await store.end("p1")
    let claim = try #require(try store.claim().first)
    #expect(try store.claim().isEmpty)
    // The process is killed with the file in flight, and again when it was spooled.
    store.advance(200_000)
    try store.restart()
    let again = try #require(try store.claim().first)
    guard case .fetched = try store.finish(again, content: "pixels") else { return }
    // The first one's result comes too late. The file in the spool is the other one's now.
    #expect(try store.finish(claim, content: "pixels") == .spooled)
    try store.restart()
    let file = try #require(try await store.files(number).first)
    #expect(file.state == .fetched)
    let storing = try #require(try store.begin(file))
    try store.finish(storing.file, .stored)
    #expect(try await store.blobs().map(\.refs) == [1])
    #expect(try await store.archived(number)?.state == .complete)
  }
}
