import EventLoop
import HTTPServer
import HTTPWire
import Simulation
import Testing

/// The server at its limits.
///
/// Some connections are evicted, and others get 503.
@Suite struct BoundsTests {
  private static let get = "GET /0 HTTP/1.1\r\nHost: a\r\n\r\n"
  private static let unfinishedHead = "GET /0 HTTP/1.1\r\nHost:"

  private func post(_ sent: Int, of length: Int) -> String {
    "POST /0 HTTP/1.1\r\nHost: a\r\nContent-Length: \(length)\r\n\r\n" + String(repeating: "x", count: sent)
  }

  private func limits(connections: Int = 3, bytesInFlight: Int = 1000) -> ServerLimits {
    var limits = ServerLimits()
    limits.maxConnections = connections
    limits.maxBytesInFlight = bytesInFlight
    return limits
  }

  @Test func theLongestIdleConnectionIsEvicted() throws {
    let simulated = try SimulatedServer.withoutFaults(limits())
    let idle = (0..<3).map { _ in simulated.exchange(Self.get) }
    simulated.kernel.send(Array(Self.get.utf8), from: idle[0])
    simulated.settle()
    let extra = simulated.exchange(Self.get)
    #expect(extra.statuses == [200] && !extra.sawEnd)
    #expect(
      idle.map(\.sawEnd) == [false, true, false], "the first was used again, so the second is the oldest")
    simulated.end()
    #expect(simulated.kernel.openDescriptors == 0)
  }

  @Test func lingeringConnectionsAreEvictedBeforeIdleOnes() throws {
    let simulated = try SimulatedServer.withoutFaults(limits())
    let kept = (0..<2).map { _ in simulated.exchange(Self.get) }
    let refused = simulated.exchange("BAD\r\n\r\n")
    #expect(refused.statuses == [400])
    let descriptors = simulated.kernel.openDescriptors
    #expect(simulated.exchange(Self.get).statuses == [200])
    #expect(kept.allSatisfy { !$0.sawEnd } && simulated.kernel.openDescriptors == descriptors)
    simulated.end()
  }

  @Test func youngTransfersAreNotEvictedAndTheNewcomerGets503() throws {
    let simulated = try SimulatedServer.withoutFaults(limits())
    let receiving = (0..<3).map { _ in simulated.exchange(Self.unfinishedHead) }
    let extra = simulated.exchange(Self.get)
    #expect(extra.statuses == [503] && extra.sawEnd)
    #expect(receiving.allSatisfy { !$0.sawEnd })
    simulated.end()
  }

  @Test func slowTransfersAreEvictedWith503() throws {
    let simulated = try SimulatedServer.withoutFaults(limits())
    let dripping = (0..<3).map { _ in simulated.exchange(Self.unfinishedHead) }
    simulated.kernel.after(.milliseconds(2500)) { [kernel = simulated.kernel] in
      for peer in dripping { kernel.send([0x61], from: peer) }
    }
    simulated.settle()
    let extra = simulated.exchange(Self.get)
    #expect(extra.statuses == [200])
    #expect(dripping.map(\.statuses) == [[503], [], []])
    #expect(dripping.map(\.sawEnd) == [true, false, false])
    simulated.end()
  }

  @Test func theOldestBodyIsEvictedWhenMemoryRunsOut() throws {
    let simulated = try SimulatedServer.withoutFaults(limits(connections: 100))
    let slow = simulated.exchange(post(600, of: 700))
    let second = simulated.exchange(post(300, of: 700))
    #expect(!slow.sawEnd)
    let third = simulated.exchange(post(400, of: 400))
    #expect(third.statuses == [200], "it is complete and needs no more memory")
    #expect(slow.statuses == [503] && slow.sawEnd)
    simulated.kernel.send(Array(repeating: 0x78, count: 400), from: second)
    simulated.settle()
    #expect(second.statuses == [200])
    simulated.end()
    #expect(simulated.kernel.openDescriptors == 0)
  }

  @Test(arguments: [
    "POST /0 HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n",
    "POST /0 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1388\r\n",
  ])
  func aBodyBeyondTheMemoryLimitIsRefused(_ head: String) throws {
    let simulated = try SimulatedServer.withoutFaults(limits())
    let peer = simulated.exchange(head + String(repeating: "x", count: 3000))
    #expect(peer.statuses == [503] && peer.sawEnd)
    #expect(simulated.exchange(post(900, of: 900)).statuses == [200], "nothing is held any more")
    simulated.end()
  }

  @Test func memoryIsReleasedWithTheResponse() throws {
    let simulated = try SimulatedServer.withoutFaults(limits())
    let peer = simulated.exchange(String(repeating: post(900, of: 900), count: 20))
    #expect(peer.statuses == Array(repeating: 200, count: 20))
    simulated.end()
  }

  @Test func theServersBodyLimitOverridesTheApplications() throws {
    var limits = ServerLimits()
    limits.message.maxBodyBytes = 10
    let simulated = try SimulatedServer.withoutFaults(limits)
    #expect(simulated.exchange(post(0, of: 11)).statuses == [413])
    #expect(simulated.exchange(post(10, of: 10)).statuses == [200])
    simulated.end()
  }

  @Test func abortClosesConnectionsInEveryState() throws {
    let simulated = try SimulatedServer.withoutFaults()
    for request in ["", Self.get, Self.unfinishedHead, post(5, of: 10), "BAD\r\n\r\n"] {
      _ = simulated.exchange(request)
    }
    let now = simulated.kernel.monotonicTime
    #expect(simulated.abort() == 0, "nothing had come whole")
    #expect(simulated.kernel.openDescriptors == 0 && simulated.kernel.monotonicTime == now)
  }

  @Test func abortCountsCompleteRequests() throws {
    let simulated = try SimulatedServer.withoutFaults()
    let peer = simulated.kernel.connect()
    simulated.kernel.send(Array("GET /100 HTTP/1.1\r\nHost: a\r\n\r\n".utf8), from: peer)
    // Enough turns for the request to reach the handler, which takes a hundred.
    for _ in 0..<20 { simulated.loop.turn(waits: false) }
    #expect(simulated.abort() == 1)
  }
}
