@testable import Archive
@testable import KeptFiles
import Foundation
import JobRequests
import LiveDaemon
import StoreFixture
import Testing
@testable import Time

/// `GET /jobs/{id}/files/{n}`.
@Suite(.everyStore) struct FileRouteTests {
  private static let content = (0..<150_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }

  @Test func `a stored file is served with its bytes, its type and its name`() async throws {
    let server = try ArchiveServer()
    let number = try await server.job { [try $0.file(ofJob: $1, content: Self.content)] }
    let answer = try server.send("/jobs/poster/files/0")
    let file = try #require(try await server.files(ofJob: number).first)
    #expect(answer.status == 200 && answer.body == Self.content)
    #expect(answer.fields["content-type"] == "image/png")
    #expect(answer.fields["etag"] == "\"\(try #require(file.sha256))\"")
    #expect(
      answer.fields["content-disposition"]
        == #"inline; filename="out-0.png"; filename*=UTF-8''out-0.png"#)
    #expect(answer.fields["x-content-type-options"] == "nosniff")
    #expect(answer.fields["content-security-policy"] == "sandbox")
    #expect(answer.fields["cache-control"] == "private, no-cache")
    #expect(answer.fields["cross-origin-resource-policy"] == "same-origin")
    #expect(answer.fields["access-control-allow-origin"] == nil)
  }

  @Test func `ranges, conditions and HEAD work as with any file`() async throws {
    let server = try ArchiveServer()
    _ = try await server.job { [try $0.file(ofJob: $1, content: Self.content)] }
    let part = try server.send("/jobs/poster/files/0", ["Range: bytes=100000-"])
    #expect(part.status == 206 && part.body == Array(Self.content[100_000...]))
    #expect(part.fields["content-range"] == "bytes 100000-149999/150000")
    #expect(part.fields["content-security-policy"] == "sandbox")
    let tag = try #require(part.fields["etag"])
    let known = try server.send("/jobs/poster/files/0", ["If-None-Match: \(tag)"])
    #expect(known.status == 304 && known.body.isEmpty)
    #expect(try server.send("/jobs/poster/files/0", ["Range: bytes=150000-"]).code == "range_not_satisfiable")
    let head = try server.send("/jobs/poster/files/0", method: "HEAD")
    #expect(head.status == 200 && head.fields["content-length"] == "150000")
    #expect(head.fields["content-disposition"]?.hasPrefix("inline") == true)
  }

  @Test(arguments: ["image/svg+xml", "text/html", "application/xhtml+xml", "text/html; charset=utf-8"])
  func `a type that may contain a script is an attachment`(_ type: String) async throws {
    let server = try ArchiveServer()
    _ = try await server.job {
      [try $0.file(ofJob: $1, content: Array("<script>".utf8), name: "x.png", type: type)]
    }
    let answer = try server.send("/jobs/poster/files/0")
    #expect(answer.status == 200 && answer.fields["content-type"] == type)
    #expect(answer.fields["content-disposition"]?.hasPrefix("attachment; ") == true)
    #expect(answer.fields["x-content-type-options"] == "nosniff")
    #expect(answer.fields["content-security-policy"] == "sandbox")
  }

  @Test func `a name cannot end its field`() async throws {
    let server = try ArchiveServer()
    let name = "../a\"b\r\nSet-Cookie: c=d;\\.png"
    _ = try await server.job { [try $0.file(ofJob: $1, content: [1], name: name, type: "image/png\r\nX: y")] }
    let answer = try server.send("/jobs/poster/files/0")
    #expect(answer.status == 200 && answer.fields["set-cookie"] == nil && answer.fields["x"] == nil)
    #expect(
      answer.fields["content-disposition"]
        == #"attachment; filename=".._a_b__Set-Cookie__c_d__.png"; "#
        + "filename*=UTF-8''..%2Fa%22b%0D%0ASet-Cookie%3A%20c%3Dd%3B%5C.png")
  }

  @Test func `a fetched file is served from the spool of its node alone`() async throws {
    let server = try ArchiveServer()
    let number = try await server.job { [try $0.file(ofJob: $1, .fetched, content: Self.content)] }
    let answer = try server.send("/jobs/poster/files/0")
    #expect(answer.status == 200 && answer.body == Self.content)
    // Of another node.
    var file = try #require(try await server.files(ofJob: number).first)
    file.node = "another"
    try server.put(ArchivedJob(job: number, id: "poster", mode: .bestEffort, state: .pending), [file])
    let elsewhere = try server.send("/jobs/poster/files/0")
    #expect(elsewhere.status == 409 && elsewhere.code == "not_stored_yet")
    #expect(elsewhere.fields["retry-after"] == "5")
  }

  @Test func `a waiting file has a time after which to try again`() async throws {
    let server = try ArchiveServer()
    _ = try await server.job { server, number in
      var file = try server.file(ofJob: number, .waiting)
      file.dueAt = server.now.advanced(byMilliseconds: 20_000)
      return [file, try server.file(1, ofJob: number, .waiting)]
    }
    let answer = try server.send("/jobs/poster/files/0")
    #expect(answer.status == 409 && answer.code == "not_stored_yet")
    #expect((18...21).contains(Int(answer.fields["retry-after"] ?? "") ?? 0))
    #expect(try server.send("/jobs/poster/files/1").fields["retry-after"] == "1")
  }

  @Test(
    arguments: [
      (ArchiveFileState.failed, "expired", "expired: "), (.failed, "too_large", "too_large: "),
      (.failed, nil, "failed: "), (.deleted, nil, "deleted: "), (.deleting, nil, "deleted: "),
    ] as [(ArchiveFileState, String?, String)])
  func `a file that is gone is named with its code`(
    _ state: ArchiveFileState, _ code: String?, _ detail: String
  ) async throws {
    let server = try ArchiveServer()
    _ = try await server.job { server, number in
      var file = try server.file(ofJob: number, state)
      file.code = code
      return [file]
    }
    let answer = try server.send("/jobs/poster/files/0")
    #expect(
      answer.status == 410 && answer.code == "file_gone" && answer.text.contains(#""detail":"\#(detail)"#))
  }

  @Test(arguments: [
    ("poster", "1", "file_not_found"), ("poster", "-1", "file_not_found"), ("poster", "00", "file_not_found"),
    ("poster", "+0", "file_not_found"), ("poster", "x", "file_not_found"),
    ("poster", "99999999999999999999", "file_not_found"), ("plain", "0", "file_not_found"),
    ("other", "0", "job_not_found"),
  ])
  func `an unknown file is not found`(_ job: String, _ n: String, _ code: String) async throws {
    let server = try ArchiveServer()
    _ = try await server.job { [try $0.file(ofJob: $1, content: [1])] }
    try await server.deliver("plain")
    let answer = try server.send("/jobs/\(job)/files/\(n)")
    #expect(answer.status == 404 && answer.code == code)
  }

  @Test func `a file that is missing or of another size is not served`() async throws {
    let server = try ArchiveServer()
    let number = try await server.job {
      [try $0.file(ofJob: $1, content: [1, 2, 3]), try $0.file(1, ofJob: $1, content: [4, 5])]
    }
    let files = try await server.files(ofJob: number)
    try FileManager.default.removeItem(atPath: try #require(server.path(of: files[0])))
    try Data([4]).write(to: URL(fileURLWithPath: try #require(server.path(of: files[1]))))
    for n in 0...1 {
      let answer = try server.send("/jobs/poster/files/\(n)")
      #expect(answer.status == 503 && answer.code == "store_unavailable" && !answer.text.contains("sha256/"))
    }
  }

  @Test func `the address goes on working after RETENTION has deleted the job`() async throws {
    let server = try ArchiveServer()
    let number = try await server.deliver("poster")
    let file = try server.file(ofJob: number + 1000, content: [7])
    // A row whose job is no longer there.
    var job = ArchivedJob(job: number + 1000, id: "pruned", mode: .bestEffort, state: .complete)
    (job.files, job.stored, job.isPruned) = (1, 1, true)
    try server.put(job, [file])
    #expect(try server.send("/jobs/pruned").status == 404)
    #expect(try server.send("/jobs/pruned/files/0").body == [7])
    #expect(try server.send("/jobs/pruned/files", method: "DELETE").status == 204)
    #expect(try server.send("/jobs/pruned/files/0").status == 404)
  }

  // MARK: Readers

  @Test func `only the API's tokens and the job's own open a file`() async throws {
    let server = try ArchiveServer()
    _ = try await server.job { [try $0.file(ofJob: $1, content: [1])] }
    #expect(try server.send("/jobs/poster/files/0", authorized: false).status == 401)
    let wrong = try server.send("/jobs/poster/files/0?token=rt_wrong", authorized: false)
    #expect(wrong.status == 404 && wrong.code == "job_not_found")
    for (query, fields) in [
      ("?token=\(ArchiveServer.jobToken)", []),
      ("", ["Authorization: Bearer \(ArchiveServer.jobToken)"]),
    ] {
      let answer = try server.send("/jobs/poster/files/0\(query)", fields, authorized: false)
      #expect(answer.status == 200 && answer.body == [1])
      #expect(answer.fields["cache-control"] == "no-store")
      #expect(answer.fields["cross-origin-resource-policy"] == "cross-origin")
      #expect(answer.fields["referrer-policy"] == "no-referrer")
    }
    // Also where the API's token comes beside it.
    #expect(try server.send("/jobs/poster/files/0?token=rt_wrong").status == 404)
    for path in ["/jobs/poster/archive", "/jobs/poster/files", "/archive"] {
      let method = path == "/archive" ? "GET" : path.hasSuffix("files") ? "DELETE" : "POST"
      let fields = ["Authorization: Bearer \(ArchiveServer.jobToken)"]
      #expect(try server.send(path, method: method, fields, authorized: false).status == 401)
    }
  }

  // MARK: Buckets

  private static let bucket = [
    "ARCHIVE": "s3://outputs/made", "ARCHIVE_ENDPOINT": "https://s3.example.test",
    "ARCHIVE_REGION": "eu-test-1", "ARCHIVE_KEY_ID": "AKWEBHOOKDTEST01", "ARCHIVE_SECRET_KEY": "secret",
  ]

  @Test(arguments: [
    ("", "3600"), ("?ttl=48h", "172800"), ("?ttl=7d", "604800"), ("?ttl=1s", "1"), ("?ttl=1h30m", "5400"),
  ])
  func `a file of a bucket is a redirect to a fresh link`(_ query: String, _ seconds: String) async throws {
    let server = try ArchiveServer(Self.bucket)
    let number = try await server.job { [try $0.file(ofJob: $1, content: [1], type: "image/svg+xml")] }
    let digest = try #require(try await server.files(ofJob: number).first?.sha256)
    var signatures: Set<Substring> = []
    for method in ["GET", "HEAD"] {
      let answer = try server.send("/jobs/poster/files/0\(query)", method: method, ["Range: bytes=0-"])
      #expect(answer.status == 302 && answer.body.isEmpty && answer.fields["cache-control"] == "no-store")
      let location = try #require(answer.fields["location"])
      let path = "https://s3.example.test/outputs/made/sha256/\(digest.prefix(2))/\(digest)?"
      #expect(location.hasPrefix(path) && location.contains("X-Amz-Expires=\(seconds)&"))
      #expect(location.contains("response-content-type=image%2Fsvg%2Bxml"))
      #expect(location.contains("response-content-disposition=attachment%3B%20filename%3D%22out-0.png%22"))
      #expect(!location.contains("secret"))
      signatures.insert(location.suffix(64))
    }
    // Each is for its own method.
    #expect(signatures.count == 2)
  }

  @Test(arguments: ["0s", "8d", "604801s", "1", "", "1w", "-1s", "1h1h"])
  func `another time of a link is refused`(_ text: String) async throws {
    let server = try ArchiveServer(Self.bucket)
    _ = try await server.job { [try $0.file(ofJob: $1, content: [1])] }
    let answer = try server.send("/jobs/poster/files/0?ttl=\(text)")
    #expect(answer.status == 400 && answer.code == "invalid_parameter")
  }

  @Test func `a link ends with the token that it was made for`() async throws {
    let server = try ArchiveServer(Self.bucket, tokenLifetime: 600_000)
    _ = try await server.job { [try $0.file(ofJob: $1, content: [1])] }
    for query in ["", "&ttl=48h"] {
      let answer = try server.send(
        "/jobs/poster/files/0?token=\(ArchiveServer.jobToken)\(query)", authorized: false)
      let expiry = answer.fields["location"]?.split(separator: "&").first { $0.hasPrefix("X-Amz-Expires=") }
      let seconds = try #require(expiry.flatMap { Int($0.dropFirst("X-Amz-Expires=".count)) })
      #expect(answer.status == 302 && (590...600).contains(seconds))
    }
  }

  @Test func `a public address needs no signature`() async throws {
    let server = try ArchiveServer(
      Self.bucket.merging(["ARCHIVE_PUBLIC_URL": "https://cdn.example.test/a"]) { $1 })
    let number = try await server.job { [try $0.file(ofJob: $1, content: [1])] }
    let digest = try #require(try await server.files(ofJob: number).first?.sha256)
    let answer = try server.send("/jobs/poster/files/0")
    let url = "https://cdn.example.test/a/made/sha256/\(digest.prefix(2))/\(digest)"
    #expect(answer.status == 302 && answer.fields["location"] == url)
    let files = try #require(try server.document(of: "poster")["files"] as? [[String: Any]])
    #expect(files[0]["url"] as? String == url)
  }
}
