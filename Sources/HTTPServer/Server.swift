package import ClientAddress
package import EventLoop
internal import HTTPWire
package import System
package import TLS
internal import Time

/// An HTTP/1.1 server on one loop, with one task per connection.
///
/// It knows nothing of the application; a ``RequestHandler`` does.
package actor Server {
  private nonisolated let loop: EventLoop
  private let context: ServerContext
  private var sockets: [ServerSocket] = []
  private var listeners: [Listener] = []

  package nonisolated var unownedExecutor: UnownedSerialExecutor {
    loop.asUnownedSerialExecutor()
  }

  /// - Parameters:
  ///   - handler: moves to the loop, and is used nowhere else.
  ///   - trustedProxies: their PROXY headers are accepted, and their connections are not counted by address.
  ///   - tls: the context of listeners that use TLS; without it those serve nothing.
  package init(
    loop: EventLoop, limits: ServerLimits, handler: sending any RequestHandler,
    trustedProxies: TrustedProxies = .none, tls: TLSContext? = nil
  ) {
    self.loop = loop
    context = ServerContext(loop: loop, limits: limits, handler: handler, trustedProxies: trustedProxies)
    context.tls = tls
  }

  /// Serves `sockets` until ``drain()`` and until the last connection has ended.
  ///
  /// Takes ownership of the sockets. Call it once, from a task of the loop.
  ///
  /// - Returns: the number of complete requests that ``abort()`` cut.
  package func run(listeningOn sockets: [ServerSocket]) async throws(SystemError) -> Int {
    self.sockets = sockets
    for socket in sockets { listeners.append(try Listener(adopting: socket.descriptor, on: loop)) }
    await withDiscardingTaskGroup { group in
      for index in listeners.indices { group.addTask { await self.serveListener(index) } }
    }
    return context.cutRequests
  }

  /// Starts a graceful shutdown. Idempotent.
  ///
  /// Stops accepting, closes idle connections, and lets the others finish their request.
  package func drain() {
    context.drain()
    for listener in listeners { loop.interrupt(listener.waitHandle) }
  }

  /// Ends streams before the shutdown, and serves other requests on. Idempotent.
  package func endStreams() {
    context.endStreams()
  }

  /// Ends the streams that are open. Their clients may open new ones.
  package func restartStreams() { context.restartStreams() }

  /// Uses other limits from now on. Connections that are open are not closed for them.
  package func show(_ limits: ServerLimits) { context.limits = limits }

  /// Closes every connection at once. What a handler has committed stays committed.
  package func abort() {
    context.abort()
    for listener in listeners { loop.interrupt(listener.waitHandle) }
  }

  /// Uses `tls` for new connections; open connections keep their context.
  package func show(_ tls: TLSContext) {
    context.tls = tls
  }
}

// MARK: - Accepting

extension Server {
  /// Returns once the server drains and the last connection of this listener has ended.
  private func serveListener(_ index: Int) async {
    let listener = listeners[index]
    await withDiscardingTaskGroup { group in
      await accept(from: listener, for: sockets[index], into: &group)
      listener.close()
    }
  }

  private func accept(
    from listener: Listener, for socket: ServerSocket, into group: inout DiscardingTaskGroup
  ) async {
    var acceptedThisTurn = 0
    while context.phase == .serving {
      switch listener.accept() {
      case .accepted(let descriptor, let peer):
        group.addTask { await self.serve(descriptor, from: peer, through: socket) }
        acceptedThisTurn += 1
        if acceptedThisTurn == context.limits.maxOperationsPerTurn {
          acceptedThisTurn = 0
          _ = await loop.sleep(listener.waitHandle, until: loop.now)
        }
      case .wouldBlock:
        acceptedThisTurn = 0
        _ = await listener.acceptable(until: MonotonicTime(nanoseconds: .max))
      case .aborted:
        continue
      case .exhausted(let error), .failed(let error):
        context.noteAcceptError(error)
        // An evicted connection releases its descriptor in the next turn. Where none was evicted, retrying at
        // once would spin: no event reports that a descriptor became free.
        let pause = context.evictOne() ? .zero : context.limits.acceptBackoff
        _ = await loop.sleep(listener.waitHandle, until: loop.now + pause)
      }
    }
  }

  private func serve(_ descriptor: Int32, from address: SocketAddress, through socket: ServerSocket) async {
    let peer = Peer(address, trusting: context.trustedProxies)
    // A socket that cannot be watched is closed already; its peer sees that, and retries.
    guard let connection = try? Connection(adopting: descriptor, from: peer, context: context) else { return }
    await connection.serve(as: socket)
  }
}
