import Crypto
import Bytes
@testable import Downloads
import FileServer
import Foundation
import HTTPClient
import Testing
import Time

/// Whole downloads, from a server on loopback.
@Suite struct DownloaderTests {
  private static func sha256(_ bytes: [UInt8]) -> String {
    Hexadecimal.encode(SHA256().digest(of: bytes.span))
  }
  private static let png = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + sample(20_000)

  @Test func `a file is kept with its hash, type and name`() throws {
    let server = try FileServer { _, _ in .init(200, ["Content-Type: image/png", "ETag: \"a\""], Self.png) }
    let scenario = try Scenario()
    let file = try scenario.file(server.url("/xezq/a/out-0.png?signature=x"), from: server)
    #expect(file.key == Scenario.key && file.size == Self.png.count && file.sha256 == Self.sha256(Self.png))
    #expect(file.type.description == "image/png" && file.name == "out-0.png")
    #expect(try scenario.content() == Self.png)
    #expect(scenario.names == ["17.0"])
    #expect(scenario.spool.size(of: Scenario.key) == Self.png.count)
    #expect(scenario.spool.path(of: Scenario.key) == "\(scenario.folder)/17.0")
    let attributes = try FileManager.default.attributesOfItem(atPath: "\(scenario.folder)/17.0")
    #expect(attributes[.posixPermissions] as? Int == 0o600)
    let folder = try FileManager.default.attributesOfItem(atPath: scenario.folder)
    #expect(folder[.posixPermissions] as? Int == 0o700)
  }

  @Test func `a request has no credentials and wants no coding`() throws {
    let server = try FileServer { request, _ in
      request.target == "/a" ? .init(302, ["Location: /b", "Set-Cookie: a=b"]) : .init(200, [], [1])
    }
    _ = try Scenario().file(server.url("/a"), from: server)
    #expect(server.requests.map(\.target) == ["/a", "/b"])
    for request in server.requests {
      #expect(request.method == "GET")
      #expect(request.value(of: "accept-encoding") == "identity")
      #expect(request.value(of: "user-agent") == "replicate-webhookd")
      for name in ["authorization", "cookie", "referer", "range", "if-range"] {
        #expect(request.value(of: name) == nil, "\(name)")
      }
    }
  }

  @Test(
    arguments: [
      (nil, "GIF89a", "a.png", "image/gif"), ("binary/octet-stream", "x", "a.webm", "video/webm"),
      ("text/html", "<p>", "a", "text/html"), (nil, "x", "", "application/octet-stream"),
    ] as [(String?, String, String, String)])
  func `the type comes from the answer, the content or the name`(
    _ declared: String?, _ content: String, _ name: String, _ type: String
  ) throws {
    let server = try FileServer { _, _ in
      .init(200, declared.map { ["Content-Type: \($0)"] } ?? [], Array(content.utf8))
    }
    let file = try Scenario().file(server.url("/\(name)"), from: server)
    #expect(file.type.description == type)
    #expect(file.name == (name.isEmpty ? "output-0" : name))
  }

  @Test func `an empty file is a file`() throws {
    let server = try FileServer { _, _ in .init(200) }
    let scenario = try Scenario()
    let file = try scenario.file(server.url("/a"), from: server)
    #expect(file.size == 0 && file.sha256 == Self.sha256([]))
    #expect(scenario.names == ["17.0"])
  }

  @Test func `equal bytes have equal hashes, under two keys`() throws {
    let server = try FileServer { _, _ in .init(200, [], Self.png) }
    let scenario = try Scenario()
    let first = try scenario.file(server.url("/a"), from: server)
    let second = try scenario.file(server.url("/b"), from: server, as: SpoolKey(job: 18, index: 3))
    #expect(first.sha256 == second.sha256)
    #expect(scenario.names == ["17.0", "18.3"])
  }

  @Test func `a file replaces one that an earlier run has left`() throws {
    let server = try FileServer { _, _ in .init(200, [], Self.png) }
    let scenario = try Scenario()
    try scenario.write("old", to: "17.0")
    _ = try scenario.file(server.url("/a"), from: server)
    #expect(try scenario.content() == Self.png)
  }
}

/// Answers whose content is not what they announce.
@Suite struct BrokenContentTests {
  private static let content = sample(10_000)

  @Test func `content without a length is whole if it ends in order`() throws {
    for answer in [
      FileServer.Answer(200, [], chunks: Self.content, size: 700), .init(200, [], unframed: Self.content),
    ] {
      let server = try FileServer { _, _ in answer }
      let scenario = try Scenario()
      #expect(try scenario.file(server.url("/a"), from: server).size == Self.content.count)
      #expect(try scenario.content() == Self.content)
    }
  }

  static let cuts: [FileServer.Answer] = [
    .init(200, [], Array(content.prefix(5000)), length: 10_000), .init(200, [], [], length: 1),
    .init(200, [], chunks: content, size: 700, isComplete: false),
  ]

  @Test(arguments: cuts)
  func `content that ends early is fetched from its start without an entity tag`(
    _ cut: FileServer.Answer
  ) throws {
    let server = try FileServer { _, number in number == 0 ? cut : .init(200, [], Self.content) }
    let scenario = try Scenario()
    let failure = try scenario.failure(server.url("/a"), from: server)
    #expect(failure.code == .sourceBusy && failure.retryAfter == nil)
    #expect(failure.message.hasPrefix("127.0.0.1:\(server.port): "))
    #expect(scenario.names == [])
    #expect(try scenario.file(server.url("/a"), from: server).size == Self.content.count)
    #expect(server.requests.allSatisfy { $0.value(of: "range") == nil })
  }

  @Test func `a connection that is reset is a broken transfer`() throws {
    var answer = FileServer.Answer(200, [], Array(Self.content.prefix(5000)), length: 10_000)
    answer.resets = true
    let server = try FileServer { [answer] _, _ in answer }
    let scenario = try Scenario()
    #expect(try scenario.failure(server.url("/a"), from: server).code == .sourceBusy)
    #expect(scenario.names == [])
  }

  /// The rest belongs to no response (RFC 9112 section 6.3).
  @Test func `content beyond its length is not kept`() throws {
    let server = try FileServer { _, _ in .init(200, [], Self.content, length: 4000) }
    let scenario = try Scenario()
    #expect(try scenario.file(server.url("/a"), from: server).size == 4000)
    #expect(try scenario.content() == Array(Self.content.prefix(4000)))
  }

  @Test(arguments: ["gzip", "br", "x"])
  func `a coding that was not requested is not kept`(_ coding: String) throws {
    let server = try FileServer { _, _ in .init(200, ["Content-Encoding: \(coding)"], Self.content) }
    let scenario = try Scenario()
    let failure = try scenario.failure(server.url("/a"), from: server)
    #expect(failure.code == .mismatch && failure.code.finality == .afterThreeTries)
    #expect(scenario.names == [])
  }

  @Test func `the coding identity is none`() throws {
    let server = try FileServer { _, _ in .init(200, ["Content-Encoding: identity"], Self.content) }
    #expect(try Scenario().file(server.url("/a"), from: server).size == Self.content.count)
  }

  private static let hello = Array("hello world".utf8)

  @Test(arguments: [
    "crc32c=yZRlqg==", "md5=XrY7u+Ae7tCTyyK7j1rNww==", "crc32c=yZRlqg==,md5=XrY7u+Ae7tCTyyK7j1rNww==",
    "md5=nonsense",
  ])
  func `content with its checksum is kept`(_ checksum: String) throws {
    let server = try FileServer { _, _ in .init(200, ["x-goog-hash: \(checksum)"], Self.hello) }
    #expect(try Scenario().file(server.url("/a"), from: server).size == Self.hello.count)
  }

  @Test(arguments: ["crc32c=AAAAAA==", "md5=AAAAAAAAAAAAAAAAAAAAAA=="])
  func `content with another checksum is not kept`(_ checksum: String) throws {
    let server = try FileServer { _, number in
      .init(
        200,
        ["ETag: \"a\"", "x-goog-hash: \(checksum)"]
          + (number > 1 ? ["x-goog-stored-content-encoding: gzip"] : []), Self.hello)
    }
    let scenario = try Scenario()
    for _ in 0..<2 {
      #expect(try scenario.failure(server.url("/a"), from: server).code == .mismatch)
      #expect(scenario.names == [])
    }
    // The checksum of a file that the server stores compressed is none of what it sends.
    #expect(try scenario.file(server.url("/a"), from: server).size == Self.hello.count)
    #expect(server.requests.allSatisfy { $0.value(of: "range") == nil })
  }

  @Test func `a file that is announced as too large is not received`() throws {
    var answer = FileServer.Answer(200, ["ETag: \"a\""], [1], length: 1001)
    answer.stallsAfter = 1
    let server = try FileServer { [answer] _, _ in answer }
    let scenario = try Scenario()
    scenario.limits.maxBytes = 1000
    let failure = try scenario.failure(server.url("/a"), from: server)
    #expect(failure.code == .tooLarge)
    #expect(scenario.names == [])
  }

  @Test(arguments: [1000, 1001])
  func `a limit holds for lengths and for content without one`(_ count: Int) throws {
    let body = sample(count)
    for answer in [
      FileServer.Answer(200, ["ETag: \"a\""], body), .init(200, ["ETag: \"a\""], chunks: body, size: 300),
    ] {
      let server = try FileServer { _, _ in answer }
      let scenario = try Scenario()
      scenario.limits.maxBytes = 1000
      if count == 1000 {
        #expect(try scenario.file(server.url("/a"), from: server).size == count)
      } else {
        let failure = try scenario.failure(server.url("/a"), from: server)
        #expect(failure.code == .tooLarge && failure.code.finality == .always)
        #expect(scenario.names == [])
      }
    }
  }

  @Test func `a source that is too slow is left`() throws {
    var answer = FileServer.Answer(200, ["ETag: \"a\""], Self.content)
    answer.stallsAfter = 4000
    let server = try FileServer { [answer] request, number in
      number == 0 ? answer : .init(ranged: Self.content, for: request, ["ETag: \"a\""])
    }
    let scenario = try Scenario()
    scenario.limits.minimumRate = MinimumRate(bytesPerSecond: 1024, seconds: 1)
    #expect(try scenario.failure(server.url("/a"), from: server).code == .sourceBusy)
    #expect(try scenario.file(server.url("/a"), from: server).size == Self.content.count)
    #expect(server.requests.last?.value(of: "range") == "bytes=4000-")
  }
}

/// Answers without a file, and redirects.
@Suite struct AnswerTests {
  @Test(arguments: [
    (404, DownloadFailure.Code.notFound), (410, .notFound), (403, .denied), (401, .denied), (400, .refused),
    (500, .sourceBusy), (429, .sourceBusy), (206, .refused), (416, .refused), (204, .refused),
  ])
  func `an answer without the file has a code`(_ status: Int, _ code: DownloadFailure.Code) throws {
    let server = try FileServer { _, number in
      number == 0
        ? .init(status, ["Retry-After: 9"], status == 204 ? [] : sample(100)) : .init(200, [], [7])
    }
    let scenario = try Scenario()
    let failure = try scenario.failure(server.url("/a?secret"), from: server)
    #expect(failure.code == code)
    #expect(failure.message == "\(status) from 127.0.0.1:\(server.port)")
    #expect(failure.retryAfter == (code == .sourceBusy ? .seconds(9) : nil))
    #expect(scenario.names == [])
    #expect(try scenario.file(server.url("/a?secret"), from: server).size == 1)
  }

  @Test func `a server that is away is busy`() throws {
    let scenario = try Scenario()
    var server: FileServer? = try FileServer { _, _ in .init(200) }
    let (origin, url) = (server?.origin, server?.url("/a") ?? "")
    server = nil
    let rules = SourceRules(apiURL: origin)
    let downloader = Downloader(
      client: try BlockingHTTPClient(usesProxy: false), rules: rules, spool: scenario.spool)
    let outcome = downloader.download(
      try #require(rules.source(url)), as: Scenario.key, now: .distantFuture)
    guard case .failed(let failure) = outcome else { return #expect(Bool(false), "\(outcome)") }
    #expect(failure.code == .sourceBusy)
    #expect(scenario.names == [])
  }

  @Test(arguments: [301, 302, 303, 307, 308])
  func `redirects are followed three times`(_ status: Int) throws {
    let server = try FileServer { request, number in
      number < 3
        ? .init(status, ["Location: ../\(number)/b.gif"], [1, 2]) : .init(200, [], Array("GIF89a".utf8))
    }
    let scenario = try Scenario()
    let file = try scenario.file(server.url("/x/a"), from: server)
    #expect(file.name == "b.gif" && file.size == 6)
    #expect(server.requests.map(\.target) == ["/x/a", "/0/b.gif", "/1/b.gif", "/2/b.gif"])
  }

  @Test func `four redirects in a row are too many`() throws {
    let server = try FileServer { _, _ in .init(302, ["Location: /a"]) }
    let failure = try Scenario().failure(server.url("/a"), from: server)
    #expect(failure.code == .redirectRefused && failure.code.finality == .always)
    #expect(server.requests.count == 4)
  }

  @Test(arguments: [
    "http://replicate.delivery/a", "https://evil.test/a", "//evil.test/a", "https://169.254.169.254/",
    "http://[::1]/", "https://replicate.delivery@evil.test/", "https://replicate.delivery:8443/",
    "file:///etc/passwd",
    "data:,x", "javascript:x", "\\\\evil.test", "http://127.0.0.1:PORT/a", "http://localhost:PORT/a",
    "//127.0.0.1:PORT/",
  ])
  func `a redirect elsewhere is refused, and nothing is sent there`(_ location: String) throws {
    let other = try FileServer { _, _ in .init(200, [], [1]) }
    let target = location.replacingOccurrences(of: "PORT", with: "\(other.port)")
    let server = try FileServer { request, _ in
      request.target == "/a" ? .init(302, ["Location: \(target)"]) : .init(404)
    }
    let scenario = try Scenario()
    let failure = try scenario.failure(server.url("/a"), from: server)
    #expect(failure.code == .redirectRefused)
    #expect(other.requests.isEmpty && server.requests.count == 1)
    #expect(scenario.names == [])
  }

  @Test func `a redirect without a location is refused`() throws {
    let server = try FileServer { _, _ in .init(302) }
    #expect(try Scenario().failure(server.url("/a"), from: server).code == .refused)
  }

  @Test(arguments: [
    "127.0.0.1", "10.0.0.1", "169.254.169.254", "100.64.0.1", "::1", "fd00::1", "::ffff:127.0.0.1",
    "64:ff9b::7f00:1",
  ])
  func `an allowed name that leads inside is not connected to`(_ address: String) throws {
    let scenario = try Scenario()
    scenario.pinnedAddresses = ["replicate.delivery:443:\(address.contains(":") ? "[\(address)]" : address)"]
    let failure = try scenario.failure("https://replicate.delivery/a")
    #expect(failure.code == .addressRefused && failure.code.finality == .always)
    #expect(scenario.names == [])
  }

  @Test func `a redirect to an allowed name that leads inside is not connected to`() throws {
    let server = try FileServer { _, _ in .init(302, ["Location: https://replicate.delivery/a"]) }
    let scenario = try Scenario()
    scenario.pinnedAddresses = ["replicate.delivery:443:127.0.0.1"]
    #expect(try scenario.failure(server.url("/a"), from: server).code == .addressRefused)
  }
}
