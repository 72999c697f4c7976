import BlobStores
import BucketStub
import Foundation
import HTTPClient
import LiveDaemon
import S3
import Testing
import Time

/// The same for each server: the stand-in, and those that others wrote.
@Suite struct ServerTests {
  private let spool: Spool

  init() throws { spool = try Spool() }

  private static func store(
    _ server: TestServer, prefix: String = UUID().uuidString, secret: String = TestKey.secret
  ) throws -> (store: BucketStore, prefix: String) {
    let bucket = try S3Bucket(
      "\(TestServer.bucket)/\(prefix)", endpoint: HTTPURL(try server.endpoint()), region: TestServer.region)
    let store = BucketStore(
      bucket, TestKey.credentials(secret: secret), usesProxy: false, now: BucketStore.wallClock)
    return (store, prefix)
  }

  private static func fetch(
    _ file: SpooledFile, from store: BucketStore, for seconds: Int = 60,
    at now: Timestamp = BucketStore.wallClock()
  ) throws -> Fetched {
    let head = BlobHead(type: "image/webp", disposition: "attachment; filename=\"a b~(1).webp\"")
    guard case .redirect(let url) = store.link(to: file.key, as: head, for: seconds, at: now) else {
      throw Unusable("no link")
    }
    return try Fetched(url)
  }

  @Test(arguments: TestServer.available, [0, 1, 65_537, 9_000_000])
  func `a file is stored, found, read by a link, and removed`(_ server: TestServer, _ size: Int) throws {
    let (store, _) = try Self.store(server)
    let content = Spool.bytes(size)
    let file = try spool.file(content)
    #expect(try !store.contains(file.key, size: size, isCanceled: never))
    // Twice: an answer may have been lost.
    for _ in 0..<2 { #expect(store.store(file, isCanceled: never) == .stored) }
    #expect(try store.contains(file.key, size: size, isCanceled: never))
    #expect(try !store.contains(file.key, size: size + 1, isCanceled: never))
    let answer = try Self.fetch(file, from: store)
    #expect(answer.status == 200 && answer.bytes == content)
    #expect(answer.fields["content-type"] == ["image/webp"])
    #expect(answer.fields["content-disposition"] == ["attachment; filename=\"a b~(1).webp\""])
    for _ in 0..<2 { try store.remove(file.key, isCanceled: never) }
    #expect(try !store.contains(file.key, size: size, isCanceled: never))
    // moto denies a link to an object that is absent.
    if server.isStrict { #expect(try Self.fetch(file, from: store).status == 404) }
  }

  @Test(arguments: TestServer.available, ["a b", "a=b", "a+b", "ü", "~", "(1)", "made/2026 09/a=b+c/ü~(1)"])
  func `prefixes of any characters work`(_ server: TestServer, _ prefix: String) throws {
    let (store, _) = try Self.store(server, prefix: prefix)
    let file = try spool.file(Array(prefix.utf8))
    #expect(store.store(file, isCanceled: never) == .stored)
    #expect(try store.contains(file.key, size: file.size, isCanceled: never))
    #expect(try Self.fetch(file, from: store).bytes == Array(prefix.utf8))
    try store.probe()
    try store.remove(file.key, isCanceled: never)
    #expect(try !store.contains(file.key, size: file.size, isCanceled: never))
  }

  @Test(arguments: TestServer.available.filter(\.isStrict))
  func `a wrong secret, other bytes and an old link are refused`(_ server: TestServer) throws {
    let (store, prefix) = try Self.store(server)
    let file = try spool.file(Spool.bytes(1000))
    let (denied, _) = try Self.store(server, prefix: prefix, secret: "another")
    guard case .failed(let failure) = denied.store(file, isCanceled: never) else {
      Issue.record("stored with a wrong secret")
      return
    }
    #expect(failure.code == .denied && failure.message.hasPrefix("SignatureDoesNotMatch"))
    denied.update(TestKey.credentials())
    #expect(denied.store(file, isCanceled: never) == .stored)
    let now = BucketStore.wallClock()
    #expect(try Self.fetch(file, from: store, at: now.advanced(by: .seconds(-50))).status == 200)
    #expect(try Self.fetch(file, from: store, at: now.advanced(by: .seconds(-70))).status == 403)
    #expect(try Self.fetch(file, from: Self.store(server, prefix: prefix, secret: "x").store).status == 403)
    // SeaweedFS 4.48 would store them.
    let changed = try spool.file(Spool.bytes(1000, seed: 1))
    try Data(Spool.bytes(1000, seed: 2)).write(to: URL(fileURLWithPath: changed.path))
    #expect(store.store(changed, isCanceled: never) == .damaged)
    #expect(try !store.contains(changed.key, size: 1000, isCanceled: never))
  }

  @Test(.enabled(if: OfficialLibraries.hasBoto, "boto3 is not installed"), arguments: TestServer.available)
  func `boto3 reads each object that was stored`(_ server: TestServer) throws {
    let (store, prefix) = try Self.store(server, prefix: "boto ü+(\(UUID().uuidString))")
    var expected: [String] = []
    for (index, size) in [1, 2, 1000, 100_000, 3_000_000].enumerated() {
      let file = try spool.file(
        Spool.bytes(size, seed: UInt8(index)), type: ["image/png", "video/mp4", "text/plain"][index % 3])
      #expect(store.store(file, isCanceled: never) == .stored)
      expected.append("\(prefix)/\(file.key.path) \(file.sha256) \(size) \(file.type)")
    }
    try store.write(Array("{}".utf8), to: .manifest(job: "poster-17"), isCanceled: never)
    expected.append(
      "\(prefix)/jobs/poster-17.json \(Spool.digest(Array("{}".utf8))) 2 application/json")
    let keys = expected.map { $0.components(separatedBy: " ").dropLast(3).joined(separator: " ") }
    let result = try OfficialLibraries.run(
      Self.reader, [try server.endpoint(), TestServer.region, TestServer.bucket] + keys)
    #expect(result.status == 0, "\(result.error)")
    #expect(result.output.split(separator: "\n").map(String.init) == expected)
  }

  private static let reader = """
    import boto3, hashlib, sys
    from botocore.config import Config
    endpoint, region, bucket, *keys = sys.argv[1:]
    s3 = boto3.client('s3', endpoint_url=endpoint, region_name=region, aws_access_key_id='\(TestKey.id)',
      aws_secret_access_key='\(TestKey.secret)', config=Config(s3={'addressing_style': 'path'}))
    for key in keys:
      head = s3.head_object(Bucket=bucket, Key=key)
      body = s3.get_object(Bucket=bucket, Key=key)['Body'].read()
      part = s3.get_object(Bucket=bucket, Key=key, Range='bytes=1-1')['Body'].read() if len(body) > 1 else b''
      assert head['ContentLength'] == len(body) and part == body[1:2]
      print(key, hashlib.sha256(body).hexdigest(), len(body), head['ContentType'])
    """
}
