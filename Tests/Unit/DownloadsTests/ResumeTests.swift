import Bytes
import Crypto
@testable import Downloads
import FileServer
import Foundation
import HTTPClient
import Synchronization
import Testing

/// Downloads that continue what an earlier try has left.
@Suite struct ResumeTests {
  private static let content = sample(10_000)
  private static let tag = "\"v1\""
  private static let hash = Hexadecimal.encode(SHA256().digest(of: content.span))

  private static func cut(_ count: Int = 5000, _ fields: [String] = ["ETag: \(tag)"]) -> FileServer.Answer {
    .init(200, fields, Array(content.prefix(count)), length: content.count)
  }

  /// A spool whose part has the first half of the content.
  private static func halved(_ then: @escaping @Sendable (FileServer.Request) -> FileServer.Answer) throws
    -> (Scenario, FileServer)
  {
    let server = try FileServer { request, number in number == 0 ? cut() : then(request) }
    let scenario = try Scenario()
    #expect(try scenario.failure(server.url("/a.bin"), from: server).code == .sourceBusy)
    #expect(scenario.names == ["17.0.part", "17.0.resume"])
    #expect(try scenario.content(of: "17.0.part") == Array(content.prefix(5000)))
    return (scenario, server)
  }

  private static func ranges(_ server: FileServer) -> [String?] {
    server.requests.map { $0.value(of: "range") }
  }

  @Test func `a cut transfer is continued`() throws {
    let (scenario, server) = try Self.halved { .init(ranged: Self.content, for: $0, ["ETag: \(Self.tag)"]) }
    let file = try scenario.file(server.url("/a.bin"), from: server)
    #expect(file.size == Self.content.count && file.sha256 == Self.hash)
    #expect(try scenario.content() == Self.content)
    #expect(scenario.names == ["17.0"])
    #expect(Self.ranges(server) == [nil, "bytes=5000-"])
    #expect(server.requests[1].value(of: "if-range") == Self.tag)
  }

  @Test func `it is continued as often as it is cut`() throws {
    let server = try FileServer { request, number in
      var answer = FileServer.Answer(ranged: Self.content, for: request, ["ETag: \(Self.tag)"])
      // Each answer ends 1,000 bytes on, for any announced length.
      if number < 9 { answer.body = Array(answer.body.prefix(1000)) }
      return answer
    }
    let scenario = try Scenario()
    for _ in 0..<9 { #expect(try scenario.failure(server.url("/a"), from: server).code == .sourceBusy) }
    #expect(try scenario.file(server.url("/a"), from: server).sha256 == Self.hash)
    #expect(Self.ranges(server).dropFirst() == (1...9).map { "bytes=\($0)000-" }[...])
  }

  @Test func `the checksum covers the part as well`() throws {
    let right = "x-goog-hash: crc32c=" + Self.crc32c(Self.content)
    let (scenario, server) = try Self.halved { .init(ranged: Self.content, for: $0, [right]) }
    #expect(try scenario.file(server.url("/a.bin"), from: server).sha256 == Self.hash)

    let (other, otherServer) = try Self.halved { .init(ranged: Self.content, for: $0, [right]) }
    var damaged = Self.content
    damaged[17] ^= 1
    try Data(damaged.prefix(5000)).write(to: URL(fileURLWithPath: "\(other.folder)/17.0.part"))
    #expect(try other.failure(otherServer.url("/a.bin"), from: otherServer).code == .mismatch)
    #expect(other.names == [])
    #expect(try other.file(otherServer.url("/a.bin"), from: otherServer).sha256 == Self.hash)
    #expect(Self.ranges(otherServer) == [nil, "bytes=5000-", nil])
  }

  private static func crc32c(_ bytes: [UInt8]) -> String {
    var checksum = CRC32C()
    checksum.update(bytes.span)
    return Base64.encode((0..<4).map { UInt8(truncatingIfNeeded: checksum.value >> (24 - 8 * $0)) })
  }

  @Test(arguments: [["ETag: \"v2\""], ["ETag: W/\"v1\""], []])
  func `a file that has changed is fetched from its start`(_ fields: [String]) throws {
    let changed = sample(3000).reversed() as [UInt8]
    let (scenario, server) = try Self.halved { _ in .init(200, fields, changed) }
    #expect(try scenario.file(server.url("/a.bin"), from: server).size == 3000)
    #expect(try scenario.content() == changed)
    #expect(scenario.names == ["17.0"])
  }

  /// A server that ignores If-Range, or counts in another way.
  @Test(arguments: [
    ["Content-Range: bytes 5000-9999/10000", "ETag: \"v2\""], ["Content-Range: bytes 4999-9999/10000"],
    ["Content-Range: bytes 0-9999/10000"], ["Content-Range: bytes 5000-9998/10000"],
    ["Content-Range: bytes 5000-9999/10001"], ["Content-Range: bytes 5000-9999/*"],
    ["Content-Range: nonsense"], [],
  ])
  func `a part that does not fit is fetched from its start`(_ fields: [String]) throws {
    let (scenario, server) = try Self.halved { request in
      request.value(of: "range") == nil
        ? .init(200, ["ETag: \"v2\""], Self.content) : .init(206, fields, Array(Self.content[5000...]))
    }
    #expect(try scenario.file(server.url("/a.bin"), from: server).sha256 == Self.hash)
    #expect(try scenario.content() == Self.content)
    #expect(Self.ranges(server) == [nil, "bytes=5000-", nil])
  }

  @Test func `a part with another length than its range is fetched from its start`() throws {
    let (scenario, server) = try Self.halved { request in
      request.value(of: "range") == nil
        ? .init(200, [], Self.content)
        : .init(206, ["Content-Range: bytes 5000-9999/10000"], Array(Self.content[5000..<9000]))
    }
    #expect(try scenario.file(server.url("/a.bin"), from: server).sha256 == Self.hash)
  }

  @Test func `a part that starts earlier is fetched from its start`() throws {
    let (scenario, server) = try Self.halved { request in
      request.value(of: "range") == nil
        ? .init(200, [], Self.content)
        : .init(206, ["Content-Range: bytes 4000-9999/10000"], Array(Self.content[4000...]))
    }
    #expect(try scenario.file(server.url("/a.bin"), from: server).sha256 == Self.hash)
    #expect(Self.ranges(server) == [nil, "bytes=5000-", nil])
  }

  @Test func `a part that ends early without a length is a broken transfer`() throws {
    let (scenario, server) = try Self.halved { _ in
      .init(
        206, ["Content-Range: bytes 5000-9999/10000"], chunks: Array(Self.content[5000..<9000]), size: 900)
    }
    #expect(try scenario.failure(server.url("/a.bin"), from: server).code == .sourceBusy)
    #expect(try scenario.content(of: "17.0.part") == Array(Self.content.prefix(9000)))
  }

  @Test func `a range beyond the end is fetched from its start`() throws {
    let (scenario, server) = try Self.halved { request in
      request.value(of: "range") == nil ? .init(200, [], sample(40)) : .init(416)
    }
    #expect(try scenario.file(server.url("/a.bin"), from: server).size == 40)
    #expect(Self.ranges(server) == [nil, "bytes=5000-", nil])
  }

  @Test func `a range is sent through a redirect`() throws {
    let (scenario, server) = try Self.halved { request in
      request.target == "/a.bin" ? .init(302, ["Location: /b"]) : .init(ranged: Self.content, for: request)
    }
    let file = try scenario.file(server.url("/a.bin"), from: server)
    #expect(file.sha256 == Self.hash && file.name == "b")
    #expect(Self.ranges(server) == [nil, "bytes=5000-", "bytes=5000-"])
  }

  @Test func `a busy source costs no byte`() throws {
    let count = Mutex(0)
    let (scenario, server) = try Self.halved { request in
      count.withLock { $0 += 1 }
      return count.withLock { $0 } == 1
        ? .init(503, ["Retry-After: 1"]) : .init(ranged: Self.content, for: request)
    }
    #expect(try scenario.failure(server.url("/a.bin"), from: server).code == .sourceBusy)
    #expect(scenario.names == ["17.0.part", "17.0.resume"])
    #expect(try scenario.file(server.url("/a.bin"), from: server).sha256 == Self.hash)
    #expect(Self.ranges(server) == [nil, "bytes=5000-", "bytes=5000-"])
  }

  @Test func `a part of another URL is not continued`() throws {
    let (scenario, server) = try Self.halved { _ in .init(200, [], Self.content) }
    #expect(try scenario.file(server.url("/other"), from: server).sha256 == Self.hash)
    #expect(Self.ranges(server) == [nil, nil])
  }

  @Test(arguments: [[], ["ETag: W/\"v1\""], ["ETag: v1"]])
  func `a part without a strong entity tag is given back`(_ fields: [String]) throws {
    let server = try FileServer { _, _ in Self.cut(5000, fields) }
    let scenario = try Scenario()
    #expect(try scenario.failure(server.url("/a"), from: server).code == .sourceBusy)
    #expect(scenario.names == [])
  }

  /// As after a kill: the process is another, the kernel is the same.
  @Test func `another process continues a part, but not after the machine restarted`() throws {
    for (bootID, range) in [("boot", "bytes=5000-"), ("later", nil), ("", nil)] as [(String, String?)] {
      let (scenario, server) = try Self.halved { .init(ranged: Self.content, for: $0) }
      let spool = try SpoolFolder(scenario.folder, minFreeBytes: 0, bootID: bootID, freeBytes: nil)
      let removed = try spool.sweep { _ in .partial }
      #expect(removed == (range == nil ? 2 : 0))
      let outcome = try scenario.download(server.url("/a.bin"), from: server, into: spool)
      guard case .finished(let file) = outcome else { return #expect(Bool(false), "\(outcome)") }
      #expect(file.sha256 == Self.hash)
      #expect(Self.ranges(server) == [nil, range])
      #expect(scenario.names == ["17.0"])
    }
  }

  @Test(arguments: [
    "", "boot", "boot x \"v1\"\n", "boot \(String(repeating: "a", count: 64)) \"v1\"", "\n\n\n",
  ])
  func `a broken record continues nothing`(_ record: String) throws {
    let (scenario, server) = try Self.halved { _ in .init(200, [], Self.content) }
    try scenario.write(record, to: "17.0.resume")
    #expect(try scenario.file(server.url("/a.bin"), from: server).sha256 == Self.hash)
    #expect(Self.ranges(server) == [nil, nil])
  }

  @Test func `a canceled download leaves a part that is continued`() throws {
    var stalled = Self.cut(5000)
    stalled.stallsAfter = 5000
    let server = try FileServer { [stalled] request, number in
      number == 0 ? stalled : .init(ranged: Self.content, for: request)
    }
    let scenario = try Scenario()
    let part = "\(scenario.folder)/17.0.part"
    let outcome = try scenario.download(server.url("/a"), from: server) {
      (try? FileManager.default.attributesOfItem(atPath: part)[.size] as? Int) == 5000
    }
    #expect(outcome == .canceled)
    #expect(scenario.names == ["17.0.part", "17.0.resume"])
    #expect(try scenario.download(server.url("/a"), from: server) { true } == .canceled)
    #expect(try scenario.file(server.url("/a"), from: server).sha256 == Self.hash)
    #expect(Self.ranges(server) == [nil, "bytes=5000-"])
  }
}
