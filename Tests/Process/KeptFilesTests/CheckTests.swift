import BucketStub
import Foundation
import LiveDaemon
import Testing

extension KeptFilesTests {
  /// What `check` reports of the place where files are kept.
  @Suite struct CheckTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func check(_ settings: [String: String]) throws -> Program.Result {
      let environment = [
        "REPLICATE_WEBHOOK_SECRET": Daemon.secret, "WEBHOOK_LISTEN": "127.0.0.1:0",
        "API_LISTEN": "unix:\(folder.url.path)/api", "DATABASE_URL": "sqlite:\(folder.url.path)/jobs.db",
      ]
      return try Program.run(
        ["30", Program.path, "check"], environment: environment.merging(settings) { $1 },
        executable: "/usr/bin/timeout")
    }

    /// Who runs it may be another user than the daemon, who could not write there then.
    @Test func `a folder that is missing is not made`() throws {
      let result = try check(["ARCHIVE": "file:\(folder.url.path)/files"])
      #expect(
        result.status == 0 && result.output.contains("files      file:\(folder.url.path)/files does not"))
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path).isEmpty)
    }

    @Test func `a folder in use takes a file, which is removed again`() throws {
      let keeper = try Keeper()
      let partial = "\(keeper.folder.url.path)/files/.partial"
      try wait("the folder") { FileManager.default.fileExists(atPath: partial) }
      let result = try check(["ARCHIVE": "file:\(keeper.folder.url.path)/files"])
      #expect(result.status == 0 && result.output.contains("/files takes files\n"), "\(result)")
      #expect(try FileManager.default.contentsOfDirectory(atPath: partial).isEmpty)
    }

    @Test func `a bucket takes a file, or the line names its reason`() throws {
      let (keyID, secret) = ("AKWEBHOOKDTEST01", "0123456789abcdef0123456789abcdef01234567")
      let bucket = try BucketStub(keyID: keyID, secret: secret)
      defer { bucket.stop() }
      let settings = [
        "ARCHIVE": "s3://\(bucket.bucket)/kept", "ARCHIVE_ENDPOINT": bucket.endpoint,
        "ARCHIVE_REGION": bucket.region, "ARCHIVE_KEY_ID": keyID, "ARCHIVE_SECRET_KEY": secret,
      ]
      let fine = try check(settings)
      #expect(fine.status == 0 && fine.output.contains("region \(bucket.region), takes files\n"), "\(fine)")
      #expect(bucket.objects.isEmpty && bucket.requests.map(\.method) == ["PUT", "GET", "DELETE"])
      // The start would not be refused, because deliveries come first.
      let wrong = try check(settings.merging(["ARCHIVE_SECRET_KEY": "wrong"]) { $1 })
      #expect(wrong.status == 0 && wrong.output.contains("takes no files (store_denied): "), "\(wrong)")
      #expect(!(wrong.output + wrong.error).contains(secret))
    }
  }
}
