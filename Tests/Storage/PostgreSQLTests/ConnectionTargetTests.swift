import Foundation
import PostgreSQL
import Testing

/// How a URL is read, and what is never shown of it.
@Suite struct ConnectionTargetTests {
  @Test(arguments: [
    ("postgresql://app:secret@db1:5433,db2/hooks?sslmode=require", "db1:5433,db2:5432/hooks", false),
    ("postgres://db1,db2:6000/hooks", "db1:5432,db2:6000/hooks", false),
    ("postgresql://app@[::1]:5433/hooks", "[::1]:5433/hooks", true),
    ("postgresql://app@127.0.0.1,localhost/hooks", "127.0.0.1:5432,localhost:5432/hooks", true),
    ("postgresql://app@127.0.0.1,db2/hooks", "127.0.0.1:5432,db2:5432/hooks", false),
    ("postgresql://app@%2Frun%2Fpostgresql/hooks", "/run/postgresql:5432/hooks", true),
    ("postgresql://db1/hooks?hostaddr=127.0.0.9", "db1:5432/hooks", true),
    ("postgresql://app:secret@db1", "db1:5432", false),
    ("postgresql:///hooks", "localhost:5432/hooks", true),
    ("postgresql:///hooks?host=db7&port=99&password=secret", "db7:99/hooks", false),
  ])
  func `a URL names servers and a database`(_ url: String, _ description: String, _ isLocal: Bool) throws {
    let target = try ConnectionTarget(url: url)
    #expect("\(target)" == description)
    #expect(target.isLocal == isLocal)
  }

  @Test(arguments: [
    "postgresql://app:secret@db1/hooks", "postgresql://app:secret@db1,db2:99/hooks?application_name=x",
    "postgresql://db1/hooks?user=app&password=secret&sslpassword=secret",
  ])
  func `neither password nor user is printed in any form`(_ url: String) throws {
    let target = try ConnectionTarget(url: url)
    var dumped = ""
    dump(target, to: &dumped)
    let optional: ConnectionTarget? = target
    let texts = ["\(target)", String(reflecting: target), dumped, "\(optional as Any)", "\([target])"]
    for text in texts { #expect(!text.contains("secret") && !text.contains("app")) }
  }

  @Test(arguments: [
    "sqlite:jobs.db", "", "host=db1 password=secret", "postgresql://app:se%zecret@db1/x",
    "postgresql://app:s/ecret@db1/x",
    "postgresql://app:secret@db1:x/y", "postgresql://app:secret@db1:99999/y",
    "postgresql://app:a@secret@db1/y",
    "postgresql://app:secret@db1/y?secret=1", "postgresql://app:secret@db1/y?sslmode=sometimes",
    "postgresql://app:secret@[db1/y", "postgresql://app:secret@db1/y?port=1,2",
    "postgresql://app:s\0ecret@db1/y", "postgresql://a:b@db1/y?target_session_attrs=writable",
  ])
  func `a URL that is refused is not quoted`(_ url: String) throws {
    let error = #expect(throws: PostgreSQLError.self) { _ = try ConnectionTarget(url: url) }
    let text = error.map(\.description) ?? "secret"
    #expect(!text.contains("ecret") && !text.isEmpty && text.utf8.count < 300)
  }

  @Test func `a service file holds the hosts`() throws {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("service-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: file) }
    try "[hooks]\nhost=db1,db2\nport=5433\ndbname=jobs\npassword=secret\n".write(
      to: file, atomically: true, encoding: .utf8)
    let url = "postgresql:///?service=hooks&servicefile=\(file.path)"
    #expect(throws: PostgreSQLError.self) { _ = try ConnectionTarget(url: url) }
    setenv("PGSERVICEFILE", file.path, 1)
    defer { unsetenv("PGSERVICEFILE") }
    #expect("\(try ConnectionTarget(url: "postgresql:///?service=hooks"))" == "db1:5433,db2:5433/jobs")
    let missing = #expect(throws: PostgreSQLError.self) {
      _ = try ConnectionTarget(url: "postgresql:///?service=none")
    }
    #expect(missing?.description.contains("definition of service \"none\" not found") == true)
  }
}
