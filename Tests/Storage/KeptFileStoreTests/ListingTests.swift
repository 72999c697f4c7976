import BlobStores
import Downloads
import JobRequests
import Jobs
import KeptFiles
import StoreFixture
import StoreSeam
import Testing
import Time

/// What the transaction of an end queues.
@Suite(.everyStore) struct ListingTests {
  @Test func `the nearest expiry is also that of a file which is tried again`() async throws {
    let store = try KeptStore()
    #expect(try await store.reader.nearestExpiry(at: store.now) == nil)
    let completed = store.now.advanced(byMilliseconds: -3_000_000)
    try await store.end("old", completed: completed)
    let claim = try #require(try store.claim().first)
    try store.fail(claim, .sourceBusy)
    for number in 0..<60 { try await store.end("new-\(number)") }
    let nearest = try await store.reader.nearestExpiry(at: store.now)
    #expect(nearest == completed.advanced(byMilliseconds: KeptStore.life))
  }

  @Test func `an end queues the files of its output`() async throws {
    let store = try KeptStore()
    let number = try await store.end("p1", output: #"{"a":"\#(KeptStore.url("a.png"))","b":["text"]}"#)
    let job = try #require(try await store.archived(number))
    #expect(job.state == .pending && job.files == 1 && job.waiting == 1 && job.mode == .bestEffort)
    #expect(job.sourceExpiresAt == store.now.advanced(byMilliseconds: KeptStore.life))
    let files = try await store.files(number)
    #expect(files.map(\.at) == ["/output/a"])
    #expect(files.map(\.url) == [KeptStore.url("a.png")])
    #expect(try await store.total("waiting") == 1)
    #expect(try store.claim().map(\.file.n) == [0])
  }

  @Test(arguments: ["null", #""text""#, #"["see https://replicate.delivery/x.png there"]"#, "[1,2,3,4,5,6]"])
  func `an output without files leaves no row`(_ output: String) async throws {
    let store = try KeptStore()
    let number = try await store.end("p1", output: output)
    #expect(try await store.archived(number) == nil)
    #expect(try store.claim().isEmpty)
  }

  @Test func `equal URLs are fetched once and stored at each place`() async throws {
    let store = try KeptStore()
    let url = KeptStore.url("a.png")
    let number = try await store.end("p1", output: #"["\#(url)","\#(KeptStore.url("b.png"))","\#(url)"]"#)
    #expect(try await store.files(number).map(\.sameAs) == [nil, nil, 0])
    let claims = try store.claim()
    #expect(claims.map(\.file.n) == [0, 1])
    for claim in claims {
      guard case .fetched(let stored) = try store.finish(claim, content: "\(claim.file.n)") else { continue }
      try store.finish(stored.file, .stored)
    }
    #expect(try await store.files(number).map(\.state) == [.stored, .stored, .stored])
    #expect(try await store.blobs().map(\.refs).sorted() == [1, 2])
    #expect(try await store.archived(number)?.state == .complete)
  }

  @Test func `a copy fails with the file that it is of`() async throws {
    let store = try KeptStore()
    let url = KeptStore.url("a.png")
    let number = try await store.end("p1", output: #"["\#(url)","\#(url)"]"#)
    let claim = try #require(try store.claim().first)
    #expect(try store.fail(claim, .tooLarge) == .failed(.tooLarge))
    #expect(try await store.files(number).map(\.code) == ["too_large", "too_large"])
    #expect(try await store.archived(number)?.state == .failed)
  }

  @Test func `too many files are a failure, and none is fetched`() async throws {
    let store = try KeptStore()
    let urls = (0...1000).map { "\"\(KeptStore.url("\($0).png"))\"" }.joined(separator: ",")
    let number = try await store.end("p1", output: "[\(urls)]")
    let job = try #require(try await store.archived(number))
    #expect(job.state == .failed && job.code == "too_many_files" && job.files == 0)
    #expect(try store.claim().isEmpty)
  }

  @Test func `a job that says off keeps nothing`() async throws {
    let store = try KeptStore()
    try store.place("j1", .off)
    let number = try await store.end("p1", naming: "j1")
    #expect(try await store.archived(number)?.state == ArchiveJobState.none)
    #expect(try await store.files(number).isEmpty)
  }

  @Test func `files of a failed job are kept too`() async throws {
    let store = try KeptStore()
    let number = try await store.end("p1", as: .failed)
    try store.keepAll()
    #expect(try await store.archived(number)?.state == .complete)
  }

  @Test func `the earliest expiry comes first`() async throws {
    let store = try KeptStore()
    var numbers: [Int64] = []
    for (id, minutes) in [("p1", 5), ("p2", 30), ("p3", 20)] as [(String, Int64)] {
      let completed = store.now.advanced(byMilliseconds: -minutes * 60_000)
      numbers.append(try await store.end(id, completed: completed))
    }
    #expect(try store.claim(limit: 1).map(\.file.job) == [numbers[1]])
    #expect(try store.claim().map(\.file.job) == [numbers[2], numbers[0]])
  }

  @Test func `a job of many files does not starve another`() async throws {
    let store = try KeptStore()
    let urls = (0..<1000).map { "\"\(KeptStore.url("\($0).png"))\"" }.joined(separator: ",")
    let large = try await store.end("p1", output: "[\(urls)]")
    store.advance(1)
    let small = try await store.end("p2")
    let claims = try store.claim()
    #expect(claims.map(\.file.job) == [large, large, small, large])
    for claim in claims where claim.file.job == large { try store.finish(claim, content: "\(claim.key)") }
    // Each of them has queued another one.
    #expect(try store.claim().map(\.file.n) == [3, 4, 5, 6])
  }
}
