import Foundation
import LiveDaemon

/// A TCP relay before a server, which delays bytes and cuts connections.
///
/// `@unchecked Sendable`: the state is behind locks.
package final class TCPRelay: @unchecked Sendable {
  package enum Side: Sendable {
    case client, server
  }

  /// When a connection is cut: both its sockets are closed at once.
  package enum Cut: Sendable {
    /// After `count` bytes of `side` were forwarded.
    case afterBytes(Int, from: Side)
    /// When `text` comes from `side`; it is not forwarded.
    ///
    /// `.onText("COMMIT", from: .server)` cuts where the commit is done and the client does not learn of it.
    case onText(String, from: Side)
  }

  private struct State {
    var cut: Cut?
    var delay = Duration.zero
    var isFrozen = false
    var isClosed = false
    var cutCount = 0
    var forwarded: [Side: Int] = [:]
    var sockets: Set<Int32> = []
  }

  package let port: Int
  private let targetPort: Int
  private let listener: Int32
  private let state = Guarded(State())

  package init(before targetPort: Int, delay: Duration = .zero) throws {
    self.targetPort = targetPort
    port = try FreePort.find()
    listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var (address, isOn) = (FreePort.loopback(port: port), Int32(1))
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &isOn, socklen_t(MemoryLayout<Int32>.size))
    let isBound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
    guard isBound, listen(listener, 64) == 0 else { throw Unusable("the relay cannot listen") }
    state.withLock { $0.delay = delay }
    Self.accept(at: listener, targetPort: targetPort, state)
  }

  deinit { close() }

  package func url(database: String = "postgres") -> String {
    "postgresql://\(PostgreSQLServer.user)@127.0.0.1:\(port)/\(database)"
  }

  /// The next cut. It is made once.
  package func cutNext(_ cut: Cut?) {
    state.withLock { state in
      state.cut = cut
      state.forwarded = [:]
    }
  }

  /// How many connections ``cutNext(_:)`` has cut.
  package var cutCount: Int { state.withLock { $0.cutCount } }

  /// Bytes forwarded from `side` since the last ``cutNext(_:)``.
  package func forwardedBytes(from side: Side) -> Int { state.withLock { $0.forwarded[side] ?? 0 } }

  /// The delay of every piece, in each direction.
  package func setDelay(_ delay: Duration) { state.withLock { $0.delay = delay } }

  /// Forwards nothing while it is on, and keeps the connections.
  package func setFrozen(_ isFrozen: Bool) { state.withLock { $0.isFrozen = isFrozen } }

  /// Cuts all connections.
  package func cutAll() {
    state.withLock { state in for socket in state.sockets { shutdown(socket, Int32(SHUT_RDWR)) } }
  }

  /// Cuts all connections and accepts no more.
  package func close() {
    let isFirst = state.withLock { state in
      defer { state.isClosed = true }
      return !state.isClosed
    }
    guard isFirst else { return }
    shutdown(listener, Int32(SHUT_RDWR))
    cutAll()
  }

  private static func accept(at listener: Int32, targetPort: Int, _ state: Guarded<State>) {
    Thread.detachNewThread {
      // Ends when the listener is shut down.
      while true {
        let client = Foundation.accept(listener, nil, nil)
        guard client >= 0 else { break }
        _ = fcntl(client, F_SETFD, FD_CLOEXEC)
        serve(client, targetPort: targetPort, state)
      }
      Foundation.close(listener)
    }
  }

  private static func serve(_ client: Int32, targetPort: Int, _ state: Guarded<State>) {
    let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = FreePort.loopback(port: targetPort)
    let isConnected = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(server, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
    guard isConnected else {
      Foundation.close(client)
      Foundation.close(server)
      return
    }
    var isOn: Int32 = 1
    for socket in [client, server] {
      setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &isOn, socklen_t(MemoryLayout<Int32>.size))
    }
    state.withLock { $0.sockets.formUnion([client, server]) }
    let open = Guarded(2)
    for (side, source, target) in [(Side.client, client, server), (.server, server, client)] {
      Thread.detachNewThread {
        Self.forward(from: source, to: target, side, state)
        for socket in [source, target] { shutdown(socket, Int32(SHUT_RDWR)) }
        let isLast = open.withLock { open in
          open -= 1
          return open == 0
        }
        guard isLast else { return }
        state.withLock { $0.sockets.subtract([client, server]) }
        Foundation.close(client)
        Foundation.close(server)
      }
    }
  }

  private static func forward(from source: Int32, to target: Int32, _ side: Side, _ state: Guarded<State>) {
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = read(source, &buffer, buffer.count)
      guard count > 0 else { return }
      let delay = state.withLock { $0.delay }
      if delay > .zero { usleep(useconds_t(delay / .microseconds(1))) }
      while state.withLock({ $0.isFrozen && !$0.isClosed }) { usleep(1000) }
      // What is held at the end is lost, as with a machine that dies.
      guard !state.withLock({ $0.isClosed }) else { return }
      let (allowed, isCut) = state.withLock { Self.allow(buffer[..<count], side, &$0) }
      var sent = 0
      while sent < allowed {
        let written = buffer.withUnsafeBytes {
          send(target, $0.baseAddress.map { $0 + sent }, allowed - sent, Int32(MSG_NOSIGNAL))
        }
        guard written > 0 else { return }
        sent += written
      }
      if isCut { return }
    }
  }

  /// The number of bytes to forward, and whether to cut then.
  private static func allow(_ bytes: ArraySlice<UInt8>, _ side: Side, _ state: inout State) -> (Int, Bool) {
    let before = state.forwarded[side] ?? 0
    var allowed = bytes.count
    var isCut = false
    switch state.cut {
    case .afterBytes(let limit, from: side) where before + bytes.count >= limit:
      (allowed, isCut) = (max(0, limit - before), true)
    case .onText(let text, from: side):
      if let range = bytes.firstRange(of: Array(text.utf8)) { (allowed, isCut) = (range.lowerBound, true) }
    default: break
    }
    state.forwarded[side] = before + allowed
    if isCut {
      state.cut = nil
      state.cutCount += 1
    }
    return (allowed, isCut)
  }
}
