import Foundation
import LiveDaemon
import Testing

/// Files over the kernel's sockets: whole, in part, and on conditions.
@Suite struct FileResponseTests {
  private static let content = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }

  private static func server() throws -> FileRoutes {
    let server = try FileRoutes()
    try server.write(content, to: "a.bin")
    try server.write([], to: "empty")
    return server
  }

  @Test func `a file is sent byte for byte, with its length and its tag`() throws {
    let server = try Self.server()
    let answer = try server.answer("/files/a.bin")
    #expect(answer.status == 200 && answer.body == Self.content)
    #expect(answer["Content-Length"] == "200000" && answer["ETag"] == FileRoutes.tag)
    #expect(answer["Accept-Ranges"] == "bytes" && answer["Content-Type"] == "image/png")
    #expect(answer["Content-Range"] == nil && answer["Transfer-Encoding"] == nil)
    server.stop()
  }

  @Test func `an HTTP/1.0 client receives the same bytes`() throws {
    let server = try Self.server()
    let answer = try server.answer("/files/a.bin", version: "1.0")
    #expect(answer.status == 200 && answer.body == Self.content && answer["Content-Length"] == "200000")
    server.stop()
  }

  @Test func `an empty file is an empty response`() throws {
    let server = try Self.server()
    let answer = try server.answer("/files/empty", ["Range: bytes=0-"])
    #expect(answer.status == 200 && answer.body.isEmpty && answer["Content-Length"] == "0")
    server.stop()
  }

  @Test(arguments: [
    ("bytes=0-0", 0..<1), ("bytes=65535-65536", 65_535..<65_537), ("bytes=100000-", 100_000..<200_000),
    ("bytes=-70000", 130_000..<200_000), ("bytes=0-", 0..<200_000),
  ])
  func `a range is sent as a part`(_ range: String, _ expected: Range<Int>) throws {
    let server = try Self.server()
    let answer = try server.answer("/files/a.bin", ["Range: \(range)"])
    #expect(answer.status == 206 && answer.body == Array(Self.content[expected]))
    #expect(answer["Content-Range"] == "bytes \(expected.lowerBound)-\(expected.upperBound - 1)/200000")
    #expect(answer["Content-Length"] == "\(expected.count)" && answer["ETag"] == FileRoutes.tag)
    server.stop()
  }

  @Test func `a range beyond the end is refused with the size`() throws {
    let server = try Self.server()
    let answer = try server.answer("/files/a.bin", ["Range: bytes=200000-"])
    #expect(answer.status == 416 && answer["Content-Range"] == "bytes */200000")
    #expect(String(decoding: answer.body, as: UTF8.self).contains("range_not_satisfiable"))
    server.stop()
  }

  @Test(arguments: ["bytes=0-1,5-6", "lines=1-2", "bytes=9-1"])
  func `other ranges are ignored`(_ range: String) throws {
    let server = try Self.server()
    let answer = try server.answer("/files/a.bin", ["Range: \(range)"])
    #expect(answer.status == 200 && answer.body == Self.content)
    server.stop()
  }

  @Test func `HEAD has the fields of GET and no content, and no ranges`() throws {
    let server = try Self.server()
    let answer = try server.answer("/files/a.bin", method: "HEAD", ["Range: bytes=0-9"])
    #expect(answer.status == 200 && answer.body.isEmpty && answer["Content-Length"] == "200000")
    #expect(answer["ETag"] == FileRoutes.tag && answer["Content-Type"] == "image/png")
    server.stop()
  }

  @Test func `a client that has the file receives 304`() throws {
    let server = try Self.server()
    for method in ["GET", "HEAD"] {
      // If-None-Match precedes Range.
      let fields = ["If-None-Match: W/\(FileRoutes.tag)", "Range: bytes=0-9"]
      let answer = try server.answer("/files/a.bin", method: method, fields)
      #expect(answer.status == 304 && answer.body.isEmpty && answer["ETag"] == FileRoutes.tag)
      #expect(answer["Content-Length"] == nil && answer["Content-Type"] == nil)
      #expect(answer["Cache-Control"] == "no-cache")
    }
    server.stop()
  }

  @Test func `a client that wants another file receives 412`() throws {
    let server = try Self.server()
    let answer = try server.answer("/files/a.bin", [#"If-Match: "other""#])
    #expect(
      answer.status == 412 && String(decoding: answer.body, as: UTF8.self).contains("precondition_failed"))
    #expect(try server.answer("/files/a.bin", ["If-Match: \(FileRoutes.tag)"]).status == 200)
    server.stop()
  }

  @Test func `If-Range sends the whole of another file`() throws {
    let server = try Self.server()
    let range = ["Range: bytes=10-19"]
    #expect(try server.answer("/files/a.bin", range + ["If-Range: \(FileRoutes.tag)"]).status == 206)
    #expect(try server.answer("/files/a.bin", range + [#"If-Range: "other""#]).body == Self.content)
    server.stop()
  }

  @Test func `a connection serves files one after the other`() throws {
    let server = try Self.server()
    let connection = try server.connect()
    let request = "GET /files/a.bin HTTP/1.1\r\nHost: a\r\n\r\n"
    try connection.send(Array((request + request + request).utf8))
    for _ in 0..<3 {
      let (status, body) = try connection.receiveStatusAndBody()
      #expect(status == 200 && body == Self.content)
    }
    server.stop()
  }

  @Test(arguments: ["absent", "link", "folder", "pipe"])
  func `only regular files are opened`(_ name: String) throws {
    let server = try Self.server()
    let path = server.folder.url.appendingPathComponent(name).path
    switch name {
    case "link": try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "a.bin")
    case "folder": try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    case "pipe": #expect(mkfifo(path, 0o600) == 0)
    default: break
    }
    #expect(try server.answer("/files/\(name)").status == 404)
    server.stop()
  }
}
