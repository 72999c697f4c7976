import EventLoop
import HTTPServer
import Simulation
import TLSClient
import Testing
@testable import Time

/// The share of loop and memory that one connection may take.
@Suite struct FairnessTests {
  private static let get = "GET /0 HTTP/1.1\r\nHost: a\r\n\r\n"
  private static let slow = "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n"

  private func post(_ length: Int) -> String {
    "POST /0 HTTP/1.1\r\nHost: a\r\nContent-Length: \(length)\r\n\r\n" + String(repeating: "x", count: length)
  }

  /// Each request takes 50 ms of processor time.
  @Test func pipelinedRequestsYieldToOtherConnections() throws {
    let simulated = try SimulatedServer.withoutFaults()
    let greedy = simulated.kernel.connect()
    simulated.kernel.send(Array(String(repeating: Self.slow, count: 100).utf8), from: greedy)
    simulated.turn { greedy.statuses.count > 1 }
    let honest = simulated.kernel.connect()
    simulated.kernel.send(Array(Self.get.utf8), from: honest)
    let (before, start) = (greedy.statuses.count, simulated.kernel.monotonicTime)
    simulated.turn { !honest.statuses.isEmpty }
    #expect(greedy.statuses.count - before <= 3)
    #expect(simulated.kernel.monotonicTime - start <= .milliseconds(150))
    simulated.turn { greedy.statuses.count == 100 }
    simulated.end()
  }

  /// A large response is sent in turns too.
  @Test func largeResponsesAreSentInPieces() throws {
    let simulated = try SimulatedServer.withoutFaults()
    let reader = simulated.exchange("GET /large HTTP/1.1\r\nHost: a\r\n")
    simulated.kernel.send(Array("\r\n".utf8), from: reader)
    var largest = 0
    var received = 0
    simulated.turn {
      largest = max(largest, reader.received.count - received)
      received = reader.received.count
      return received > EchoHandler.largeAnswer
    }
    #expect(largest <= 128 * 1024, "so many bytes went in one turn")
    simulated.end()
  }

  /// A hostile client sends nothing but TLS key updates.
  @Test func keyUpdatesWithoutDataCloseTheConnection() throws {
    let simulated = try SimulatedServer(seed: 1, faults: .none, tls: Certificates.ecdsa.context())
    let client = try #require(Client(.tls13))
    let peer = simulated.kernel.connect()
    var consumed = 0
    while client.handshake() != .complete {
      simulated.kernel.send(client.takeOutgoing(), from: peer)
      simulated.settle()
      client.receive(peer.received[consumed...])
      consumed = peer.received.count
    }
    client.write(Array("GET /0 HTTP/1.1\r\n".utf8))
    client.updateKeys(5000)
    let started = simulated.kernel.monotonicTime
    simulated.kernel.send(client.takeOutgoing(), from: peer)
    simulated.settle()
    #expect(peer.sawEnd && simulated.kernel.monotonicTime == started)
    #expect(peer.received.count - consumed < 10_000, "each one is answered")
    #expect(simulated.failures == [.tooManyEmptyRecords])
    simulated.end()
  }

  // MARK: - Readers that do not read

  private func server(bytesInFlight: Int) throws -> SimulatedServer {
    var limits = ServerLimits()
    limits.maxBytesInFlight = bytesInFlight
    return try SimulatedServer.withoutFaults(limits)
  }

  /// Requests an echo of its own body, and reads nothing of it.
  private func unread(_ length: Int, from simulated: SimulatedServer) -> SimulatedPeer {
    let peer = simulated.kernel.connect(room: 0)
    simulated.kernel.send(Array(post(length).utf8), from: peer)
    simulated.settle()
    return peer
  }

  @Test func unreadResponsesAreEvictedForRequests() throws {
    let simulated = try server(bytesInFlight: 3000)
    let readers = (0..<3).map { _ in unread(800, from: simulated) }
    let bodies = (0..<3).map { _ in simulated.exchange(post(900)) }
    #expect(bodies.map(\.statuses) == [[200], [200], [200]])
    #expect(readers.map(\.sawEnd) == [true, false, false], "the oldest is enough, for the bodies have left")
    simulated.end()
    #expect(simulated.kernel.openDescriptors == 0)
  }

  /// Transfers older than the minimum age are compared by their rate.
  @Test func theSlowestReaderIsEvictedFirst() throws {
    let simulated = try server(bytesInFlight: 3000)
    let readers = (0..<3).map { _ in unread(800, from: simulated) }
    for (index, bytes) in [500, 10, 300].enumerated() {
      simulated.kernel.after(.seconds(3)) { [kernel = simulated.kernel] in
        kernel.read(bytes, by: readers[index])
      }
    }
    simulated.settle()
    #expect(simulated.exchange(post(900)).statuses == [200])
    #expect(readers.map(\.sawEnd) == [false, true, false])
    simulated.end()
  }

  /// A pending response is in memory once.
  @Test func allMemoryOfAResponseIsCounted() throws {
    let simulated = try server(bytesInFlight: 2 * EchoHandler.largeAnswer + 10_000)
    let readers = (0..<3).map { _ in
      let peer = simulated.kernel.connect(room: 0)
      simulated.kernel.send(Array("GET /large HTTP/1.1\r\nHost: a\r\n\r\n".utf8), from: peer)
      simulated.settle()
      return peer
    }
    #expect(readers.map(\.sawEnd) == [true, false, false])
    simulated.end()
  }
}
