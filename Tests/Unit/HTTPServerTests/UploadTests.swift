import EventLoop
import HTTPServer
import HTTPWire
import Simulation
import TLSClient
import Testing
@testable import Time

/// Bodies that are read piece by piece, on a simulated clock.
@Suite struct UploadTests {
  private static let get = "GET /0 HTTP/1.1\r\nHost: a\r\n\r\n"

  private func post(_ path: String, _ fields: String, _ body: String = "") -> String {
    "POST /stream/\(path) HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\r\n\(body)"
  }

  private func server(_ limits: ServerLimits = ServerLimits()) throws -> SimulatedServer {
    try SimulatedServer.withoutFaults(limits)
  }

  private static func chunked(_ bytes: Int, size: Int, end: String = "0\r\n\r\n") -> String {
    let chunk = "\(String(size, radix: 16))\r\n" + String(repeating: "x", count: size) + "\r\n"
    return String(repeating: chunk, count: bytes / size) + end
  }

  @Test(
    arguments: [
      ("Content-Length: 5", "hello", "5"), ("Content-Length: 0", "", "0"), ("X: y", "", "0"),
      ("Content-Length: 300000", String(repeating: "x", count: 300_000), "300000"),
      ("Transfer-Encoding: chunked", "0\r\n\r\n", "0"),
      ("Transfer-Encoding: chunked", chunked(200_000, size: 1000), "200000"),
      ("Transfer-Encoding: chunked", chunked(200, size: 1, end: "0;x=y\r\nA: b\r\n\r\n"), "200"),
    ])
  func aBodyIsReadToItsEndAndTheNextRequestFollows(_ field: String, _ body: String, _ count: String) throws {
    let bytes = Array((post("count", field, body) + Self.get).utf8)
    for cut in [0, 1, 60, bytes.count / 2, bytes.count - Self.get.utf8.count, bytes.count - 1] {
      let simulated = try server()
      let peer = simulated.kernel.connect()
      for piece in [bytes[..<cut], bytes[cut...]] {
        simulated.kernel.send(piece, from: peer)
        simulated.settle()
      }
      #expect(peer.statuses == [200, 200], "cut at \(cut)")
      #expect(peer.text.contains("\r\n\r\n\(count)HTTP/1.1 200 OK"), "cut at \(cut)")
      simulated.end()
    }
  }

  /// The limit of whole bodies does not apply.
  @Test func aBodyMayBeLargerThanAWholeOne() throws {
    var limits = ServerLimits()
    limits.message.maxBodyBytes = 10
    limits.maxBytesInFlight = 200_000
    let simulated = try server(limits)
    let body = String(repeating: "x", count: 1_000_000)
    #expect(
      simulated.exchange(post("count", "Content-Length: 1000000", body)).text.hasSuffix("\r\n\r\n1000000"))
    simulated.end()
  }

  @Test(
    arguments: [
      ("Content-Length: \(StreamRoutes.maxBodyBytes + 1)", ""),
      ("Transfer-Encoding: chunked", "3\r\nabc\r\n\(String(StreamRoutes.maxBodyBytes - 2, radix: 16))\r\n"),
    ])
  func aBodyBeyondTheLimitOfItsRouteGets413(_ field: String, _ body: String) throws {
    let simulated = try server()
    let peer = simulated.exchange(post("count", field, body))
    #expect(peer.statuses == [413] && peer.sawEnd && peer.text.contains("Connection: close"))
    let isRead = body.isEmpty ? [] : [StreamFailure.tooLarge(limit: StreamRoutes.maxBodyBytes)]
    #expect(simulated.streams.failures == isRead)
    simulated.end()
  }

  @Test(
    arguments: [
      ("3\r\nabcd", RequestError.malformedChunk), ("x\r\n", .malformedChunkSize),
      ("3\r\nabc\r\n0\r\nA : b\r\n\r\n", .malformedFieldName), ("3\nabc", .bareLineFeed),
      ("0;\(String(repeating: "a", count: 2000))", .chunkOverheadTooLarge),
    ])
  func aMalformedBodyIsRefused(_ body: String, _ error: RequestError) throws {
    let simulated = try server()
    let peer = simulated.exchange(post("count", "Transfer-Encoding: chunked", body))
    #expect(peer.statuses == [error.status.code] && peer.sawEnd)
    #expect(simulated.streams.failures == [.malformed(error)])
    simulated.end()
  }

  /// The response has begun, so it can only be cut.
  @Test func aMalformedBodyCutsAResponseThatHasBegun() throws {
    let simulated = try server()
    let peer = simulated.exchange(post("echo", "Transfer-Encoding: chunked", "3\r\nabc\r\n"))
    simulated.kernel.send(Array("!\r\n".utf8), from: peer)
    simulated.settle()
    #expect(peer.statuses == [200] && peer.chunks.text == "abc" && !peer.chunks.isComplete && peer.sawEnd)
    simulated.end()
  }

  @Test func aFailureIsNotTheEndOfTheBody() throws {
    let simulated = try server()
    let peer = simulated.exchange(post("again", "Transfer-Encoding: chunked", "3\r\nabcd\n0\r\n\r\n"))
    #expect(peer.statuses == [400])
    let late = simulated.exchange(post("again", "Content-Length: 2", "a"))
    simulated.kernel.after(.milliseconds(10_500)) { [kernel = simulated.kernel] in
      kernel.send([0x62], from: late)
    }
    simulated.settle()
    #expect(late.statuses == [408])
    simulated.end()
  }

  /// A peer may wait for an answer to what it has sent.
  @Test func outputIsSentBeforeMoreInputIsAwaited() throws {
    let simulated = try server()
    let peer = simulated.exchange(post("echo", "Content-Length: 9"))
    for (index, word) in ["one", "two", "six"].enumerated() {
      simulated.kernel.send(Array(word.utf8), from: peer)
      simulated.settle()
      #expect(peer.chunks.chunkCount == index + 1 && peer.chunks.text.hasSuffix(word))
    }
    #expect(peer.chunks.isComplete)
    simulated.end()
  }

  @Test func aPeerThatLeavesInItsBodyIsReported() throws {
    let simulated = try server()
    let peer = simulated.exchange(post("count", "Content-Length: 10", "abc"))
    simulated.kernel.endSending(from: peer)
    simulated.settle()
    #expect(simulated.streams.failures == [.peerGone] && peer.received.isEmpty && peer.sawEnd)
    simulated.end()
  }

  // MARK: - Pace

  /// Nothing, one byte a second, and a fast beginning.
  @Test(arguments: [(0, 0), (0, 1), (1_000_000, 0)])
  func aSenderBelowTheMinimumRateGets408(_ atOnce: Int, _ bytesPerSecond: Int) throws {
    let simulated = try server()
    let started = simulated.kernel.monotonicTime
    let peer = simulated.exchange(
      post("count", "Content-Length: 100000000", String(repeating: "x", count: atOnce)))
    for second in 1..<100 where bytesPerSecond > 0 {
      simulated.kernel.after(.seconds(second)) { [kernel = simulated.kernel] in
        kernel.send([0x78], from: peer)
      }
    }
    simulated.turn { peer.sawEnd }
    #expect(peer.statuses == [408] && simulated.streams.failures == [.tooSlow])
    #expect(simulated.kernel.monotonicTime - started < .seconds(14))
    _ = simulated.abort()
  }

  @Test func aSlowButSteadySenderIsServed() throws {
    let simulated = try server()
    let peer = simulated.exchange(post("count", "Content-Length: 200000"))
    for second in 1...40 {
      simulated.kernel.after(.seconds(second)) { [kernel = simulated.kernel] in
        kernel.send(Array(repeating: 0x61, count: 5000), from: peer)
      }
    }
    simulated.turn { !peer.received.isEmpty }
    #expect(peer.text.hasSuffix("\r\n\r\n200000"))
    simulated.end()
  }

  /// The bytes stay in the kernel, whose window stops the sender.
  @Test func aSenderWaitsForAReaderThatWaits() throws {
    let simulated = try server()
    let peer = simulated.kernel.connect(room: 100_000)
    let total = 10_000_000
    simulated.kernel.send(Array(post("echo", "Content-Length: \(total)").utf8), from: peer)
    simulated.kernel.send(Array(repeating: 0x78, count: total), from: peer)
    simulated.settle()
    #expect(total - simulated.kernel.unreceivedBytes(of: peer) <= 100_000 + 3 * BodyReader.maxPieceBytes)
    #expect(simulated.streams.bytesRead - simulated.streams.bytesWritten <= BodyReader.maxPieceBytes)
    simulated.kernel.read(.max / 2, by: peer)
    simulated.settle()
    #expect(peer.chunks.content.count == total && peer.chunks.isComplete)
    simulated.end()
  }

  // MARK: - 100 Continue

  @Test func aSenderThatExpectsContinueGets100WithTheFirstRead() throws {
    let simulated = try server()
    let expect = "Content-Length: 3\r\nExpect: 100-continue"
    let peer = simulated.exchange(post("count", expect))
    #expect(peer.text == "HTTP/1.1 100 Continue\r\n\r\n")
    simulated.kernel.send(Array("abc".utf8), from: peer)
    simulated.settle()
    #expect(peer.statuses == [200] && peer.text.hasSuffix("\r\n\r\n3") && !peer.sawEnd)
    // It may send the body or not, so what follows cannot be parsed.
    let unread = simulated.exchange(post("ignore", expect))
    #expect(unread.statuses == [200] && !unread.text.contains("100 Continue"))
    #expect(unread.text.contains("Connection: close") && unread.sawEnd)
    // The producer reads, when the head is sent already.
    let echo = simulated.exchange(post("echo", expect))
    #expect(echo.text.hasPrefix("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200"))
    simulated.kernel.send(Array("abc".utf8), from: echo)
    simulated.settle()
    #expect(
      echo.text.hasSuffix("\r\n\r\n3\r\nabc\r\n0\r\n\r\n") && echo.text.ranges(of: "HTTP/1.1 100").count == 1)
    let early = simulated.exchange(post("count", expect, "abc"))
    #expect(early.statuses == [200] && !early.text.contains("100 Continue"))
    simulated.end()
  }

  // MARK: - Unread bodies

  @Test(
    arguments: [
      ("ignore", "Content-Length: 16384", String(repeating: "x", count: 16_384), true),
      ("ignore", "Content-Length: 16385", String(repeating: "x", count: 16_385), false),
      ("ignore", "Content-Length: 0", "", true), ("bytes/9", "Content-Length: 3", "abc", true),
      ("ignore", "Transfer-Encoding: chunked", "3\r\nabc\r\n0\r\n\r\n", false),
      ("bytes/9", "Transfer-Encoding: chunked", "3\r\nabc\r\n0\r\n\r\n", false),
      ("first", "Content-Length: 70000", String(repeating: "x", count: 70_000), false),
    ])
  func anUnreadBodyIsSkippedIfItIsSmall(
    _ path: String, _ field: String, _ body: String, _ isKept: Bool
  ) throws {
    let simulated = try server()
    let peer = simulated.exchange(post(path, field, body) + Self.get)
    #expect(peer.statuses == (isKept ? [200, 200] : [200]) && peer.sawEnd == !isKept)
    #expect(peer.text.contains("Connection: close") == !isKept, "a close is announced")
    simulated.end()
  }

  // MARK: - TLS

  @Test func aBodyIsEchoedOverTLS() throws {
    let simulated = try SimulatedServer(seed: 7, tls: Certificates.ecdsa.context())
    let client = try #require(Client(.tls13))
    let peer = simulated.kernel.connect()
    var consumed = 0
    func exchange() {
      simulated.kernel.send(client.takeOutgoing(), from: peer)
      simulated.settle()
      client.receive(peer.received[consumed...])
      consumed = peer.received.count
    }
    while client.handshake() != .complete { exchange() }
    let body = (0..<500_000).map { UInt8(truncatingIfNeeded: $0 >> 3) }
    let head = Array(post("echo", "Content-Length: \(body.count)").utf8)
    // An upload whose length is declared, and whose response is chunked.
    client.write(head + body[..<100_000])
    exchange()
    client.write(Array(body[100_000...]))
    exchange()
    let answer = client.read().bytes
    let end = try #require(answer.firstRange(of: Array("\r\n\r\n".utf8)))
    let chunks = ChunkedText(answer[end.upperBound...])
    #expect(chunks.content == body && chunks.rest == [])
    // An idle stream over TLS ends with its peer as well.
    client.write(Array("GET /stream/events HTTP/1.1\r\nHost: a\r\n\r\n".utf8))
    exchange()
    // The connection has ended with the unread body's announcement.
    #expect(simulated.streams.failures.isEmpty)
    simulated.end()
  }
}
