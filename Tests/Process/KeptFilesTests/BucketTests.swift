import BucketStub
import FileServer
import Foundation
import LiveDaemon
import Testing

extension KeptFilesTests {
  /// Buckets that are away, refuse, or answer as no bucket should.
  @Suite struct BucketTests {
    /// Waits until the check at the start is over, which would meet the faults of a test.
    private static func awaitProbe(_ bucket: BucketStub) throws {
      try wait("the probe") { bucket.lines.contains { $0.hasPrefix("DELETE kept/.probe-") } }
    }

    @Test(arguments: StoreKind.available)
    func `files wait in the spool while the bucket is away`(_ kind: StoreKind) throws {
      let bucket = try TestKey.stub()
      bucket.stop()
      let keeper = try Keeper(on: kind, bucket: bucket)
      let files = (0..<5).map { Keeper.bytes(100_000 + $0, seed: UInt64($0)) }
      for (index, bytes) in files.enumerated() {
        let url = keeper.origin.serve("/\(index).png", bytes)
        // The sources expire a second later, which harms nothing any more.
        try keeper.end("p\(index)", output: url, age: 3599)
      }
      for index in files.indices {
        try keeper.awaitFile("p\(index)", 0, "fetched") { $0.state == "fetched" }
      }
      try wait("the pause") { try keeper.daemon.fetch("/archive").text.contains("store_unreachable") }
      #expect(keeper.spooled().count == 5)
      let total = Double(files.map(\.count).reduce(0, +))
      // It is measured every 15 s.
      try wait("the size of the spool") { try keeper.metric("archive_spool_bytes") == total }
      for (index, bytes) in files.enumerated() {
        let answer = try keeper.daemon.fetch("/jobs/p\(index)/files/0")
        #expect(answer.status == 200 && answer.body == bytes)
      }
      keeper.daemon.killAtOnce()
      try keeper.start()
      try wait("the end of the sources") {
        let text = try keeper.job("p4").archive?.sourceExpiresAt ?? ""
        let formatter = ISO8601DateFormatter()
        formatter.formatOptions =
          text.contains(".") ? [.withInternetDateTime, .withFractionalSeconds] : [.withInternetDateTime]
        return try #require(formatter.date(from: text)) < Date()
      }
      #expect(try keeper.job("p0").archive?.state == "pending" && bucket.requests.isEmpty)
      try bucket.restart()
      for (index, bytes) in files.enumerated() {
        try keeper.await("p\(index)", seconds: 40)
        try keeper.expectFile("p\(index)", is: bytes)
      }
      #expect(bucket.files.count == 5)
      #expect(keeper.origin.fetches.count == 5)
      try wait("an empty spool") { keeper.spooled().isEmpty }
    }

    /// An answer, or none, after which the same request may succeed.
    private static let failures: [BucketFault] = [
      .answer(400, "XAmzContentSHA256Mismatch"), .answer(400, "BadDigest"), .answer(400, "IncompleteBody"),
      .answer(400, "RequestTimeout"), .answer(409, "OperationAborted"), .answer(412, "PreconditionFailed"),
      .answer(429, nil), .answer(500, "InternalError"), .answer(502, nil), .answer(503, "SlowDown"),
      .answer(504, nil), .damageContent, .cutRequest(after: 1000), .loseAnswer,
    ]

    @Test func `each failure that may pass is retried, and each file is stored once`() throws {
      let bucket = try TestKey.stub()
      let keeper = try Keeper(bucket: bucket)
      try Self.awaitProbe(bucket)
      bucket.inject(Self.failures, on: "PUT")
      let files = Self.failures.indices.map { Keeper.bytes(20_000 + $0, seed: UInt64($0)) }
      for (index, bytes) in files.enumerated() {
        try keeper.end("p\(index)", output: keeper.origin.serve("/\(index).png", bytes))
      }
      for index in files.indices { try keeper.await("p\(index)", seconds: 40) }
      for (index, bytes) in files.enumerated() { try keeper.expectFile("p\(index)", is: bytes) }
      #expect(bucket.files.count == files.count)
      // None was fetched again, since none had changed in the spool.
      #expect(keeper.origin.fetches.count == files.count)
      let puts = bucket.requests.filter { $0.method == "PUT" && $0.key.hasPrefix("kept/sha256/") }
      #expect(puts.count >= 2 * files.count - 1)
      #expect(bucket.lines.allSatisfy { !$0.hasSuffix(" 403") })
    }

    struct Refusal: Sendable {
      let fault: BucketFault
      let code: String
      var text = ""
    }

    private static let refusals: [Refusal] = [
      .init(
        fault: .answer(400, "AuthorizationHeaderMalformed", more: "<Region>eu-west-1</Region>"),
        code: "store_misconfigured", text: "eu-west-1"),
      .init(
        fault: .answer(301, "PermanentRedirect", more: "<Endpoint>s3.other.test</Endpoint>"),
        code: "store_misconfigured", text: "s3.other.test"),
      .init(
        fault: .answer(307, "TemporaryRedirect", fields: [("Location", "http://127.0.0.1:1/")]),
        code: "store_misconfigured"),
      .init(fault: .answer(400, "InvalidArgument"), code: "store_misconfigured"),
      .init(fault: .answer(501, "NotImplemented"), code: "store_misconfigured"),
      .init(fault: .answer(401, nil), code: "store_denied"),
      .init(fault: .answer(403, "AccessDenied"), code: "store_denied", text: "AccessDenied"),
      .init(fault: .answer(403, "InvalidAccessKeyId"), code: "store_denied"),
      .init(fault: .answer(403, "SignatureDoesNotMatch"), code: "store_denied"),
      .init(fault: .answer(403, "ExpiredToken"), code: "store_denied"),
      .init(fault: .answer(404, "NoSuchBucket"), code: "store_denied", text: "NoSuchBucket"),
      .init(fault: .answer(507, nil), code: "store_full"),
      .init(fault: .answer(403, "QuotaExceeded"), code: "store_full"),
      .init(fault: .answer(500, "XMinioStorageFull"), code: "store_full"),
    ]

    @Test func `each refusal pauses the uploads, is shown, and ends with a reload`() throws {
      let bucket = try TestKey.stub()
      let keeper = try Keeper(bucket: bucket)
      try Self.awaitProbe(bucket)
      for (index, refusal) in Self.refusals.enumerated() {
        bucket.inject([refusal.fault], on: "PUT")
        let url = keeper.origin.serve("/\(index).png", Keeper.bytes(1000 + index))
        try keeper.end("p\(index)", output: url)
        let file = try keeper.awaitFile("p\(index)", 0, "\(refusal.code)") { $0.code == refusal.code }
        #expect(file.state == "fetched", "\(file)")
        #expect(refusal.text.isEmpty || file.error?.message?.contains(refusal.text) == true, "\(file)")
        #expect(try keeper.daemon.fetch("/archive").text.contains(refusal.code), "\(refusal.code)")
        let puts = bucket.requests.count
        // Others are fetched, and wait without a try of their own.
        if index == 0 {
          try keeper.end("other", output: keeper.origin.serve("/other.png", [1]))
          try keeper.awaitFile("other", 0, "fetched") { $0.state == "fetched" }
          #expect(bucket.requests.count == puts)
        }
        keeper.reload()
        for id in index == 0 ? ["p0", "other"] : ["p\(index)"] {
          try keeper.await(id)
          // Otherwise the list of the job's files would meet the next fault.
          try wait("the list of \(id)") { bucket.objects["kept/jobs/\(id).json"] != nil }
        }
      }
      #expect(bucket.files.count == Self.refusals.count + 1)
      #expect(keeper.origin.fetches.count == Self.refusals.count + 1)
    }

    @Test(arguments: [BucketFault.answer(413, nil), .answer(400, "EntityTooLarge")])
    func `a file that the bucket never takes fails for good`(_ fault: BucketFault) throws {
      let bucket = try TestKey.stub()
      let keeper = try Keeper(bucket: bucket)
      try Self.awaitProbe(bucket)
      bucket.inject([fault], on: "PUT")
      try keeper.end("p1", output: keeper.origin.serve("/a.png", [1]))
      #expect(try keeper.await("p1", "failed").files?.first?.code == "too_large")
      try wait("an empty spool") { keeper.spooled().isEmpty }
    }

    @Test func `a wrong secret is replaced without a restart`() throws {
      let bucket = try TestKey.stub()
      let folder = try TemporaryFolder()
      let file = try folder.write("another\n", to: "secret")
      var settings = bucket.settings
      settings["ARCHIVE_SECRET_KEY"] = nil
      let keeper = try Keeper(
        settings.merging(["ARCHIVE_SECRET_KEY_FILE": file]) { $1 }, bucket: nil)
      let bytes = Keeper.bytes(5000)
      for index in 0..<3 {
        try keeper.end("p\(index)", output: keeper.origin.serve("/\(index).png", bytes + [UInt8(index)]))
      }
      for index in 0..<3 { try keeper.awaitFile("p\(index)", 0, "fetched") { $0.state == "fetched" } }
      try wait("the pause") { try keeper.daemon.fetch("/archive").text.contains("store_denied") }
      #expect(try keeper.metric("archive_paused{reason=\"store_denied\"}") == 1)
      _ = try folder.write("\(TestKey.secret)\n", to: "secret")
      keeper.reload()
      for index in 0..<3 {
        try keeper.await("p\(index)")
        try keeper.expectFile("p\(index)", is: bytes + [UInt8(index)])
      }
      let log = keeper.daemon.logAfterStop()
      #expect(log.contains("SignatureDoesNotMatch"))
      #expect(!log.contains(TestKey.secret) && !log.contains("another"))
    }

    @Test(arguments: [1200.0, -1200])
    func `a clock that is twenty minutes off is named`(_ seconds: TimeInterval) throws {
      let bucket = try TestKey.stub()
      bucket.setClock(secondsAhead: seconds)
      let keeper = try Keeper(bucket: bucket)
      try keeper.end("p1", output: keeper.origin.serve("/a.png", [1]))
      try keeper.awaitFile("p1", 0, "fetched") { $0.state == "fetched" }
      let text = seconds > 0 ? "s behind the bucket's" : "s ahead of the bucket's"
      try keeper.daemon.waitForLog(text)
      try wait("the pause") { try keeper.daemon.fetch("/archive").text.contains("store_denied") }
      bucket.setClock(secondsAhead: 0)
      keeper.reload()
      try keeper.await("p1")
    }

    @Test(
      .enabled(if: TestServer.available.contains(.seaweedFS), "SeaweedFS or boto3 is not installed"))
    func `boto3 reads from SeaweedFS what the daemon stored there`() throws {
      let prefix = "daemon ü+(\(UUID().uuidString))"
      let keeper = try Keeper([
        "ARCHIVE": "s3://\(TestServer.bucket)/\(prefix)",
        "ARCHIVE_ENDPOINT": try TestServer.seaweedFS.endpoint(), "ARCHIVE_REGION": TestServer.region,
        "ARCHIVE_KEY_ID": TestKey.id, "ARCHIVE_SECRET_KEY": TestKey.secret,
      ])
      let sizes = [1, 2, 65_537, 6 << 20]
      let urls = sizes.enumerated().map { index, size in
        keeper.origin.serve(
          "/\(index)", Keeper.bytes(size, seed: UInt64(index)),
          ["Content-Type: \(["image/png", "video/mp4"][index % 2])"])
      }
      try keeper.end("p1", output: urls + ["data:text/plain,boto"])
      let job = try keeper.await("p1", seconds: 60)
      for (index, size) in sizes.enumerated() {
        try keeper.expectFile("p1", index, is: Keeper.bytes(size, seed: UInt64(index)))
      }
      let expected = try (job.files ?? []).map { file in
        let digest = try #require(file.sha256)
        return
          "\(prefix)/sha256/\(digest.prefix(2))/\(digest) \(digest) \(file.size ?? -1) \(file.type ?? "")"
      }
      #expect(expected.count == 5)
      let result = try OfficialLibraries.run(
        Self.reader, [try TestServer.seaweedFS.endpoint(), TestServer.region, TestServer.bucket, prefix])
      #expect(result.status == 0, "\(result.error)")
      let lines = result.output.split(separator: "\n").map(String.init)
      #expect(lines.filter { !$0.hasPrefix("\(prefix)/jobs/") }.sorted() == expected.sorted())
      #expect(lines.contains { $0.hasPrefix("\(prefix)/jobs/p1.json ") })
      #expect(try keeper.daemon.fetch("/jobs/p1", method: "DELETE").status == 204)
      try wait("an empty bucket") {
        let list = try OfficialLibraries.run(
          Self.reader, [try TestServer.seaweedFS.endpoint(), TestServer.region, TestServer.bucket, prefix])
        return list.status == 0 && list.output.isEmpty
      }
    }

    private static let reader = """
      import boto3, hashlib, sys
      from botocore.config import Config
      endpoint, region, bucket, prefix = sys.argv[1:]
      s3 = boto3.client('s3', endpoint_url=endpoint, region_name=region, aws_access_key_id='\(TestKey.id)',
        aws_secret_access_key='\(TestKey.secret)', config=Config(s3={'addressing_style': 'path'}))
      for item in s3.list_objects_v2(Bucket=bucket, Prefix=prefix + '/').get('Contents', []):
        answer = s3.get_object(Bucket=bucket, Key=item['Key'])
        body = answer['Body'].read()
        print(item['Key'], hashlib.sha256(body).hexdigest(), len(body), answer['ContentType'])
      """
  }
}
