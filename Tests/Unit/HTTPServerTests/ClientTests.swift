import EventLoop
import HTTPServer
import Simulation
import Testing
@testable import Time

/// How clients are identified and counted. The simulated peer is 192.0.2.1.
@Suite struct ClientTests {
  private static let get = "GET /0 HTTP/1.1\r\nHost: a\r\n\r\n"

  private static func line(_ source: String) -> String { "PROXY TCP4 \(source) 198.51.100.1 4000 443\r\n" }

  /// Version 2, PROXY over TCP on IPv4.
  ///
  /// From 203.0.113.9, port 4000, to 198.51.100.1, port 443.
  private static let block: [UInt8] =
    [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A, 0x21, 0x11, 0x00, 0x0C]
    + [203, 0, 113, 9, 198, 51, 100, 1, 0x0F, 0xA0, 0x01, 0xBB]

  @Test(arguments: [
    (Array(line("203.0.113.9").utf8), "203.0.113.9"), (block, "203.0.113.9"),
    (Array("PROXY TCP6 2001:db8::1 2001:db8::2 4000 443\r\n".utf8), "2001:db8::1"),
    (Array("PROXY UNKNOWN\r\n".utf8), "192.0.2.1"),
  ])
  func aTrustedProxyNamesTheClientHoweverItsHeaderIsSplit(_ header: [UInt8], _ client: String) throws {
    let bytes = header + Array((Self.get + Self.get).utf8)
    for cut in [0, 1, header.count - 1, header.count, header.count + 1, bytes.count] {
      let simulated = try SimulatedServer.withoutFaults(behindProxies: "192.0.2.0/24")
      let peer = simulated.kernel.connect()
      for piece in [bytes[..<cut], bytes[cut...]] {
        simulated.kernel.send(piece, from: peer)
        simulated.loop.turn(waits: false)
      }
      simulated.settle()
      #expect(peer.statuses == [200, 200])
      #expect(peer.text.contains("\r\nClient: \(client)\r\n"), "cut at \(cut)")
      simulated.end()
    }
  }

  @Test(arguments: ["10.0.0.0/8", "unix"])
  func aPROXYHeaderFromAnUntrustedPeerClosesTheConnection(_ trusted: String) throws {
    let simulated = try SimulatedServer.withoutFaults(behindProxies: trusted)
    let peer = simulated.exchange(Self.line("203.0.113.9") + Self.get)
    #expect(peer.received.isEmpty && peer.sawEnd)
    simulated.end()
  }

  @Test(arguments: [get, "PROXY TCP4 1.2.3.4\r\n" + get, "PROXY TCP4 x y 1 2\r\n", "\r\n\r\nG"])
  func aMalformedPROXYHeaderGetsNoResponse(_ bytes: String) throws {
    let simulated = try SimulatedServer.withoutFaults(behindProxies: "192.0.2.1")
    let peer = simulated.exchange(bytes)
    #expect(peer.received.isEmpty && peer.sawEnd)
    simulated.end()
  }

  @Test func aMissingPROXYHeaderTimesOut() throws {
    let simulated = try SimulatedServer.withoutFaults(behindProxies: "192.0.2.1")
    let started = simulated.kernel.monotonicTime
    let peer = simulated.exchange("PROXY TCP4 ")
    simulated.turn { peer.sawEnd }
    #expect(peer.received.isEmpty)
    #expect(simulated.kernel.monotonicTime - started <= ServerLimits().handshakeTimeout + .seconds(1))
    simulated.end()
  }

  @Test func withoutTheOptionAPROXYHeaderIsAMalformedRequest() throws {
    let simulated = try SimulatedServer.withoutFaults()
    #expect(simulated.exchange(Self.line("203.0.113.9") + Self.get).statuses == [400])
    simulated.end()
  }

  private func two() -> ServerLimits {
    var limits = ServerLimits()
    limits.maxConnectionsPerAddress = 2
    return limits
  }

  @Test func connectionsPerClientAreLimited() throws {
    let simulated = try SimulatedServer.withoutFaults(two())
    let kept = (0..<2).map { _ in simulated.exchange(Self.get) }
    let extra = simulated.exchange(Self.get)
    #expect(extra.statuses == [503] && extra.sawEnd)
    #expect(kept.allSatisfy { !$0.sawEnd })
    // One of them has left, and so has the one that was rejected.
    for peer in [kept[0], extra] { simulated.kernel.endSending(from: peer) }
    simulated.settle()
    #expect(simulated.exchange(Self.get).statuses == [200])
    simulated.end()
  }

  @Test func clientsBehindAProxyAreCountedSeparately() throws {
    let simulated = try SimulatedServer.withoutFaults(two(), behindProxies: "192.0.2.1")
    func statuses(_ source: String, _ count: Int) -> [[Int]] {
      (0..<count).map { _ in simulated.exchange(Self.line(source) + Self.get).statuses }
    }
    #expect(statuses("203.0.113.1", 3) == [[200], [200], [503]])
    #expect(statuses("203.0.113.2", 2) == [[200], [200]])
    simulated.end()
  }

  @Test func anIPv6Slash64CountsAsOneClient() throws {
    let simulated = try SimulatedServer.withoutFaults(two(), behindProxies: "192.0.2.1")
    let statuses = ["2001:db8::1", "2001:db8::2", "2001:db8::ffff:3", "2001:db8:0:1::1"].map { source in
      simulated.exchange("PROXY TCP6 \(source) 2001:db8::9 4000 443\r\n" + Self.get).statuses
    }
    #expect(statuses == [[200], [200], [503], [200]])
    simulated.end()
  }

  /// A trusted proxy acts for many clients.
  @Test func aTrustedProxysOwnConnectionsAreNotCounted() throws {
    let simulated = try SimulatedServer.withoutFaults(two(), behindProxies: "192.0.2.1")
    for _ in 0..<5 { #expect(simulated.exchange("PROXY UNKNOWN\r\n" + Self.get).statuses == [200]) }
    simulated.end()
  }
}
