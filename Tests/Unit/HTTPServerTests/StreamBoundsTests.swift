import EventLoop
import HTTPServer
import HTTPWire
import Simulation
import Testing
@testable import Time

/// Streams at the limits of the server: they are counted, and evicted before other requests.
@Suite struct StreamBoundsTests {
  private static let get = "GET /0 HTTP/1.1\r\nHost: a\r\n\r\n"
  private static let events = "GET /stream/events HTTP/1.1\r\nHost: a\r\n\r\n"
  private static let unfinishedHead = "GET /0 HTTP/1.1\r\nHost:"

  private func server(
    connections: Int = 100, streams: Int = 50, bytesInFlight: Int = 1 << 20
  ) throws -> SimulatedServer {
    var limits = ServerLimits()
    limits.maxConnections = connections
    limits.maxStreams = streams
    limits.maxBytesInFlight = bytesInFlight
    return try SimulatedServer.withoutFaults(limits)
  }

  @Test func oneStreamTooManyIsRefusedAndItsConnectionServesOn() throws {
    let simulated = try server(streams: 2)
    let kept = (0..<2).map { _ in simulated.exchange(Self.events) }
    let extra = simulated.exchange(Self.events + Self.get)
    #expect(extra.statuses == [503, 200] && !extra.sawEnd)
    #expect(kept.allSatisfy { !$0.sawEnd } && simulated.streams.open == 2)
    // The end of one makes room.
    simulated.kernel.endSending(from: kept[0])
    simulated.settle()
    simulated.kernel.send(Array(Self.events.utf8), from: extra)
    simulated.settle()
    #expect(extra.statuses == [503, 200, 200] && simulated.streams.open == 2)
    simulated.end()
    #expect(simulated.streams.open == 0)
  }

  @Test func aStreamThatHasEndedCountsNoMore() throws {
    let simulated = try server(streams: 1)
    let peer = simulated.exchange(
      String(repeating: "GET /stream/bytes/10 HTTP/1.1\r\nHost: a\r\n\r\n", count: 20))
    #expect(peer.statuses == Array(repeating: 200, count: 20))
    simulated.end()
  }

  /// The stream idle for longest, before a connection that may send a delivery at any time.
  @Test func idleStreamsAreEvictedBeforeWaitingConnections() throws {
    let simulated = try server(connections: 4)
    let waiting = [simulated.exchange(""), simulated.exchange(Self.get)]
    let streams = (0..<2).map { _ in simulated.exchange(Self.events) }
    simulated.streams.waiting[0].signal()
    simulated.settle()
    #expect(simulated.exchange(Self.get).statuses == [200])
    #expect(
      streams.map(\.sawEnd) == [false, true], "the first has sent since, so the second is idle for longest")
    #expect(simulated.streams.failures == [.evicted])
    #expect(simulated.exchange(Self.get).statuses == [200])
    #expect(streams.map(\.sawEnd) == [true, true])
    #expect(waiting.allSatisfy { !$0.sawEnd }, "evicted only when no stream is left")
    simulated.end()
    #expect(simulated.streams.open == 0 && simulated.kernel.openDescriptors == 0)
  }

  /// As a client sees it, whose long poll has no response yet.
  @Test func anEvictedPollIsAnswered503() throws {
    let simulated = try server(connections: 1)
    let poll = simulated.exchange("GET /stream/poll HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(simulated.exchange(Self.get).statuses == [200])
    #expect(poll.statuses == [503] && poll.text.contains("Connection: close") && poll.sawEnd)
    simulated.end()
  }

  @Test func stalledStreamsAreEvictedBeforeStalledRequests() throws {
    let simulated = try server(connections: 3)
    let dripping = simulated.exchange(Self.unfinishedHead)
    let upload = simulated.exchange("POST /stream/count HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n")
    let unread = simulated.kernel.connect(room: 0)
    simulated.kernel.send(Array("GET /stream/bytes/1000000 HTTP/1.1\r\nHost: a\r\n\r\n".utf8), from: unread)
    simulated.settle()
    #expect(simulated.exchange(Self.get).statuses == [503], "all are young")
    simulated.kernel.after(.milliseconds(2500)) { [kernel = simulated.kernel] in
      for peer in [dripping, upload] { kernel.send([0x61], from: peer) }
    }
    simulated.settle()
    // The unfinished head is older.
    #expect(simulated.exchange(Self.unfinishedHead).received.isEmpty)
    #expect(unread.sawEnd && !dripping.sawEnd && !upload.sawEnd)
    #expect(simulated.exchange(Self.unfinishedHead).received.isEmpty)
    #expect(dripping.sawEnd && !upload.sawEnd, "the upload has moved since")
    _ = simulated.abort()
  }

  @Test func streamsAreEvictedFirstWhenMemoryRunsOut() throws {
    let simulated = try server(bytesInFlight: 150_000)
    func post(_ sent: Int, of length: Int) -> String {
      "POST /0 HTTP/1.1\r\nHost: a\r\nContent-Length: \(length)\r\n\r\n" + String(repeating: "x", count: sent)
    }
    let body = simulated.exchange(post(60_000, of: 100_000))
    let stream = simulated.kernel.connect(room: 0)
    simulated.kernel.send(Array("GET /stream/bytes/1000000 HTTP/1.1\r\nHost: a\r\n\r\n".utf8), from: stream)
    simulated.settle()
    #expect(!stream.sawEnd)
    let second = simulated.exchange(post(60_000, of: 100_000))
    #expect(stream.sawEnd && simulated.streams.failures == [.evicted])
    #expect(!body.sawEnd && !second.sawEnd)
    _ = simulated.abort()
  }

  @Test func idleStreamsHoldNoMemory() throws {
    let simulated = try server(bytesInFlight: 1)
    let streams = (0..<10).map { _ in simulated.exchange(Self.events) }
    for request in simulated.streams.waiting { request.signal() }
    simulated.settle()
    #expect(streams.allSatisfy { !$0.sawEnd && $0.chunks.text == "event 1;" })
    simulated.end()
  }
}
