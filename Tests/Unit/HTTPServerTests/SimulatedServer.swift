import ClientAddress
import EventLoop
import HTTPServer
import Simulation
import Synchronization
@testable import System
import TLS
import Testing

/// A server on a simulated kernel, driven turn by turn.
final class SimulatedServer {
  let kernel: SimulatedKernel
  let loop: EventLoop
  /// What the streaming routes have seen.
  let streams = StreamProbe()
  private let server: Server
  private let hasEnded = Flag()

  private final class Flag: Sendable {
    let value = Atomic(false)
    let cutRequests = Atomic(0)
    let failures = Mutex<[ConnectionFailure]>([])
  }

  init(
    seed: UInt64, faults: SimulatedKernel.Faults = SimulatedKernel.Faults(),
    limits: ServerLimits = ServerLimits(), behindProxies proxies: String? = nil, tls: TLSContext? = nil
  ) throws {
    kernel = SimulatedKernel(seed: seed, faults: faults)
    loop = EventLoop(kernel: kernel)
    server = Server(
      loop: loop, limits: limits,
      handler: EchoHandler(
        loop: loop, streams: streams,
        failed: { [hasEnded] failure in hasEnded.failures.withLock { $0.append(failure) } }),
      trustedProxies: try TrustedProxies(parsing: proxies ?? ""), tls: tls)
    let descriptor = try kernel.listen(on: .ipv4(host: "127.0.0.1", port: 80), mode: nil, backlog: 8)
      .descriptor
    loop.start { [server, hasEnded] in
      do throws(SystemError) {
        let socket = ServerSocket(
          descriptor: descriptor, expectsProxyHeader: proxies != nil, usesTLS: tls != nil)
        let cut = try await server.run(listeningOn: [socket])
        hasEnded.cutRequests.store(cut, ordering: .relaxed)
      } catch { Issue.record(error) }
      hasEnded.value.store(true, ordering: .relaxed)
    }
    settle()
  }

  /// Creates a server on a kernel without faults.
  ///
  /// - Parameter proxies: the proxies trusted to send a PROXY header; nil for connections without one.
  static func withoutFaults(
    _ limits: ServerLimits = ServerLimits(), behindProxies proxies: String? = nil
  ) throws -> SimulatedServer {
    try SimulatedServer(seed: 1, faults: .none, limits: limits, behindProxies: proxies)
  }

  /// Connects, sends `request`, and runs until the server is idle.
  func exchange(_ request: String) -> SimulatedPeer {
    let peer = kernel.connect()
    kernel.send(Array(request.utf8), from: peer)
    settle()
    return peer
  }

  /// The connection failures so far.
  var failures: [ConnectionFailure] { hasEnded.failures.withLock { $0 } }

  var isOver: Bool { hasEnded.value.load(ordering: .relaxed) }

  /// Runs turns until only deadlines are left.
  func settle() {
    repeat {
      repeat { loop.turn(waits: false) } while loop.isBusy || kernel.hasReports
      guard !kernel.isQuiet else { return }
      loop.turn()
    } while true
  }

  func turn(atMost limit: Int = 200_000, until condition: () -> Bool) {
    var turns = 0
    while !condition() {
      turns += 1
      guard turns < limit else {
        Issue.record("still not there after \(limit) turns")
        return
      }
      loop.turn()
    }
  }

  /// Drains, and runs turns until the server has ended.
  func end() {
    loop.start { [server] in await server.drain() }
    turn { isOver }
  }

  /// Replaces the TLS context for new connections.
  func show(_ tls: TLSContext) {
    loop.start { [server] in await server.show(tls) }
    settle()
  }

  /// Begins to drain, and runs turns until only deadlines are left.
  func drain() {
    startDraining()
    settle()
  }

  /// Ends streams while the server serves on.
  func endStreams() {
    loop.start { [server] in await server.endStreams() }
    settle()
  }

  func startDraining() {
    loop.start { [server] in await server.drain() }
  }

  /// Aborts, and runs turns until the server has ended.
  ///
  /// - Returns: the number of complete requests that were cut.
  func abort() -> Int {
    loop.start { [server] in await server.abort() }
    turn { isOver }
    return hasEnded.cutRequests.load(ordering: .relaxed)
  }
}

extension SimulatedPeer {
  /// The status codes of the responses so far.
  ///
  /// No body may contain a status line.
  var statuses: [Int] {
    String(decoding: received, as: UTF8.self).split(separator: "HTTP/1.1 ").dropFirst(0)
      .compactMap { Int($0.prefix(3)) }.filter { $0 != 100 }
  }

  var text: String { String(decoding: received, as: UTF8.self) }
}
