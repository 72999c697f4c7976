import Glibc
import Observability
import Scratch
import Settings
import Testing

@testable import ProcessMetrics

/// The size of the database, and the space that is left.
@Suite struct DatabaseFileTests {
  private func path(of url: String?) -> String? {
    let variable = SettingVariable("DATABASE_URL", isSecret: true)
    var reader = SettingsReader(
      variables: [variable], environment: url.map { ["DATABASE_URL": $0] } ?? [:], readFile: { _ in nil })
    return DatabaseFile.path(from: &reader)
  }

  @Test func theFileIsTheOneOfTheSetting() {
    #expect(path(of: "sqlite:/var/lib/jobs.db") == "/var/lib/jobs.db")
    #expect(path(of: " sqlite:jobs.db\n") == "jobs.db")
    #expect(path(of: nil) == "replicate-webhookd.db")
    #expect(path(of: "postgresql://user:secret@host/jobs") == nil)
  }

  @Test func theSizeIsThatOfTheFile() throws {
    let database = TestFile()
    #expect(DatabaseFile.size(at: database.path) == nil)
    #expect(DatabaseFile.freeBytes(beside: database.path) == nil)
    try database.write(count: 12_345)
    #expect(DatabaseFile.size(at: database.path) == 12_345)
    #expect(try #require(DatabaseFile.freeBytes(beside: database.path)) > 0)
    let lines = MetricsPage(DatabaseFile.families(at: database.path)).text.split(separator: "\n")
    #expect(lines.contains("replicate_webhookd_database_size_bytes 12345"))
    #expect(lines.contains { $0.hasPrefix("replicate_webhookd_free_bytes ") })
  }

  /// As much as `df` shows to users. Others write meanwhile, so a tenth may be off.
  @Test func theFreeSpaceIsThatOfItsFileSystem() throws {
    var status = statvfs()
    #expect(statvfs("/", &status) == 0)
    let free = Double(status.f_bavail) * Double(status.f_frsize)
    let reported = Double(try #require(DatabaseFile.freeBytes(beside: "/")))
    #expect(abs(reported - free) <= free / 10 + 1_000_000)
  }
}

/// A path in a folder of its own, removed at deinit.
private final class TestFile {
  private let folder = try? ScratchFolder()
  var path: String { (folder?.path ?? "/nonexistent") + "/jobs.db" }

  private struct Unwritable: Error {}

  func write(count: Int) throws {
    let descriptor = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0o600)
    defer { close(descriptor) }
    guard ftruncate(descriptor, off_t(count)) == 0 else { throw Unwritable() }
  }
}
