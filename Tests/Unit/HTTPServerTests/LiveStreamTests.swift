import Glibc
import HTTPServer
@testable import System
import Testing

/// Streams through the kernel's sockets.
@Suite struct LiveStreamTests {
  private static let size = 100 << 20
  private static let block = (0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 4) }

  /// A debug build would compare byte by byte, which takes longer than the transfer.
  private static func areSame(_ left: ArraySlice<UInt8>, _ right: ArraySlice<UInt8>) -> Bool {
    left.withUnsafeBytes { left in
      right.withUnsafeBytes { right in
        guard let left = left.baseAddress, let start = right.baseAddress else { return true }
        return memcmp(left, start, right.count) == 0
      }
    }
  }

  private func receiveHead(from client: LiveClient) throws -> (head: String, rest: [UInt8]) {
    var bytes: [UInt8] = []
    while true {
      if let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) {
        return (String(decoding: bytes[..<end.upperBound], as: UTF8.self), Array(bytes[end.upperBound...]))
      }
      bytes += try #require(try client.receive())
    }
  }

  /// Held are at most a piece each way, which the server counts.
  @Test func aHundredMegabytesPassThroughInBoundedMemory() throws {
    var limits = ServerLimits()
    limits.maxBytesInFlight = 4 * BodyReader.maxPieceBytes
    let server = try LiveServer(limits)
    let client = try LiveClient(to: server.port)
    let head = "POST /stream/sized-echo HTTP/1.1\r\nHost: a\r\nContent-Length: \(Self.size)\r\n\r\n"
    let sender = try Thread(named: "sender") {
      do {
        try client.send(Array(head.utf8))
        for _ in 0..<(Self.size / Self.block.count) { try client.send(Self.block) }
      } catch { Issue.record(error) }
    }
    var (text, rest) = try receiveHead(from: client)
    #expect(text.contains("Content-Length: \(Self.size)\r\n"))
    var (count, isSame) = (0, true)
    while count < Self.size {
      let start = count % Self.block.count
      let part = rest.prefix(Self.block.count - start)
      isSame = isSame && Self.areSame(part, Self.block[start..<(start + part.count)])
      count += part.count
      rest.removeFirst(part.count)
      if rest.isEmpty, count < Self.size { rest = try #require(try client.receive()) }
    }
    sender.join()
    #expect(isSame && rest.isEmpty)
    server.stop()
    #expect(server.streams.failures.isEmpty && server.streams.mostHeld <= BodyReader.maxPieceBytes)
  }

  @Test func aChunkedUploadOfAHundredMegabytesIsCountedAndTheConnectionServesOn() throws {
    let server = try LiveServer()
    let client = try LiveClient(to: server.port)
    try client.send(
      Array("POST /stream/count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".utf8))
    let chunk = Array("\(String(Self.block.count, radix: 16))\r\n".utf8) + Self.block + Array("\r\n".utf8)
    for _ in 0..<(Self.size / Self.block.count) { try client.send(chunk) }
    try client.send(Array("0\r\n\r\n".utf8))
    for _ in 0..<2 {
      var (head, body) = try receiveHead(from: client)
      if body.isEmpty { body = try #require(try client.receive()) }
      #expect(head.hasPrefix("HTTP/1.1 200 OK\r\n"))
      #expect(["\(Self.size)", "5"].contains(String(decoding: body, as: UTF8.self)))
      try client.send(Array("POST /stream/count HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello".utf8))
    }
    server.stop()
  }

  @Test(arguments: [true, false])
  func aPeerThatLeavesEndsItsIdleStream(_ resets: Bool) throws {
    let server = try LiveServer()
    var clients: [LiveClient] = []
    for _ in 0..<20 {
      let client = try LiveClient(to: server.port)
      try client.send(Array("GET /stream/events HTTP/1.1\r\nHost: a\r\n\r\n".utf8))
      #expect(try receiveHead(from: client).head.contains("chunked"))
      if resets { client.resetOnClose() }
      clients.append(client)
    }
    try server.wait(forOpenStreams: 20)
    clients.removeLast(10)
    try server.wait(forOpenStreams: 10)
    // The others are served as before.
    #expect(try server.get("/stream/signal").hasPrefix("HTTP/1.1 200 OK"))
    for client in clients {
      let event = try #require(try client.receive())
      #expect(String(decoding: event, as: UTF8.self) == "8\r\nevent 1;\r\n")
    }
    server.stop()
    for client in clients {
      var last: [UInt8] = []
      while let bytes = try client.receive() { last += bytes }
      #expect(String(decoding: last, as: UTF8.self) == "3\r\nbye\r\n0\r\n\r\n")
    }
    #expect(server.streams.failures == Array(repeating: .peerGone, count: 10))
  }
}
