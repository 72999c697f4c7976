import BlobStores
import Downloads
import JobRequests
import Jobs
import KeptFiles
import StoreFixture
import StoreSeam
import Testing
import Time

/// Ends that are held until the files are stored.
@Suite(.everyStore) struct RequiredTests {
  @Test func `a success is held until every file is stored`() async throws {
    let store = try KeptStore()
    try store.place("j1", .required)
    let output = #"["\#(KeptStore.url("a.png"))","\#(KeptStore.url("b.png"))"]"#
    let number = try await store.end("p1", output: output, naming: "j1")
    #expect(try await store.state("j1") == .running)
    for claim in try store.claim() {
      #expect(try await store.state("j1") == .running)
      guard case .fetched(let storing) = try store.finish(claim, content: "\(claim.file.n)") else { return }
      try store.finish(storing.file, .stored)
    }
    #expect(try await store.state("j1") == .succeeded)
    #expect(try await store.archived(number)?.state == .complete)
  }

  @Test func `a file that cannot be kept fails the job`() async throws {
    let store = try KeptStore()
    try store.place("j1", .required)
    try await store.end("p1", naming: "j1")
    try store.fail(try #require(try store.claim().first), .tooLarge)
    let job = try #require(try await store.reader.job("j1")).job
    #expect(job.state == .failed && job.error?.code == "archive_failed")
  }

  @Test func `a success without files is not held for long`() async throws {
    let store = try KeptStore(mode: .required)
    try store.place("j1")
    try await store.end("p1", output: #"["a sentence of some length"]"#, naming: "j1")
    _ = try store.claim()
    #expect(try await store.state("j1") == .succeeded)
  }

  @Test func `a job whose files are deleted while it waits fails`() async throws {
    let store = try KeptStore()
    try store.place("j1", .required)
    let number = try await store.end("p1", naming: "j1")
    let now = store.now
    try store.commit { (transaction) throws(StorageError) in
      _ = try transaction.deleteFiles(ofJob: number, at: now)
    }
    #expect(try await store.reader.job("j1")?.job.error?.code == "archive_failed")
  }

  @Test func `a failure is not held`() async throws {
    let store = try KeptStore(mode: .required)
    try await store.end("p1", as: .failed)
    #expect(try await store.state("p1") == .failed)
  }
}
