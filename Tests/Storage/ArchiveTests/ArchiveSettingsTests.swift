import JobRequests
import S3
import Settings
import Testing

@testable import Archive

/// The settings of kept files: what is accepted, and which setting a problem names.
@Suite struct ArchiveSettingsTests {
  private func read(
    _ environment: [String: String], files: [String: String] = [:]
  ) throws(SettingProblems) -> ArchiveSettings {
    let others = [SettingVariable("REPLICATE_API_URL"), SettingVariable("DATABASE_URL", isSecret: true)]
    var reader = SettingsReader(
      variables: ArchiveSettings.variables + others, environment: environment
    ) { files[$0] }
    return try reader.read { ArchiveSettings(from: &$0) }
  }

  private static let bucket = [
    "ARCHIVE": "s3://my-bucket/outputs", "ARCHIVE_KEY_ID": "AK", "ARCHIVE_SECRET_KEY": "secret",
  ]

  @Test func `nothing is kept without ARCHIVE`() throws {
    let settings = try read([:])
    #expect(settings.place == nil)
    #expect(settings.mode == .bestEffort)
    #expect(settings.retention == nil)
  }

  @Test func `a folder and a bucket are places`() throws {
    guard case .folder("/var/files") = try read(["ARCHIVE": "file:/var/files"]).place else {
      Issue.record("no folder")
      return
    }
    guard case .bucket(let bucket, _) = try read(Self.bucket).place else {
      Issue.record("no bucket")
      return
    }
    #expect(bucket.name == "my-bucket" && bucket.prefix == "outputs" && bucket.region == "us-east-1")
  }

  @Test(arguments: [
    (["ARCHIVE": "/var/files"], "ARCHIVE"), (["ARCHIVE": "file:files"], "ARCHIVE"),
    (["ARCHIVE": "file:/"], "ARCHIVE"), (["ARCHIVE": "s3://B"], "ARCHIVE"),
    (["ARCHIVE": "s3://my-bucket"], "ARCHIVE_KEY_ID"),
    (["ARCHIVE": "file:/d", "ARCHIVE_REGION": "auto"], "ARCHIVE_REGION"),
    (["ARCHIVE": "file:/d", "ARCHIVE_HOSTS": "localhost"], "ARCHIVE_HOSTS"),
    (["ARCHIVE": "file:/d", "ARCHIVE_MODE": "always"], "ARCHIVE_MODE"),
    (["ARCHIVE": "file:/d", "ARCHIVE_RETENTION": "30"], "ARCHIVE_RETENTION"),
    (["ARCHIVE": "file:/d", "ARCHIVE_PUBLIC_URL": "https://cdn.test/?a"], "ARCHIVE_PUBLIC_URL"),
    (bucket.merging(["ARCHIVE_ENDPOINT": "http://s3.test"]) { $1 }, "ARCHIVE_ENDPOINT"),
    (bucket.merging(["ARCHIVE_ENDPOINT": "https://s3.test/path"]) { $1 }, "ARCHIVE_ENDPOINT"),
    (bucket.merging(["ARCHIVE_SECRET_KEY": "one two three"]) { $1 }, "ARCHIVE_SECRET_KEY"),
    (["ARCHIVE_RETENTION": "30d"], "ARCHIVE_RETENTION"),
  ])
  func `a problem names its setting`(_ environment: [String: String], _ name: String) {
    do throws(SettingProblems) {
      _ = try read(environment)
      Issue.record("it was accepted")
    } catch {
      #expect(error.problems.contains { $0.variable == name })
    }
  }

  @Test func `a loopback endpoint needs no TLS`() throws {
    let settings = Self.bucket.merging(["ARCHIVE_ENDPOINT": "http://127.0.0.1:9000"]) { $1 }
    guard case .bucket(let bucket, _) = try read(settings).place else { return }
    #expect(!bucket.isSecure)
  }

  @Test(arguments: [
    ("sqlite:/var/lib/x/jobs.db", "/var/lib/x/spool", false), ("sqlite:jobs.db", "spool", false),
    ("postgresql://host/db", "spool", true),
  ])
  func `the spool is beside the database`(_ url: String, _ spool: String, _ isShared: Bool) throws {
    let settings = try read(["ARCHIVE": "file:/d", "DATABASE_URL": url])
    #expect(settings.spool == spool)
    #expect(settings.isShared == isShared)
  }

  @Test func `secrets in files are read again from them`() throws {
    var environment = Self.bucket
    environment["ARCHIVE_SECRET_KEY"] = nil
    environment["ARCHIVE_SECRET_KEY_FILE"] = "/secret"
    let settings = try read(environment, files: ["/secret": "secret\ntoken\n"])
    #expect(settings.credentialFiles.secretKey == "/secret")
    #expect(settings.credentialFiles.keyID == nil)
  }
}
