import Testing

@testable import webhook_bench

@Suite struct ResponseReaderTests {
  private static let plain =
    "HTTP/1.1 200 OK\r\nDate: x\r\ncontent-length: 11\r\nConnection: close\r\n\r\nhello world"

  private static func read(_ pieces: [[UInt8]]) throws(ResponseReader.Problem) -> ResponseReader {
    var reader = ResponseReader(keepsBody: true)
    for piece in pieces {
      let problem: ResponseReader.Problem? = piece.withUnsafeBytes { bytes in
        do throws(ResponseReader.Problem) {
          try reader.consume(bytes)
          return nil
        } catch {
          return error
        }
      }
      if let problem { throw problem }
    }
    return reader
  }

  @Test(arguments: 0...plain.utf8.count)
  func parsesResponseInTwoPieces(_ split: Int) throws {
    let bytes = Array(Self.plain.utf8)
    let reader = try Self.read([Array(bytes[..<split]), Array(bytes[split...])])
    #expect(reader.isComplete && reader.status == 200 && reader.endsConnection)
    #expect(reader.body == Array("hello world".utf8))
  }

  @Test func parsesResponseByteByByte() throws {
    let reader = try Self.read(Self.plain.utf8.map { [$0] })
    #expect(reader.isComplete && reader.status == 200 && reader.body == Array("hello world".utf8))
  }

  /// No prefix counts as complete.
  @Test(arguments: 0..<plain.utf8.count)
  func prefixIsIncomplete(_ length: Int) throws {
    #expect(try !Self.read([Array(Self.plain.utf8.prefix(length))]).isComplete)
  }

  @Test(arguments: [
    ("HTTP/1.1 204 No Content\r\n\r\n", 204), ("HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\n\r\n", 304),
    ("HTTP/1.1 401 Unauthorized\r\nContent-Length:\t 0 \r\n\r\n", 401),
  ])
  func responseWithoutContentEndsAfterHead(_ text: String, _ status: Int) throws {
    let reader = try Self.read([Array(text.utf8)])
    #expect(reader.isComplete && reader.status == status && !reader.endsConnection)
  }

  @Test(
    arguments: [
      ("HTTP/1.1 2x0 OK\r\nContent-Length: 0\r\n\r\n", .malformed),
      ("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", .malformed),
      ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", .malformed),
      ("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", .malformed),
      ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", .withoutLength),
      ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabc", .surplus),
      ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1", .surplus),
      ("HTTP/1.1 200 OK\r\nX: " + String(repeating: "x", count: 17_000), .tooLong),
    ] as [(String, ResponseReader.Problem)])
  func rejectsMalformedResponses(_ text: String, _ problem: ResponseReader.Problem) {
    #expect(throws: problem) { try Self.read([Array(text.utf8)]) }
  }

  @Test func readerIsReusable() throws {
    var reader = ResponseReader(keepsBody: true)
    for text in [Self.plain, "HTTP/1.1 503 No\r\nContent-Length: 1\r\n\r\n!"] {
      reader.reset()
      try Array(text.utf8).withUnsafeBytes { try reader.consume($0) }
    }
    #expect(reader.status == 503 && !reader.endsConnection && reader.body == [0x21])
  }
}
