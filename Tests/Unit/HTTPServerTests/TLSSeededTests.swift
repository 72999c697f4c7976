import EventLoop
import HTTPServer
import Simulation
import TLS
import TLSClient
import Testing
@testable import Time

/// TLS on a seeded kernel that splits transfers and reports false readiness.
@Suite struct TLSSeededTests {
  private static let get = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"

  /// A client that sends its requests once its handshake is complete.
  private final class Sender {
    let peer: SimulatedPeer
    let client: Client
    let requests: [[UInt8]]
    var answers: [UInt8] = []
    private var consumed = 0
    private var isOpen = false

    init(peer: SimulatedPeer, client: Client, requests: [[UInt8]]) {
      (self.peer, self.client, self.requests) = (peer, client, requests)
    }

    /// Passes received bytes to the client, and returns its output.
    func react() -> [UInt8] {
      client.receive(peer.received[consumed...])
      consumed = peer.received.count
      if isOpen {
        answers += client.read().bytes
      } else if client.handshake() == .complete {
        isOpen = true
        for request in requests { client.write(request) }
      }
      return client.takeOutgoing()
    }
  }

  private func run(_ senders: [Sender], on simulated: SimulatedServer, _ random: inout SeededGenerator) {
    let kernel = simulated.kernel
    // Ends when a whole round has neither delivered nor sent a byte.
    for _ in 0..<10_000 {
      var hasSent = false
      for sender in senders {
        let bytes = sender.react()
        guard !bytes.isEmpty else { continue }
        hasSent = true
        var (start, delay) = (0, 0)
        while start < bytes.count {
          let end = min(bytes.count, start + Int.random(in: 1...(bytes.count / 3 + 2), using: &random))
          let piece = Array(bytes[start..<end])
          kernel.after(.milliseconds(delay)) { kernel.send(piece, from: sender.peer) }
          delay += 1
          start = end
        }
      }
      let before = senders.map(\.peer.received.count)
      simulated.settle()
      guard hasSent || before != senders.map(\.peer.received.count) else { return }
    }
    Issue.record("the exchange does not end")
  }

  @Test(arguments: 0..<40 as Range<UInt64>)
  func everyRequestIsAnsweredOnceAndInOrder(_ seed: UInt64) throws {
    let context = try Certificates.ecdsa.context()
    var random = SeededGenerator(seed: seed ^ 0x7154)
    let isBehindProxy = random.happens(onceIn: 2)
    let simulated = try SimulatedServer(
      seed: seed, behindProxies: isBehindProxy ? "192.0.2.1" : nil, tls: context)
    var senders: [Sender] = []
    for number in 0..<4 {
      let bodies = (0..<3).map { index in
        Array(
          repeating: UInt8(97 + index),
          count: Int.random(in: 0...(number == 0 ? 40_000 : 400), using: &random))
      }
      let requests = bodies.map { body in
        Array("POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.count)\r\n\r\n".utf8) + body
      }
      let settings = random.happens(onceIn: 2) ? Client.Settings.tls12 : .tls13
      let peer = simulated.kernel.connect()
      if isBehindProxy {
        simulated.kernel.send(Array("PROXY TCP4 203.0.113.9 192.0.2.9 1 2\r\n".utf8), from: peer)
      }
      senders.append(Sender(peer: peer, client: try #require(Client(settings)), requests: requests))
    }
    run(senders, on: simulated, &random)
    for sender in senders {
      let text = String(decoding: sender.answers, as: UTF8.self)
      let answers = text.split(separator: "HTTP/1.1 200 OK\r\n")
      #expect(answers.count == sender.requests.count, "seed \(seed)")
      for (answer, request) in zip(answers, sender.requests) {
        let body = String(decoding: request, as: UTF8.self).split(separator: "\r\n\r\n", maxSplits: 1)
          .dropFirst()
        #expect(answer.hasSuffix("\r\n\r\n" + (body.first ?? "")), "seed \(seed)")
        #expect(answer.contains(isBehindProxy ? "Client: 203.0.113.9" : "Client: 192.0.2.1"))
      }
    }
    simulated.end()
    #expect(simulated.kernel.openDescriptors == 0, "seed \(seed)")
  }

  private func server(_ limits: ServerLimits = ServerLimits()) throws -> SimulatedServer {
    try SimulatedServer(seed: 1, faults: .none, limits: limits, tls: Certificates.ecdsa.context())
  }

  @Test func unfinishedHandshakesTimeOut() throws {
    let simulated = try server()
    let started = simulated.kernel.monotonicTime
    let client = try #require(Client())
    _ = client.handshake()
    let hello = client.takeOutgoing()
    let peers = [hello.prefix(0), hello.prefix(50), hello[...]].map { bytes in
      let peer = simulated.kernel.connect()
      simulated.kernel.send(bytes, from: peer)
      return peer
    }
    simulated.turn { simulated.kernel.openDescriptors == 1 }
    #expect(peers.map(\.sawEnd) == [true, true, true])
    #expect(simulated.kernel.monotonicTime - started <= ServerLimits().handshakeTimeout + .seconds(1))
    simulated.end()
  }

  @Test func aRequestInTheClearIsAnsweredInTheClear() throws {
    let simulated = try server()
    let peer = simulated.exchange(Self.get)
    #expect(peer.statuses == [400] && peer.sawEnd)
    simulated.end()
  }

  @Test func aClientThatIsRefusedGetsItsAlertAndThenTheEnd() throws {
    let simulated = try server()
    let client = try #require(Client(Client.Settings(protocols: ["h2"])))
    _ = client.handshake()
    let peer = simulated.kernel.connect()
    simulated.kernel.send(client.takeOutgoing(), from: peer)
    simulated.settle()
    client.receive(peer.received)
    guard case .failed = client.handshake() else {
      Issue.record("the handshake was not refused")
      return
    }
    #expect(peer.sawEnd)
    simulated.kernel.endSending(from: peer)
    simulated.settle()
    #expect(simulated.kernel.openDescriptors == 1)
    simulated.end()
  }

  /// Only clients that connect after a reload get the new certificate.
  @Test func aReloadAffectsNewConnectionsOnly() throws {
    let simulated = try server()
    var random = SeededGenerator(seed: 1)
    func sender() throws -> Sender {
      let client = try #require(Client())
      return Sender(peer: simulated.kernel.connect(), client: client, requests: [Array(Self.get.utf8)])
    }
    let first = try sender()
    run([first], on: simulated, &random)
    simulated.show(try Certificates.rsa.context())
    first.client.write(Array(Self.get.utf8))
    let second = try sender()
    run([first, second], on: simulated, &random)
    #expect(String(decoding: first.answers, as: UTF8.self).components(of: "200 OK") == 2)
    #expect(String(decoding: second.answers, as: UTF8.self).components(of: "200 OK") == 1)
    #expect(first.client.peerKeyBits == 256 && second.client.peerKeyBits == 2048)
    simulated.end()
  }
}

extension String {
  fileprivate func components(of text: String) -> Int { ranges(of: text).count }
}
