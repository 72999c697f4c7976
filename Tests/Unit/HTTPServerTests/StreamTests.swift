import EventLoop
import HTTPServer
import HTTPWire
import Simulation
import Testing
@testable import Time

/// Responses that are written piece by piece, on a simulated clock.
@Suite struct StreamTests {
  private static let get = "GET /0 HTTP/1.1\r\nHost: a\r\n\r\n"

  private func get(_ path: String, _ version: String = "1.1", method: String = "GET") -> String {
    "\(method) /stream/\(path) HTTP/\(version)\r\nHost: a\r\n\r\n"
  }

  private func server(_ limits: ServerLimits = ServerLimits()) throws -> SimulatedServer {
    try SimulatedServer.withoutFaults(limits)
  }

  // MARK: - Framing

  @Test func anUnknownLengthIsChunkedAndTheNextRequestIsServed() throws {
    let simulated = try server()
    let peer = simulated.exchange(get("bytes/200000") + Self.get)
    #expect(
      peer.text.hasPrefix("HTTP/1.1 200 OK\r\n") && peer.text.contains("Transfer-Encoding: chunked\r\n"))
    #expect(!peer.text.contains("Connection: close") && !peer.text.hasPrefix("Content-Length"))
    #expect(peer.chunks.content == Array(repeating: 0x78, count: 200_000))
    #expect(String(decoding: peer.chunks.rest ?? [], as: UTF8.self).hasPrefix("HTTP/1.1 200 OK\r\n"))
    #expect(peer.statuses == [200, 200] && !peer.sawEnd && simulated.streams.open == 0)
    simulated.end()
  }

  /// An empty chunk would end the body early.
  @Test func anEmptyStreamIsOneLastChunk() throws {
    let simulated = try server()
    let peer = simulated.exchange(get("bytes/0") + Self.get)
    #expect(peer.chunks.chunkCount == 0 && peer.chunks.isComplete)
    #expect(peer.statuses == [200, 200])
    simulated.end()
  }

  @Test func aDeclaredLengthIsSentPlain() throws {
    let simulated = try server()
    let peer = simulated.exchange(get("declared/100000/100000") + Self.get)
    #expect(peer.text.contains("Content-Length: 100000\r\n") && !peer.text.contains("Transfer-Encoding"))
    #expect(peer.content.prefix(100_000).allSatisfy { $0 == 0x78 })
    #expect(peer.statuses == [200, 200])
    simulated.end()
  }

  /// A length that is not kept would shift all that follows.
  @Test(arguments: [99, 101, 0])
  func aResponseOfAnotherLengthThanDeclaredIsCut(_ written: Int) throws {
    let simulated = try server()
    let peer = simulated.exchange(get("declared/100/\(written)") + Self.get)
    #expect(peer.statuses == (written == 0 ? [] : peer.statuses) && peer.sawEnd)
    #expect(peer.content.count < 100 && !peer.text.contains("Client:"))
    simulated.end()
  }

  @Test func anHTTP10ResponseEndsWithItsConnection() throws {
    let simulated = try server()
    let keepAlive = "GET /stream/bytes/50000 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
    let peer = simulated.exchange(keepAlive + Self.get)
    #expect(peer.text.contains("Connection: close\r\n") && !peer.text.contains("Transfer-Encoding"))
    #expect(Array(peer.content) == Array(repeating: 0x78, count: 50_000) && peer.sawEnd)
    simulated.end()
  }

  @Test func anHTTP10ResponseOfKnownLengthKeepsItsConnection() throws {
    let simulated = try server()
    let request = "GET /stream/declared/5/5 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
    let peer = simulated.exchange(request + request)
    #expect(peer.statuses == [200, 200] && peer.text.contains("Connection: keep-alive\r\n") && !peer.sawEnd)
    simulated.end()
  }

  @Test(
    arguments: [
      ("bytes/50", "1.1", "Transfer-Encoding: chunked"), ("declared/7/7", "1.1", "Content-Length: 7"),
      ("events", "1.1", "Transfer-Encoding: chunked"), ("bytes/50", "1.0", "Connection: close"),
    ])
  func theResponseToHEADHasNoContent(_ path: String, _ version: String, _ field: String) throws {
    let simulated = try server()
    let peer = simulated.exchange(get(path, version, method: "HEAD"))
    #expect(peer.text.contains(field + "\r\n") && peer.text.hasSuffix("\r\n\r\n"))
    #expect(peer.content.isEmpty && simulated.streams.bytesWritten == 0 && simulated.streams.open == 0)
    #expect(peer.sawEnd == (version == "1.0"))
    simulated.end()
  }

  @Test func aStatusWithoutContentHasNone() throws {
    let simulated = try server()
    let peer = simulated.exchange(get("no-content") + Self.get)
    #expect(peer.statuses == [204, 200])
    #expect(!peer.text.contains("Transfer-Encoding") && !peer.text.hasPrefix("x"))
    simulated.end()
  }

  @Test func anAbandonedResponseIsCutWithoutItsEnd() throws {
    let simulated = try server()
    let peer = simulated.exchange(get("abandon") + Self.get)
    #expect(peer.chunks.text == "half" && !peer.chunks.isComplete)
    #expect(peer.statuses == [200] && peer.sawEnd)
    simulated.end()
  }

  // MARK: - Waiting

  @Test func aSignalWakesAStreamInItsTurn() throws {
    let simulated = try server()
    let peer = simulated.exchange(get("events"))
    let started = simulated.kernel.monotonicTime
    #expect(peer.statuses == [200], "the head leaves before the first event")
    let request = try #require(simulated.streams.waiting.first)
    for count in 1...3 {
      request.signal()
      simulated.settle()
      #expect(peer.chunks.text == (1...count).map { "event \($0);" }.joined())
    }
    // Signals are coalesced.
    request.signal()
    request.signal()
    simulated.settle()
    #expect(peer.chunks.chunkCount == 4 && simulated.kernel.monotonicTime == started)
    simulated.drain()
    request.signal()
    simulated.end()
  }

  /// A handler that looks elsewhere meanwhile must not miss it.
  @Test func aSignalBeforeTheWaitIsKept() throws {
    let simulated = try server()
    let peer = simulated.kernel.connect(room: 0)
    simulated.kernel.send(Array(get("events").utf8), from: peer)
    simulated.settle()
    let request = try #require(simulated.streams.waiting.first)
    // The stream waits for its reader, not for a signal.
    request.signal()
    simulated.settle()
    #expect(peer.received.isEmpty)
    simulated.kernel.read(100_000, by: peer)
    simulated.settle()
    #expect(peer.chunks.text == "event 1;")
    simulated.end()
  }

  @Test func aDeadlineEndsAWaitAndNotTheStream() throws {
    let simulated = try server()
    let peer = simulated.exchange(get("events"))
    simulated.turn { peer.chunks.chunkCount == 2 }
    #expect(peer.chunks.text == "heartbeat;heartbeat;")
    #expect(
      simulated.kernel.monotonicTime > MonotonicTime(nanoseconds: 0) + .seconds(2000), "no timeout applies")
    simulated.end()
  }

  @Test(arguments: ["signaled", "deadline", "draining"])
  func aLongPollIsAnsweredWhenItsWaitEnds(_ wake: String) throws {
    let simulated = try server()
    let peer = simulated.exchange(get("poll") + Self.get)
    #expect(peer.received.isEmpty)
    switch wake {
    case "signaled": simulated.streams.waiting[0].signal()
    case "draining": simulated.drain()
    default: simulated.turn { !peer.received.isEmpty }
    }
    simulated.settle()
    if wake == "draining" {
      #expect(peer.text.hasSuffix("\r\n\r\ndraining") && peer.text.contains("Connection: close"))
    } else {
      #expect(peer.text.contains("\r\n\r\n\(wake)HTTP/1.1 200 OK"), "and then the pipelined request")
    }
    simulated.end()
  }

  /// Without a read or a timer: a stream has no event of its own for hours.
  @Test(arguments: [true, false], ["events", "poll"])
  func aPeerThatLeavesEndsAnIdleStreamAtOnce(_ resets: Bool, _ path: String) throws {
    let simulated = try server()
    // Bytes that it has sent before hide neither.
    let peer = simulated.exchange(get(path) + Self.get)
    let started = simulated.kernel.monotonicTime
    #expect(simulated.streams.open == 1)
    if resets { simulated.kernel.reset(peer) } else { simulated.kernel.endSending(from: peer) }
    simulated.settle()
    #expect(simulated.streams.failures == [.peerGone] && simulated.streams.open == 0)
    #expect(simulated.kernel.openDescriptors == 1 && simulated.kernel.monotonicTime == started)
    simulated.end()
  }

  /// Its request is complete, and its response does not wait.
  @Test func aHalfClosedSenderReadsAStreamToItsEnd() throws {
    let simulated = try server()
    let peer = simulated.kernel.connect(room: 1000)
    simulated.kernel.send(Array(get("bytes/100000").utf8), from: peer)
    simulated.kernel.endSending(from: peer)
    simulated.settle()
    simulated.kernel.read(200_000, by: peer)
    simulated.settle()
    #expect(peer.chunks.content.count == 100_000 && peer.chunks.isComplete)
    simulated.end()
  }

  // MARK: - Back-pressure

  @Test func aWriterWaitsForItsReader() throws {
    let simulated = try server()
    let peer = simulated.kernel.connect(room: 100_000)
    simulated.kernel.send(Array(get("bytes/10000000").utf8), from: peer)
    simulated.settle()
    let written = simulated.streams.bytesWritten
    #expect(peer.received.count == 100_000 && written <= 100_000 + 2 * BodyReader.maxPieceBytes)
    simulated.kernel.read(.max / 2, by: peer)
    simulated.settle()
    #expect(peer.chunks.content.count == 10_000_000 && peer.chunks.isComplete)
    simulated.end()
  }

  @Test(arguments: [0, 1])
  func aReaderBelowTheMinimumRateIsCut(_ bytesPerSecond: Int) throws {
    let simulated = try server()
    let peer = simulated.kernel.connect(room: 1000)
    let started = simulated.kernel.monotonicTime
    simulated.kernel.send(Array(get("bytes/10000000").utf8), from: peer)
    for second in 1..<100 where bytesPerSecond > 0 {
      simulated.kernel.after(.seconds(second)) { [kernel = simulated.kernel] in
        kernel.read(bytesPerSecond, by: peer)
      }
    }
    simulated.turn { !simulated.streams.failures.isEmpty }
    #expect(simulated.streams.failures == [.tooSlow] && peer.sawEnd)
    #expect(simulated.streams.lastFailure - started < .seconds(11))
    simulated.end()
  }

  /// A fast beginning earns no credit for a stall of minutes.
  @Test func aReaderThatStallsAfterAFastBeginningIsCut() throws {
    let simulated = try server()
    let peer = simulated.kernel.connect(room: 5_000_000)
    let started = simulated.kernel.monotonicTime
    simulated.kernel.send(Array(get("bytes/10000000").utf8), from: peer)
    simulated.turn { !simulated.streams.failures.isEmpty }
    #expect(peer.received.count == 5_000_000 && simulated.streams.failures == [.tooSlow])
    #expect(simulated.streams.lastFailure - started < .seconds(11))
    simulated.end()
  }

  @Test func aSlowButSteadyReaderIsServed() throws {
    let simulated = try server()
    let peer = simulated.kernel.connect(room: 0)
    simulated.kernel.send(Array(get("bytes/200000").utf8), from: peer)
    for second in 1...45 {
      simulated.kernel.after(.seconds(second)) { [kernel = simulated.kernel] in kernel.read(5000, by: peer) }
    }
    simulated.settle()
    #expect(peer.chunks.content.count == 200_000 && peer.chunks.isComplete)
    simulated.end()
  }

  /// A stream that always finds room must not keep others waiting, and neither must a body that has come.
  @Test func aFastStreamYieldsToOtherConnections() throws {
    let simulated = try server()
    let reader = simulated.kernel.connect()
    simulated.kernel.send(Array(get("bytes/10000000").utf8), from: reader)
    let sender = simulated.kernel.connect()
    let head = "POST /stream/count HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n"
    simulated.kernel.send(Array(head.utf8) + Array(repeating: 0x78, count: 10_000_000), from: sender)
    var (largest, written, read) = (0, 0, 0)
    simulated.turn {
      largest = max(largest, simulated.streams.bytesWritten - written, simulated.streams.bytesRead - read)
      (written, read) = (simulated.streams.bytesWritten, simulated.streams.bytesRead)
      return written == 10_000_000 && read == 10_000_000
    }
    #expect(largest <= 2 * BodyReader.maxPieceBytes, "so many bytes moved in one turn")
    simulated.end()
  }

  // MARK: - The shutdown

  @Test func idleStreamsSendALastPieceAndEndAtOnceWhenTheServerDrains() throws {
    let simulated = try server()
    let peers = (0..<3).map { _ in simulated.exchange(get("events")) }
    let started = simulated.kernel.monotonicTime
    simulated.drain()
    for peer in peers {
      #expect(peer.chunks.text == "bye" && peer.chunks.isComplete && peer.sawEnd)
    }
    simulated.end()
    #expect(simulated.kernel.monotonicTime == started)
  }

  /// The daemon does so before its last delivery is answered.
  @Test func streamsEndWhileOtherRequestsAreServed() throws {
    let simulated = try server()
    let peer = simulated.exchange(get("events") + Self.get)
    let unread = simulated.kernel.connect(room: 10_000)
    simulated.kernel.send(Array(get("bytes/10000000").utf8), from: unread)
    simulated.settle()
    let started = simulated.kernel.monotonicTime
    simulated.endStreams()
    #expect(peer.chunks.text == "bye" && peer.statuses == [200, 200] && !peer.sawEnd)
    #expect(simulated.exchange(Self.get).statuses == [200])
    let late = simulated.exchange(get("poll") + get("stubborn"))
    #expect(late.text.contains("\r\n\r\ndraining") && late.sawEnd)
    simulated.turn { unread.sawEnd }
    #expect(simulated.streams.failures == [.aborted, .aborted] && simulated.streams.open == 0)
    #expect(simulated.streams.lastFailure - started <= ServerLimits().drainingStreamTimeout)
    simulated.end()
  }

  @Test func aStreamThatIgnoresTheShutdownIsCut() throws {
    let simulated = try server()
    let peer = simulated.exchange(get("stubborn"))
    let started = simulated.kernel.monotonicTime
    simulated.end()
    #expect(simulated.streams.failures == [.aborted] && !peer.chunks.isComplete)
    #expect(simulated.kernel.monotonicTime == started)
  }

  @Test func aStreamThatNobodyReadsDoesNotHoldTheShutdown() throws {
    let simulated = try server()
    let peer = simulated.kernel.connect(room: 10_000)
    simulated.kernel.send(Array(get("bytes/10000000").utf8), from: peer)
    simulated.settle()
    let started = simulated.kernel.monotonicTime
    simulated.end()
    #expect(simulated.streams.failures == [.aborted])
    #expect(simulated.kernel.monotonicTime - started <= ServerLimits().drainingStreamTimeout)
  }

  /// Its end is known, as that of a whole response.
  @Test func aDownloadIsFinishedWhileTheServerDrains() throws {
    let simulated = try server()
    let peer = simulated.kernel.connect(room: 10_000)
    simulated.kernel.send(Array(get("declared/200000/200000").utf8), from: peer)
    simulated.settle()
    simulated.kernel.after(.seconds(5)) { [kernel = simulated.kernel] in
      kernel.read(1_000_000, by: peer)
      kernel.endSending(from: peer)
    }
    simulated.end()
    #expect(peer.content.count == 200_000)
  }

  @Test func abortEndsStreamsAtOnceAndCountsNone() throws {
    let simulated = try server()
    let peers = [
      get("events"), get("poll"), "POST /stream/count HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n",
    ]
    .map { simulated.exchange($0) }
    let now = simulated.kernel.monotonicTime
    #expect(simulated.abort() == 0 && peers.allSatisfy(\.sawEnd))
    #expect(simulated.streams.failures == [.aborted, .aborted, .aborted])
    #expect(simulated.kernel.openDescriptors == 0 && simulated.kernel.monotonicTime == now)
  }
}
