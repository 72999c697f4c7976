import BlobStores
import BucketStub
import Foundation
import S3
import Testing
import Time

/// Files in a bucket that checks each signature and each digest.
@Suite struct BucketStoreTests {
  private let spool: Spool
  private let stub: BucketStub

  init() throws {
    spool = try Spool()
    stub = try TestKey.stub()
  }

  @Test(arguments: [0, 1, 65_536, 5_000_000])
  func `a stored file is in the bucket with its bytes and its type`(_ size: Int) throws {
    let store = try BucketStore(stub)
    let content = Spool.bytes(size)
    let file = try spool.file(content)
    #expect(store.store(file, isCanceled: never) == .stored)
    let key = "sha256/\(file.sha256.prefix(2))/\(file.sha256)"
    #expect(file.key.path == key)
    #expect(stub.objects == [key: BucketStub.Object(bytes: content, type: "image/png")])
    #expect(stub.lines == ["PUT \(key) 200"])
    #expect(try store.contains(file.key, size: size, isCanceled: never))
    #expect(try !store.contains(file.key, size: size + 1, isCanceled: never))
    #expect(FileManager.default.fileExists(atPath: file.path))
    try store.remove(file.key, isCanceled: never)
    #expect(stub.objects.isEmpty)
    #expect(try !store.contains(file.key, size: size, isCanceled: never))
    try store.remove(file.key, isCanceled: never)
  }

  @Test func `an upload has no fields but those that every service knows`() throws {
    let store = try BucketStore(stub)
    #expect(store.store(try spool.file([1], type: ""), isCanceled: never) == .stored)
    let sent = try #require(stub.requests.first)
    #expect(
      Set(sent.fields.keys) == [
        "accept", "authorization", "content-length", "content-type", "host", "x-amz-content-sha256",
        "x-amz-date",
      ])
    #expect(sent.fields["content-type"] == "application/octet-stream")
  }

  @Test(arguments: [
    "", "outputs", "made/2026 09/a=b+c/ü~(1)", "a b", "a=b", "a+b", "ü", "~", "(", "%20", "a&b?c#d",
    "*'!,;:@$",
  ])
  func `prefixes of any characters are signed as they are sent`(_ prefix: String) throws {
    let store = try BucketStore(stub, prefix: prefix)
    let file = try spool.file([1, 2, 3])
    #expect(store.store(file, isCanceled: never) == .stored)
    #expect(Array(stub.objects.keys) == [prefix.isEmpty ? file.key.path : "\(prefix)/\(file.key.path)"])
    let link = store.link(
      to: file.key, as: BlobHead(type: "image/png", disposition: "inline; filename=\"a b.png\""), for: 60,
      at: BucketStore.wallClock())
    guard case .redirect(let url) = link else {
      Issue.record("\(String(describing: link))")
      return
    }
    #expect(try Fetched(url).bytes == [1, 2, 3])
    try store.remove(file.key, isCanceled: never)
    #expect(stub.objects.isEmpty)
  }

  @Test func `equal bytes of two files are one object`() throws {
    let store = try BucketStore(stub)
    let content = Spool.bytes(1000)
    #expect(store.store(try spool.file(content), isCanceled: never) == .stored)
    #expect(store.store(try spool.file(content), isCanceled: never) == .stored)
    #expect(store.store(try spool.file(Spool.bytes(1000, seed: 1)), isCanceled: never) == .stored)
    #expect(stub.objects.count == 2)
  }

  @Test func `documents replace each other, and are removed`() throws {
    let store = try BucketStore(stub, prefix: "p")
    let key = BlobKey.manifest(job: "poster-17")
    try store.write(Array("{}".utf8), to: key, isCanceled: never)
    try store.write(Array("{\"id\":1}".utf8), to: key, isCanceled: never)
    let document = BucketStub.Object(bytes: Array("{\"id\":1}".utf8), type: "application/json")
    #expect(stub.objects == ["p/jobs/poster-17.json": document])
    try store.remove(key, isCanceled: never)
    #expect(stub.objects.isEmpty)
  }

  // MARK: the file in the spool

  @Test func `a file that the spool lacks is missing`() throws {
    let file = try spool.file([1])
    try FileManager.default.removeItem(atPath: file.path)
    #expect(try BucketStore(stub).store(file, isCanceled: never) == .missing)
    #expect(stub.lines == [])
  }

  @Test func `a file of another length is damaged, and is not sent`() throws {
    let file = try spool.file([1, 2])
    try Data([1]).write(to: URL(fileURLWithPath: file.path))
    #expect(try BucketStore(stub).store(file, isCanceled: never) == .damaged)
    #expect(stub.lines == [])
  }

  @Test func `a file of other bytes is damaged, and is not sent`() throws {
    let file = try spool.file(Spool.bytes(3_000_000))
    try Data(Spool.bytes(3_000_000, seed: 1)).write(to: URL(fileURLWithPath: file.path))
    #expect(try BucketStore(stub).store(file, isCanceled: never) == .damaged)
    #expect(stub.lines == [])
  }

  @Test func `a file that was damaged on its way is tried again`() throws {
    let store = try BucketStore(stub)
    let file = try spool.file(Spool.bytes(3_000_000))
    stub.inject([.damageContent])
    #expect(
      store.store(file, isCanceled: never)
        == .failed(BlobFailure(.unreachable, "XAmzContentSHA256Mismatch")))
    #expect(stub.objects.isEmpty)
    #expect(store.store(file, isCanceled: never) == .stored)
  }

  // MARK: the network

  @Test func `an upload whose answer was lost is repeated, and stored once`() throws {
    let store = try BucketStore(stub)
    let file = try spool.file(Spool.bytes(100))
    // libcurl repeats a request itself only over a connection that was used before.
    stub.inject([.loseAnswer])
    guard case .failed(let failure) = store.store(file, isCanceled: never) else {
      Issue.record("stored without an answer")
      return
    }
    #expect(failure.code == .unreachable && failure.pause == nil)
    #expect(stub.objects.count == 1)
    #expect(store.store(file, isCanceled: never) == .stored)
    #expect(stub.objects.count == 1)
  }

  @Test func `an upload that was cut stores nothing, and is repeated`() throws {
    let store = try BucketStore(stub)
    let file = try spool.file(Spool.bytes(5_000_000))
    stub.inject([.cutRequest(after: 100_000)])
    guard case .failed(let failure) = store.store(file, isCanceled: never) else {
      Issue.record("stored though it was cut")
      return
    }
    #expect(failure.code == .unreachable)
    #expect(stub.objects.isEmpty)
    #expect(store.store(file, isCanceled: never) == .stored)
  }

  @Test func `while the bucket is away, files wait; when it is back, they are stored`() throws {
    let store = try BucketStore(stub)
    let files = try (0..<5).map { try spool.file(Spool.bytes(1000, seed: $0)) }
    #expect(store.store(files[0], isCanceled: never) == .stored)
    stub.stop()
    for file in files[1...] {
      guard case .failed(let failure) = store.store(file, isCanceled: never) else {
        Issue.record("stored in a bucket that is away")
        return
      }
      #expect(failure.code == .unreachable && failure.pause == nil)
      #expect(failure.message.hasPrefix("127.0.0.1:\(stub.port): "))
    }
    #expect(throws: BlobFailure.self) { try store.remove(files[0].key, isCanceled: never) }
    try stub.restart()
    for file in files { #expect(store.store(file, isCanceled: never) == .stored) }
    #expect(stub.objects.count == 5)
  }

  @Test func `a canceled upload ends soon`() throws {
    let store = try BucketStore(stub)
    let file = try spool.file(Spool.bytes(8_000_000))
    stub.inject([.receiveSlowly(bytesPerSecond: 1000)])
    let start = ContinuousClock.now
    let outcome = store.store(file) { ContinuousClock.now - start > .milliseconds(300) }
    #expect(outcome == .failed(BlobFailure(.canceled, "canceled")))
    #expect(ContinuousClock.now - start < .seconds(20))
    #expect(stub.objects.isEmpty)
  }

  @Test func `a slow bucket is waited for`() throws {
    stub.inject([.delay(1.5)])
    #expect(try BucketStore(stub).store(try spool.file([1]), isCanceled: never) == .stored)
  }

  @Test func `threads store beside each other`() async throws {
    let store = try BucketStore(stub)
    let files = try (0..<16).map { try spool.file(Spool.bytes(200_000, seed: $0)) }
    let outcomes = await withTaskGroup(of: BlobOutcome.self) { group in
      for file in files { group.addTask { store.store(file, isCanceled: never) } }
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(outcomes == Array(repeating: .stored, count: 16))
    #expect(stub.objects.count == 16)
  }
}
