import Testing

@testable import webhook_bench

@Suite struct EventStreamReaderTests {
  private static let head =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

  private static func chunk(_ text: String) -> String {
    "\(String(text.utf8.count, radix: 16))\r\n\(text)\r\n"
  }

  /// Reads `text` in pieces of `size` bytes.
  private static func read(
    _ text: String, inPiecesOf size: Int
  ) throws -> (reader: EventStreamReader, events: [[String]]) {
    var reader = EventStreamReader()
    var events: [[String]] = []
    let bytes = Array(text.utf8)
    for start in stride(from: 0, to: bytes.count, by: size) {
      try bytes[start..<min(bytes.count, start + size)].withUnsafeBytes { piece throws in
        try reader.consume(piece) { event in
          events.append([event.name, event.id, event.data].map { String(decoding: $0, as: UTF8.self) })
        }
      }
    }
    return (reader, events)
  }

  @Test(arguments: [1, 2, 7, 4096])
  func `events are found however they arrive`(_ size: Int) throws {
    let text =
      Self.head + Self.chunk("retry: 2000\n\n: comment\n\n") + Self.chunk("event: job\nid: 7\nda")
      + Self.chunk("ta: {\"a\":1}\n") + Self.chunk("\nid: 8\ndata: two\n\nid: 9\n\nid: 10\n") + "0\r\n\r\n"
    let (reader, events) = try Self.read(text, inPiecesOf: size)
    #expect(events == [["job", "7", #"{"a":1}"#], ["", "8", "two"], ["", "9", ""]])
    #expect(reader.status == 200 && reader.isComplete)
  }

  @Test func `any other status is the whole response`() throws {
    let (reader, events) = try Self.read("HTTP/1.1 204 No Content\r\nDate: x\r\n\r\n", inPiecesOf: 5)
    #expect(reader.status == 204 && reader.isComplete && events.isEmpty)
  }

  @Test(arguments: ["HTTP/1.0 200 OK\r\n\r\n", head + "x\r\n", head + "\r\n", head + "fffffffff\r\n"])
  func `a response without chunks is rejected`(_ text: String) {
    #expect(throws: EventStreamReader.Problem.malformed) { try Self.read(text, inPiecesOf: 4096) }
  }
}
