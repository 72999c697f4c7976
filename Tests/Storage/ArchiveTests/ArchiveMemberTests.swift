@testable import Archive
@testable import KeptFiles
import Foundation
import JobRequests
import Jobs
import LiveDaemon
import StoreFixture
import Testing
@testable import Time

/// The members `archive` and `files` of jobs.
@Suite(.everyStore) struct ArchiveMemberTests {
  @Test func `a job shows its files and what became of them`() async throws {
    let server = try ArchiveServer()
    let expiry = try #require(Timestamp(rfc3339: "2026-09-01T13:30:41Z"))
    let number = try await server.deliver("poster", output: #"["a"]"#)
    var job = ArchivedJob(job: number, id: "poster", mode: .bestEffort, state: .pending)
    (job.files, job.stored, job.waiting, job.failed, job.bytes) = (5, 1, 2, 1, 3)
    job.sourceExpiresAt = expiry
    var waiting = try server.file(1, ofJob: number, .waiting)
    (waiting.tries, waiting.code, waiting.message) = (2, "source_busy", "503 from replicate.delivery")
    waiting.dueAt = expiry
    var failed = try server.file(3, ofJob: number, .failed)
    (failed.tries, failed.code) = (3, "refused")
    try server.put(
      job,
      [
        try server.file(ofJob: number, content: [1, 2, 3]), waiting,
        try server.file(2, ofJob: number, .fetched, content: [4]), failed,
        try server.file(4, ofJob: number, .deleting),
      ])
    let document = try server.document(of: "poster")
    let archive = try #require(document["archive"] as? [String: Any])
    #expect(archive["mode"] as? String == "best_effort" && archive["state"] as? String == "pending")
    #expect(archive["stored"] as? Int == 1 && archive["waiting"] as? Int == 2)
    #expect(archive["failed"] as? Int == 1 && archive["bytes"] as? Int == 3)
    #expect((archive["source_expires_at"] as? String)?.hasPrefix("2026-09-01T13:30:41") == true)
    let files = try #require(document["files"] as? [[String: Any]])
    #expect(files.map { $0["n"] as? Int } == [0, 1, 2, 3, 4])
    #expect(
      files.map { $0["state"] as? String } == ["stored", "waiting", "fetched", "failed", "deleted"])
    #expect(
      files.map { $0["url"] as? String } == [
        "/jobs/poster/files/0", nil, "/jobs/poster/files/2", nil, nil,
      ])
    #expect(files[0]["at"] as? String == "/output/0" && files[0]["name"] as? String == "out-0.png")
    #expect(files[0]["size"] as? Int == 3 && (files[0]["sha256"] as? String)?.count == 64)
    #expect(files[0]["stored_at"] != nil && files[0]["tries"] == nil && files[0]["error"] == nil)
    #expect(files[1]["tries"] as? Int == 2 && files[1]["next_try_at"] != nil)
    let error = try #require(files[1]["error"] as? [String: Any])
    #expect(error["code"] as? String == "source_busy")
    #expect(error["message"] as? String == "503 from replicate.delivery")
    #expect((files[3]["error"] as? [String: Any])?["code"] as? String == "refused")
    #expect(files[3]["next_try_at"] == nil && files[3]["tries"] as? Int == 3)
    // Nothing of the document is changed by them.
    #expect(document["output"] as? [String] == ["a"])
  }

  @Test func `a job that has not ended shows only its mode`() async throws {
    let server = try ArchiveServer()
    let number = try await server.deliver("poster", .running)
    try server.put(ArchivedJob(job: number, id: "poster", mode: .required), [])
    let document = try server.document(of: "poster")
    #expect(document["archive"] as? [String: String] == ["mode": "required", "state": "open"])
    #expect(document["files"] == nil)
  }

  @Test func `too many files are shown with their code`() async throws {
    let server = try ArchiveServer()
    let number = try await server.deliver("poster")
    var job = ArchivedJob(job: number, id: "poster", mode: .bestEffort, state: .failed)
    job.code = "too_many_files"
    try server.put(job, [])
    let document = try server.document(of: "poster")
    let archive = try #require(document["archive"] as? [String: Any])
    #expect(archive["state"] as? String == "failed" && archive["code"] as? String == "too_many_files")
    #expect((document["files"] as? [Any])?.isEmpty == true)
  }

  @Test func `a thousand files are shown`() async throws {
    let server = try ArchiveServer()
    _ = try await server.job { server, number in
      try (0..<1000).map { try server.file($0, ofJob: number, .waiting) }
    }
    #expect((try server.document(of: "poster")["files"] as? [Any])?.count == 1000)
  }

  @Test func `the row of a list has archive and no files`() async throws {
    let server = try ArchiveServer()
    _ = try await server.job("a") { [try $0.file(ofJob: $1, content: [1])] }
    _ = try await server.job("b") { [try $0.file(ofJob: $1, content: [1])] }
    try await server.deliver("c")
    let list = try server.object(in: try server.send("/jobs").body)
    let jobs = try #require(list["jobs"] as? [[String: Any]])
    #expect(jobs.map { $0["id"] as? String } == ["c", "b", "a"])
    let states = jobs.map { ($0["archive"] as? [String: Any])?["state"] as? String }
    #expect(states == [nil, "complete", "complete"])
    #expect(jobs.allSatisfy { $0["files"] == nil })
  }

  @Test func `the holder of the job's token sees them`() async throws {
    let server = try ArchiveServer()
    _ = try await server.job { [try $0.file(ofJob: $1, content: [1])] }
    let answer = try server.send("/jobs/poster?token=\(ArchiveServer.jobToken)", authorized: false)
    #expect(try server.object(in: answer.body)["files"] != nil)
  }
}
