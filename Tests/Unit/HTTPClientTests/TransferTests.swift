import Foundation
import HTTPClient
import HTTPWire
import Stubs
import Synchronization
import Testing

/// Content that is sent from a file, or received piece by piece.
@Suite struct TransferTests {
  /// A file that is removed with it.
  private final class TemporaryFile {
    let descriptor: Int32

    init(_ bytes: [UInt8]) throws {
      var path = Array("/tmp/transfer-XXXXXX".utf8CString)
      descriptor = mkstemp(&path)
      try #require(descriptor >= 0)
      unlink(path)
      try #require(bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) } == bytes.count)
    }

    deinit { close(descriptor) }
  }

  /// Keeps what it is given, up to a limit.
  private final class Collector: ContentSink {
    private(set) var heads: [HTTPClientResponse] = []
    private(set) var bytes: [UInt8] = []
    private(set) var pieces = 0
    let isWanted: Bool
    let limit: Int

    init(isWanted: Bool = true, limit: Int = .max) {
      self.isWanted = isWanted
      self.limit = limit
    }

    func begin(_ response: HTTPClientResponse) -> Bool {
      heads.append(response)
      return isWanted
    }

    func take(_ more: Span<UInt8>) -> Bool {
      pieces += 1
      for index in more.indices { bytes.append(more[index]) }
      return bytes.count <= limit
    }
  }

  private static func bytes(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
  }

  private static func text(_ count: Int) -> [UInt8] { (0..<count).map { 0x61 + UInt8($0 % 26) } }

  @Test(arguments: [(0, 0, 0), (10, 0, 10), (10, 3, 4), (10, 10, 0), (3_000_000, 1, 2_999_998)])
  func `a part of a file is sent as the content of PUT`(_ size: Int, _ offset: Int, _ count: Int) throws {
    let content = Self.text(size)
    let file = try TemporaryFile(content)
    let api = try StubAPI { _, _ in Response(status: .ok, fields: [], body: []) }
    var request = HTTPClientRequest(.put, api.url + "/a", fields: ["Content-Type: text/plain"])
    request.file = FileContent(descriptor: file.descriptor, offset: offset, count: count)
    #expect(try BlockingHTTPClient().send(request).status == 200)
    let sent = try #require(api.requests.first)
    #expect(api.requests.count == 1 && sent.line == "PUT /a" && sent.fields["content-type"] == "text/plain")
    #expect(sent.body == String(decoding: content[offset..<offset + count], as: UTF8.self))
  }

  @Test(arguments: [0, 1, 100_000])
  func `a body is sent as the content of PUT`(_ count: Int) throws {
    let content = Self.text(count)
    let api = try StubAPI { _, _ in Response(status: .ok, fields: [], body: []) }
    let request = HTTPClientRequest(
      .put, api.url + "/a", fields: ["Content-Type: application/json"], body: content)
    #expect(try BlockingHTTPClient().send(request).status == 200)
    let sent = try #require(api.requests.first)
    #expect(sent.line == "PUT /a" && sent.fields["content-type"] == "application/json")
    #expect(sent.body == String(decoding: content, as: UTF8.self))
  }

  @Test func `a file that is shorter than announced ends the call`() throws {
    let file = try TemporaryFile(Self.text(10))
    let api = try StubAPI { _, _ in Response(status: .ok, fields: [], body: []) }
    var request = HTTPClientRequest(.put, api.url)
    request.file = FileContent(descriptor: file.descriptor, count: 11)
    #expect(throws: HTTPClientError.self) { try BlockingHTTPClient().send(request) }
    #expect(api.lines == [])
  }

  @Test func `a file is sent from its start again when a reused connection is lost`() async throws {
    let server = try RawServer()
    let file = try TemporaryFile(Self.text(2000))
    var request = HTTPClientRequest(.put, server.url)
    request.file = FileContent(descriptor: file.descriptor, count: 2000)
    let client = try CurlClient(threads: 1, named: "test")
    let ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    async let first = client.send(request)
    let connection = try #require(await server.accept())
    await server.answer(ok, on: connection)
    #expect(try await first.get().status == 200)
    async let second = client.send(request)
    await server.close(connection)
    let other = try #require(await server.accept())
    await server.answer(ok, on: other)
    #expect(try await second.get().status == 200)
    client.close()
  }

  @Test(arguments: [0, 1, 100_000, 5_000_000])
  func `a sink receives the response, then its content`(_ count: Int) throws {
    let content = Self.bytes(count)
    let api = try StubAPI { _, _ in
      Response(
        status: .ok,
        fields: [
          ("Content-Type", "image/png"), ("X-Goog-Hash", "crc32c=a"), ("X-Goog-Hash", "md5=b"),
          ("ETag", "\"1\""),
        ], body: content)
    }
    let collector = Collector()
    var request = HTTPClientRequest(.get, api.url)
    request.wantedFields = ["content-type", "content-length", "x-goog-hash", "content-encoding"]
    let response = try BlockingHTTPClient().send(request, into: collector)
    let fields = [
      "content-type": ["image/png"], "content-length": ["\(count)"],
      "x-goog-hash": ["crc32c=a", "md5=b"],
    ]
    #expect(response == HTTPClientResponse(status: 200, entityTag: "\"1\"", fields: fields))
    #expect(collector.heads == [response])
    #expect(collector.bytes == content)
  }

  @Test func `a sink that does not want the content receives none of it`() throws {
    let api = try StubAPI { _, _ in Response(status: .notFound, fields: [], body: Self.bytes(1_000_000)) }
    let collector = Collector(isWanted: false)
    #expect(throws: HTTPClientError.unwanted(status: 404)) {
      try BlockingHTTPClient().send(HTTPClientRequest(.get, api.url), into: collector)
    }
    #expect(collector.heads.count == 1 && collector.bytes == [])
  }

  @Test func `a sink ends the call when it takes no more`() throws {
    let api = try StubAPI { _, _ in Response(status: .ok, fields: [], body: Self.bytes(5_000_000)) }
    let collector = Collector(limit: 100_000)
    #expect(throws: HTTPClientError.unwanted(status: 200)) {
      try BlockingHTTPClient().send(HTTPClientRequest(.get, api.url), into: collector)
    }
    #expect((100_001..<1_000_000).contains(collector.bytes.count))
  }

  @Test func `the limit of the content holds for a sink as well`() throws {
    let api = try StubAPI { _, _ in Response(status: .ok, fields: [], body: Self.bytes(5_000_000)) }
    let collector = Collector()
    var request = HTTPClientRequest(.get, api.url)
    request.maxBodyBytes = 100_000
    #expect(throws: HTTPClientError.oversized(status: 200)) {
      try BlockingHTTPClient().send(request, into: collector)
    }
    #expect(collector.bytes.count <= 100_000)
  }

  @Test func `HEAD has the fields without the content`() throws {
    let api = try StubAPI { _, _ in Response(status: .ok, fields: [("ETag", "\"1\"")], body: Self.bytes(7)) }
    var request = HTTPClientRequest(.head, api.url)
    request.wantedFields = ["Content-Length"]
    let response = try BlockingHTTPClient().send(request)
    #expect(
      response
        == HTTPClientResponse(status: 200, entityTag: "\"1\"", fields: ["Content-Length": ["7"]]))
    #expect(api.lines == ["HEAD /"])
  }

  @Test func `a transfer that is too slow for too long ends`() async throws {
    let server = try RawServer()
    let client = try CurlClient(threads: 1, named: "test")
    var request = HTTPClientRequest(.get, server.url)
    request.minimumRate = MinimumRate(bytesPerSecond: 1024, seconds: 1)
    async let response = client.send(request)
    let connection = try #require(await server.accept())
    await server.answer("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nslow", on: connection)
    guard case .failure(.unanswered) = await response else {
      Issue.record("the call should have ended without a response")
      return
    }
    client.close()
  }
}
