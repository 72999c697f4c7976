import Foundation
import LiveDaemon

/// Three thousand hostile connections, and others that come and go.
///
/// 2,000 are silent or idle, 500 drip a header section, and 500 drip a body. Others connect and reset at
/// once, or send bodies of the maximum size. One thread does all of it, in rounds; closed connections are
/// opened again in the next.
final class Siege: Sendable {
  private struct State {
    var isOver = false
    var rounds = 0
    /// Open connections of each kind after the last round.
    var open: [String: Int] = [:]
    var weakest: String?
    var hasEnded = false
  }

  private struct Kind {
    let name: String
    let count: Int
    /// The first bytes of a connection.
    let opening: [UInt8]
    /// The bytes that it sends in every round.
    let drip: [UInt8]
  }

  private static let kinds = [
    Kind(name: "silent", count: 1000, opening: [], drip: []),
    Kind(
      name: "idle", count: 1000, opening: Array("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n".utf8), drip: []),
    Kind(
      name: "dripping headers", count: 500,
      opening: Array("POST /webhooks/replicate HTTP/1.1\r\nHost: a\r\nX-Long: ".utf8), drip: [0x61]),
    Kind(name: "dripping bodies", count: 500, opening: delivery(of: 100_000), drip: [0x61]),
  ]
  static let size = kinds.map(\.count).reduce(0, +)
  private static let maxBodyBytes = 8 * 1024 * 1024

  private let address: Int
  private let state = Guarded(State())

  init(port: Int) {
    address = port
    Thread.detachNewThread { self.run() }
  }

  /// A kind of which less than half was open in some round.
  ///
  /// Then the siege proves nothing.
  var weakest: String? { state.withLock(\.weakest) }

  func waitUntilComplete() throws {
    try wait("three rounds of the siege") { state.withLock { $0.rounds >= 3 } }
  }

  func end() throws {
    state.withLock { $0.isOver = true }
    try wait("the end of the siege") { state.withLock(\.hasEnded) }
  }

  /// A request with a wrong signature, detected only after its body.
  private static func delivery(of length: Int) -> [UInt8] {
    let mac = String(repeating: "A", count: 43) + "="
    return Array(
      """
      POST /webhooks/replicate HTTP/1.1\r\nHost: a\r\nContent-Length: \(length)\r\nwebhook-id: m\r
      webhook-timestamp: 1700000000\r\nwebhook-signature: v1,\(mac)\r\n\r\n
      """.utf8)
  }
}

// MARK: - The thread

extension Siege {
  private func run() {
    var connections = Self.kinds.map { _ in [Int32]() }
    var large: [(descriptor: Int32, left: Int)] = []
    while !state.withLock(\.isOver) {
      for (index, kind) in Self.kinds.enumerated() { keepUp(kind, &connections[index]) }
      connectAndReset()
      push(&large)
      state.withLock { state in
        state.rounds += 1
        for (index, kind) in Self.kinds.enumerated() where state.rounds > 3 {
          if connections[index].count < kind.count / 2 { state.weakest = kind.name }
        }
      }
      poll(nil, 0, 100)
    }
    for descriptor in connections.flatMap(\.self) + large.map(\.descriptor) { close(descriptor) }
    state.withLock { $0.hasEnded = true }
  }

  /// Drops closed connections, lets the others drip, and opens new ones.
  private func keepUp(_ kind: Kind, _ connections: inout [Int32]) {
    connections.removeAll { descriptor in
      var sink = [UInt8](repeating: 0, count: 4096)
      let received = recv(descriptor, &sink, sink.count, Int32(MSG_DONTWAIT))
      let isOpen = received > 0 || received < 0 && errno == EAGAIN
      if isOpen, send(kind.drip, to: descriptor) >= 0 { return false }
      close(descriptor)
      return true
    }
    while connections.count < kind.count, let descriptor = connect() {
      connections.append(descriptor)
      _ = send(kind.opening, to: descriptor)
    }
  }

  /// Opens connections, and resets each at once.
  private func connectAndReset() {
    for _ in 0..<100 {
      guard let descriptor = connect() else { return }
      var abort = linger(l_onoff: 1, l_linger: 0)
      setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &abort, socklen_t(MemoryLayout<linger>.size))
      close(descriptor)
    }
  }

  /// Sends four bodies of the maximum size at full speed.
  private func push(_ bodies: inout [(descriptor: Int32, left: Int)]) {
    let piece = [UInt8](repeating: 0x61, count: 256 * 1024)
    for index in bodies.indices.reversed() {
      let wanted = min(bodies[index].left, piece.count)
      let sent = wanted > 0 ? send(Array(piece.prefix(wanted)), to: bodies[index].descriptor) : 0
      if sent > 0 { bodies[index].left -= sent }
      var byte: UInt8 = 0
      let answered = recv(bodies[index].descriptor, &byte, 1, Int32(MSG_DONTWAIT))
      guard sent < 0 || answered > 0 || answered < 0 && errno != EAGAIN || answered == 0 else { continue }
      close(bodies[index].descriptor)
      bodies.remove(at: index)
    }
    while bodies.count < 4, let descriptor = connect() {
      bodies.append((descriptor, Self.maxBodyBytes))
      _ = send(Self.delivery(of: Self.maxBodyBytes), to: descriptor)
    }
  }

  /// Returns how many bytes were sent; negative if the connection is closed.
  private func send(_ bytes: [UInt8], to descriptor: Int32) -> Int {
    guard !bytes.isEmpty else { return 0 }
    let sent = Glibc.send(
      descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
    return sent < 0 && errno == EAGAIN ? 0 : sent
  }

  private func connect() -> Int32? {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return nil }
    var target = sockaddr_in()
    target.sin_family = sa_family_t(AF_INET)
    target.sin_port = in_port_t(address).bigEndian
    inet_pton(AF_INET, "127.0.0.1", &target.sin_addr)
    let result = withUnsafeBytes(of: target) { bytes in
      bytes.withMemoryRebound(to: sockaddr.self) {
        Glibc.connect(descriptor, $0.baseAddress, socklen_t(bytes.count))
      }
    }
    if result == 0 { return descriptor }
    close(descriptor)
    return nil
  }
}
