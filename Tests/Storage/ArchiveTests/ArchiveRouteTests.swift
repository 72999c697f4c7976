@testable import Archive
@testable import KeptFiles
import Foundation
import JobRequests
import Jobs
@testable import KeptFiles
import LiveDaemon
import StoreFixture
import Testing
@testable import Time

/// `POST /jobs/{id}/archive`, `DELETE /jobs/{id}/files` and `GET /archive`.
@Suite(.everyStore) struct ArchiveRouteTests {
  private static let output =
    #"["https://replicate.delivery/x/out-0.png","https://replicate.delivery/x/out-1.png"]"#

  private func states(_ server: ArchiveServer, _ id: String = "poster") throws -> [String?] {
    let files = try server.document(of: id)["files"] as? [[String: Any]]
    return (files ?? []).map { $0["state"] as? String }
  }

  private func state(_ document: [String: Any]) -> String? {
    (document["archive"] as? [String: Any])?["state"] as? String
  }

  // MARK: Keeping

  @Test
  func `the files of a job that ended before are kept by request, and the second request changes nothing`()
    async throws
  {
    // Of a daemon without ARCHIVE.
    let server = try ArchiveServer(["ARCHIVE_MODE": "off"])
    try await server.deliver("poster", output: Self.output)
    #expect(try state(server.document(of: "poster")) == nil)
    let tag = try server.send("/jobs/poster").fields["etag"]
    for _ in 0..<2 {
      let answer = try server.send("/jobs/poster/archive", method: "POST")
      #expect(answer.status == 202)
      let document = try server.object(in: answer.body)
      #expect(document["id"] as? String == "poster" && state(document) == "pending")
      #expect(try states(server) == ["waiting", "waiting"])
    }
    #expect(try server.send("/jobs/poster").fields["etag"] != tag)
    let files = try #require(try server.document(of: "poster")["files"] as? [[String: Any]])
    #expect(files.map { $0["at"] as? String } == ["/output/0", "/output/1"])
  }

  @Test func `files that are stored leave nothing to do`() async throws {
    let server = try ArchiveServer()
    let number = try await server.deliver("poster", output: Self.output)
    var job = ArchivedJob(job: number, id: "poster", mode: .bestEffort, state: .complete)
    (job.files, job.stored, job.queued) = (2, 2, 2)
    try server.put(
      job, try (0...1).map { try server.file($0, ofJob: number, content: [UInt8($0)]) })
    let answer = try server.send("/jobs/poster/archive", method: "POST")
    #expect(try answer.status == 200 && state(server.object(in: answer.body)) == "complete")
  }

  @Test func `failed files are tried again`() async throws {
    let server = try ArchiveServer()
    let number = try await server.deliver("poster", output: Self.output)
    var job = ArchivedJob(job: number, id: "poster", mode: .bestEffort, state: .partial)
    (job.files, job.stored, job.failed, job.queued) = (2, 1, 1, 2)
    var failed = try server.file(1, ofJob: number, .failed)
    (failed.tries, failed.code) = (3, "expired")
    try server.put(job, [try server.file(ofJob: number, content: [1]), failed])
    #expect(try server.send("/jobs/poster/archive", method: "POST").status == 202)
    #expect(try states(server) == ["stored", "waiting"])
    #expect(try state(server.document(of: "poster")) == "pending")
  }

  @Test func `an output without files leaves nothing to do`() async throws {
    let server = try ArchiveServer()
    try await server.deliver(
      "poster", output: #""a text with https://replicate.delivery/x/out-0.png inside""#)
    let answer = try server.send("/jobs/poster/archive", method: "POST")
    #expect(answer.status == 200)
    #expect(try [nil, "none"].contains(state(server.object(in: answer.body))))
  }

  @Test func `a job that has not ended has no files yet`() async throws {
    let server = try ArchiveServer()
    try await server.deliver("poster", output: Self.output, .running)
    let answer = try server.send("/jobs/poster/archive", method: "POST")
    #expect(answer.status == 409 && answer.code == "not_ended")
  }

  @Test(arguments: [("POST", "/jobs/other/archive"), ("DELETE", "/jobs/other/files")])
  func `an unknown job is not found`(_ method: String, _ path: String) async throws {
    let answer = try ArchiveServer().send(path, method: method)
    #expect(answer.status == 404 && answer.code == "job_not_found")
  }

  @Test(arguments: [
    ("POST", "/jobs/poster/archive?x=1"), ("DELETE", "/jobs/poster/files?x=1"), ("GET", "/archive?x=1"),
    ("GET", "/jobs/poster/files/0?x=1"),
  ])
  func `unknown parameters are refused`(_ method: String, _ path: String) async throws {
    let server = try ArchiveServer()
    try await server.deliver("poster", output: Self.output)
    let answer = try server.send(path, method: method)
    #expect(answer.status == 400 && answer.code == "invalid_parameter")
  }

  // MARK: Deleting

  @Test func `files that wait are deleted, and never fetched`() async throws {
    let server = try ArchiveServer()
    try await server.deliver("poster", output: Self.output)
    #expect(try states(server) == ["waiting", "waiting"])
    let tag = try server.send("/jobs/poster").fields["etag"]
    for _ in 0..<2 {
      #expect(try server.send("/jobs/poster/files", method: "DELETE").status == 204)
      #expect(try states(server) == ["deleted", "deleted"])
      #expect(try state(server.document(of: "poster")) == "deleted")
    }
    #expect(try server.send("/jobs/poster").fields["etag"] != tag)
    let answer = try server.send("/jobs/poster/files/0")
    #expect(answer.status == 410 && answer.text.contains("canceled: "))
    // The job is there as before.
    #expect(try server.document(of: "poster")["state"] as? String == "succeeded")
  }

  @Test func `stored files are not served from the answer on`() async throws {
    let server = try ArchiveServer()
    let number = try await server.deliver("poster", output: Self.output)
    var job = ArchivedJob(job: number, id: "poster", mode: .bestEffort, state: .complete)
    (job.files, job.stored, job.queued) = (1, 1, 1)
    try server.put(job, [try server.file(ofJob: number, content: [1])])
    #expect(try server.send("/jobs/poster/files/0").status == 200)
    #expect(try server.send("/jobs/poster/files", method: "DELETE").status == 204)
    let answer = try server.send("/jobs/poster/files/0")
    #expect(answer.status == 410 && answer.code == "file_gone" && answer.text.contains("deleted: "))
  }

  @Test func `a job without files has none to delete`() async throws {
    let server = try ArchiveServer()
    try await server.deliver("poster", output: #""text""#)
    #expect(try server.send("/jobs/poster/files", method: "DELETE").status == 204)
  }

  // MARK: All files

  @Test func `the totals are those of all jobs`() async throws {
    let server = try ArchiveServer()
    let before = try server.object(in: try server.send("/archive").body)
    #expect((before["files"] as? [String: Int])?["waiting"] == 0 && before["bytes"] as? Int == 0)
    try await server.deliver("a", output: Self.output)
    try await server.deliver("b", output: Self.output)
    #expect(try server.send("/jobs/b/files", method: "DELETE").status == 204)
    let answer = try server.send("/archive")
    let document = try server.object(in: answer.body)
    #expect(answer.status == 200)
    #expect(
      document["files"] as? [String: Int]
        == ["waiting": 2, "fetched": 0, "stored": 0, "failed": 0, "deleted": 2])
    #expect(document["spool_bytes"] as? Int == 0 && (document["free_bytes"] as? Int ?? 0) > 0)
    #expect(document["paused"] == nil)
  }

  @Test func `a pause of the store is shown with its reason`() async throws {
    let server = try ArchiveServer()
    server.archive.runtime.pause = ArchiveRuntime.Pause(
      code: .storeDenied, message: "AccessDenied: no \"access\"", since: server.now)
    let paused = try server.object(in: try server.send("/archive").body)["paused"] as? [String: String]
    #expect(paused?["code"] == "store_denied" && paused?["message"] == "AccessDenied: no \"access\"")
    #expect(paused?["since"] != nil)
  }

  @Test func `without ARCHIVE there are no routes and no members`() async throws {
    let server = try ArchiveServer(["ARCHIVE": ""])
    try await server.deliver("poster", output: Self.output)
    for (method, path) in [
      ("GET", "/archive"), ("POST", "/jobs/poster/archive"), ("DELETE", "/jobs/poster/files"),
      ("GET", "/jobs/poster/files/0"),
    ] {
      let answer = try server.send(path, method: method)
      #expect(answer.status == 404 && answer.code == "not_found")
    }
    #expect(try server.document(of: "poster")["archive"] == nil)
  }
}
