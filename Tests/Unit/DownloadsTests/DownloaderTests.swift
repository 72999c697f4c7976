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
