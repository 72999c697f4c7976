import Crypto
import Bytes
@testable import Downloads
import FileServer
import Foundation
import HTTPClient
import Testing
import Time

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
