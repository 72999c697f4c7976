import EventLoop
import HTTPServer
import HTTPWire
import Simulation
import Testing
@testable import Time

/// Responses, closes and timeouts of one connection, on a simulated clock.
@Suite struct ConnectionTests {
  private static let get = "GET /0 HTTP/1.1\r\nHost: a\r\n\r\n"

  private func server(_ limits: ServerLimits = ServerLimits()) throws -> SimulatedServer {
    try SimulatedServer.withoutFaults(limits)
  }

  private func exchange(_ request: String, with simulated: SimulatedServer) -> SimulatedPeer {
    simulated.exchange(request)
  }

  @Test func pipelinedRequestsAreAnsweredInOrder() throws {
    let simulated = try server()
    let requests = (1...30).map {
      "POST /\($0 % 3) HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n\(1000 + $0)"
    }
    let peer = exchange(requests.joined(), with: simulated)
    let bodies = peer.text.split(separator: "\r\n\r\n").dropFirst().map { $0.prefix(4) }
    #expect(bodies.map(String.init) == (1...30).map { "\(1000 + $0)" })
    #expect(!peer.sawEnd)
    simulated.end()
  }

  @Test(arguments: [
    ("GET /0 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", true), ("GET /0 HTTP/1.0\r\n\r\n", true),
    ("GET /0 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", false), (get, false),
  ])
  func theConnectionClosesWhenTheSenderRequestsIt(_ request: String, _ ends: Bool) throws {
    let simulated = try server()
    let peer = exchange(request, with: simulated)
    #expect(peer.statuses == [200])
    #expect(peer.sawEnd == ends)
    #expect(peer.text.contains("Connection: close") == ends)
    simulated.end()
  }

  @Test func aMalformedRequestGetsOneResponseAndCloses() throws {
    let simulated = try server()
    let peer = exchange("GET /0 HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n" + Self.get + Self.get, with: simulated)
    #expect(peer.statuses == [400])
    #expect(peer.sawEnd && peer.text.contains("Connection: close"))
    simulated.end()
  }

  /// A refusal before a small body of known length keeps the connection.
  @Test(
    arguments: [
      ("GET /refused HTTP/1.1\r\nHost: a\r\n\r\n", [404, 200]),
      ("POST /refused HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", [404, 200]),
      ("POST /refused HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", [404, 200]),
      ("GET /refused HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", [404, 200]),
      ("GET /refused HTTP/1.0\r\n\r\n", [404]),
      ("GET /refused HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", [404]),
      ("POST /refused HTTP/1.1\r\nHost: a\r\nContent-Length: 16385\r\n\r\n", [404]),
      (
        "POST /refused HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", [404]
      ),
      ("POST /refused HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\nx", [404]),
    ] as [(String, [Int])])
  func aRefusalLeavesTheRequestsBehindItAlone(_ refused: String, _ statuses: [Int]) throws {
    for cut in [1, refused.utf8.count - 2, refused.utf8.count] {
      let simulated = try server()
      let peer = simulated.kernel.connect()
      let bytes = Array((refused + Self.get).utf8)
      for piece in [bytes[..<cut], bytes[cut...]] {
        simulated.kernel.send(piece, from: peer)
        simulated.settle()
      }
      #expect(peer.statuses == statuses, "cut at \(cut)")
      #expect(peer.sawEnd == (statuses.count == 1))
      #expect(peer.text.contains("Connection: close") == peer.sawEnd)
      simulated.end()
    }
  }

  @Test func theBodyOfARefusedRequestMustArrive() throws {
    let simulated = try server()
    let peer = exchange("POST /refused HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe", with: simulated)
    #expect(peer.statuses == [404] && !peer.sawEnd)
    simulated.turn { simulated.kernel.openDescriptors == 1 }
    #expect(peer.statuses == [404])
    simulated.end()
  }

  /// Some clients send it after a body (RFC 9112 section 2.2).
  ///
  /// Nothing follows until their next request.
  @Test(arguments: ["\r", "\r\n"])
  func anEmptyLineDoesNotStartARequest(_ line: String) throws {
    let simulated = try server()
    let started = simulated.kernel.monotonicTime
    let peers = (0..<2).map { _ in exchange(Self.get + line, with: simulated) }
    simulated.kernel.after(.seconds(30)) { [kernel = simulated.kernel] in
      kernel.send(Array((line == "\r" ? "\n" : "").utf8) + Array(Self.get.utf8), from: peers[0])
    }
    simulated.turn { peers[1].sawEnd }
    #expect(peers.map(\.statuses) == [[200, 200], [200]])
    #expect(simulated.kernel.monotonicTime - started >= .seconds(74), "as long as any that is idle")
    #expect(exchange("\r\n" + line + "\r\n" + Self.get, with: simulated).statuses == [400])
    simulated.end()
  }

  @Test func aRefusalDoesNotWaitForTheBodyAndIsNotLost() throws {
    let simulated = try server()
    let peer = exchange(
      "POST /refused HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nabc", with: simulated)
    #expect(peer.statuses == [404] && peer.sawEnd)
    // The server lingers, so that the peer gets no reset before it has read the response.
    #expect(simulated.kernel.openDescriptors == 2)
    simulated.kernel.endSending(from: peer)
    simulated.settle()
    #expect(simulated.kernel.openDescriptors == 1)
    simulated.end()
  }

  @Test func aLingeringCloseIsBounded() throws {
    let simulated = try server()
    let started = simulated.kernel.monotonicTime
    _ = exchange("BAD\r\n\r\n", with: simulated)
    simulated.turn { simulated.kernel.openDescriptors == 1 }
    #expect(simulated.kernel.monotonicTime <= started + ServerLimits().lingerTimeout)
    simulated.end()
  }

  @Test(arguments: [
    ("Content-Length: 200001", 413), ("Content-Length: 200000\r\nExpect: a-pony", 417),
    ("Transfer-Encoding: gzip", 501), ("Content-Length: 5\r\nContent-Length: 5", 400),
  ])
  func badFramingIsRefusedBeforeTheBody(_ lines: String, _ status: Int) throws {
    let simulated = try server()
    let peer = exchange("POST /0 HTTP/1.1\r\nHost: a\r\n\(lines)\r\n\r\n", with: simulated)
    #expect(peer.statuses == [status] && peer.sawEnd)
    simulated.end()
  }

  @Test func aSenderThatExpectsContinueGets100IfItsBodyIsAccepted() throws {
    let simulated = try server()
    let head = "HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
    let wanted = exchange("POST /0 \(head)", with: simulated)
    #expect(wanted.text == "HTTP/1.1 100 Continue\r\n\r\n")
    simulated.kernel.send(Array("abc".utf8), from: wanted)
    simulated.settle()
    #expect(wanted.statuses == [200] && wanted.text.hasSuffix("abc"))
    let refused = exchange("POST /refused \(head)", with: simulated)
    #expect(refused.statuses == [404] && !refused.text.contains("100 Continue"))
    simulated.end()
  }

  @Test func aHalfClosedSenderIsStillAnswered() throws {
    let simulated = try server()
    let peer = simulated.kernel.connect()
    simulated.kernel.send(
      Array("POST /3 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi".utf8), from: peer)
    simulated.kernel.endSending(from: peer)
    simulated.settle()
    #expect(peer.statuses == [200] && peer.text.hasSuffix("hi"))
    #expect(peer.sawEnd && simulated.kernel.openDescriptors == 1)
    simulated.end()
  }

  /// Where a sender stops, its statuses, and after how many seconds.
  @Test(
    arguments: [
      ("", [], 10), (get, [200], 75), ("G", [408], 10), ("GET /0 HTTP/1.1\r\nHost: a\r\n", [408], 10),
      ("POST /0 HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc", [408], 11),
      ("POST /0 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab", [408], 11),
    ] as [(String, [Int], Int)])
  func silentSendersTimeOut(_ sent: String, _ statuses: [Int], _ seconds: Int) throws {
    let simulated = try server()
    let started = simulated.kernel.monotonicTime
    let peer = exchange(sent, with: simulated)
    simulated.turn { peer.sawEnd }
    #expect(peer.statuses == statuses)
    let waited = simulated.kernel.monotonicTime - started
    // The turn that responds also waits for the peer to close, which it does not do.
    #expect(waited >= .seconds(seconds - 1) && waited <= .seconds(seconds) + ServerLimits().lingerTimeout)
    simulated.turn { simulated.kernel.openDescriptors == 1 }
    simulated.end()
  }

  /// An occasional byte keeps neither a header section nor a body alive.
  @Test(arguments: [
    "GET /0 HTTP/1.1\r\nHost: a\r\n", "POST /0 HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n",
  ])
  func drippingSendersTimeOut(_ beginning: String) throws {
    let simulated = try server()
    let started = simulated.kernel.monotonicTime
    let peer = exchange(beginning, with: simulated)
    for second in 1..<100 {
      simulated.kernel.after(.seconds(second)) { [kernel = simulated.kernel] in
        kernel.send([0x61], from: peer)
      }
    }
    simulated.turn { peer.sawEnd }
    #expect(peer.statuses == [408])
    #expect(simulated.kernel.monotonicTime - started < .seconds(12))
    simulated.turn { simulated.kernel.openDescriptors == 1 }
    simulated.end()
  }

  @Test func slowButSteadySendersAreServed() throws {
    let simulated = try server()
    let peer = exchange("POST /0 HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n", with: simulated)
    for second in 1...40 {
      simulated.kernel.after(.seconds(second)) { [kernel = simulated.kernel] in
        kernel.send(Array(repeating: 0x61, count: 5000), from: peer)
      }
    }
    simulated.turn { !peer.received.isEmpty }
    #expect(peer.statuses == [200])
    simulated.end()
  }

  @Test func acceptingPausesWhenDescriptorsRunOutAndResumes() throws {
    var faults = SimulatedKernel.Faults()
    faults.acceptExhausted = 2
    let simulated = try SimulatedServer(seed: 3, faults: faults)
    let peers = (0..<20).map { _ in simulated.kernel.connect() }
    for peer in peers { simulated.kernel.send(Array(Self.get.utf8), from: peer) }
    simulated.turn { peers.allSatisfy { $0.statuses == [200] } }
    simulated.end()
  }

  @Test func aConnectionIsClosedAfterItsLastRequest() throws {
    var limits = ServerLimits()
    limits.maxRequestsPerConnection = 3
    let simulated = try server(limits)
    let peer = exchange(String(repeating: Self.get, count: 5), with: simulated)
    #expect(peer.statuses == [200, 200, 200] && peer.sawEnd)
    simulated.end()
  }

  @Test func drainingWaitsAMomentForTheFirstRequestOfAnAcceptedConnection() throws {
    let simulated = try server()
    let (quick, silent) = (exchange("", with: simulated), exchange("", with: simulated))
    let started = simulated.kernel.monotonicTime
    simulated.kernel.after(.milliseconds(500)) { [kernel = simulated.kernel] in
      kernel.send(Array(Self.get.utf8), from: quick)
      kernel.endSending(from: quick)
    }
    simulated.end()
    #expect(quick.statuses == [200] && quick.text.contains("Connection: close"))
    #expect(silent.statuses.isEmpty && silent.sawEnd)
    #expect(simulated.kernel.monotonicTime - started <= .seconds(1))
  }

  @Test func drainingFinishesRequestsInFlightAndClosesIdleConnections() throws {
    let simulated = try server()
    let idle = exchange(Self.get, with: simulated)
    let halfway = exchange("POST /3 HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab", with: simulated)
    simulated.kernel.after(.seconds(1)) { [kernel = simulated.kernel] in
      kernel.send(Array("cd".utf8), from: halfway)
      kernel.endSending(from: halfway)
    }
    simulated.end()
    #expect(idle.sawEnd && idle.statuses == [200])
    #expect(
      halfway.statuses == [200] && halfway.text.contains("Connection: close")
        && halfway.text.hasSuffix("abcd"))
    #expect(simulated.kernel.openDescriptors == 0)
  }
}
