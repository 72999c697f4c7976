package import EventLoop
internal import HTTPWire

/// An HTTP/1.1 server on one loop: accepts connections, and serves each in a task of its own.
///
/// It knows nothing of what it serves; a ``RequestHandler`` does.
package actor Server {
  private nonisolated let loop: EventLoop
  private let context: ServerContext
  private var listenerPlace: Waiter?

  package nonisolated var unownedExecutor: UnownedSerialExecutor {
    loop.asUnownedSerialExecutor()
  }

  /// - Parameter handler: moves to the loop, and is used nowhere else.
  package init(loop: EventLoop, limits: ServerLimits, handler: sending any RequestHandler) {
    self.loop = loop
    context = ServerContext(loop: loop, limits: limits, handler: handler)
  }

  /// Serves `descriptor`, a listening socket that is now the server's, until ``drain()`` and until the last connection
  /// has ended. Call it once, from a task of the loop.
  package func run(listeningOn descriptor: Int32) async throws(SystemError) {
    let listener = try Listener(adopting: descriptor, on: loop)
    listenerPlace = listener.waitingPlace
    await withDiscardingTaskGroup { group in
      await accept(from: listener, into: &group)
      listenerPlace = nil
    }
  }

  /// Stops accepting, closes idle connections, lets the others finish their request. Idempotent.
  package func drain() {
    context.drain()
    if let listenerPlace { loop.interrupt(listenerPlace) }
  }

  /// Ends every connection where it stands. What a handler has committed stays committed.
  package func abort() {
    context.abort()
    if let listenerPlace { loop.interrupt(listenerPlace) }
  }

  /// Connections that are open.
  package var connectionCount: Int { context.connectionCount }

  private func accept(from listener: borrowing Listener, into group: inout DiscardingTaskGroup) async {
    var acceptedThisTurn = 0
    while context.phase == .serving {
      switch listener.accept() {
      case .accepted(let descriptor, let peer):
        group.addTask { await self.serve(descriptor, from: peer) }
        acceptedThisTurn += 1
        if acceptedThisTurn == context.limits.turnBudget {
          acceptedThisTurn = 0
          _ = await loop.sleep(listener.waitingPlace, until: loop.now)
        }
      case .wouldBlock:
        acceptedThisTurn = 0
        _ = await listener.acceptable(until: MonotonicTime(nanoseconds: .max))
      case .aborted:
        continue
      case .exhausted, .failed:
        // Trying again at once would spin: nothing changes until a connection ends, and no event tells when.
        _ = await loop.sleep(listener.waitingPlace, until: loop.now + context.limits.acceptPause)
      }
    }
  }

  private func serve(_ descriptor: Int32, from peer: SocketAddress) async {
    // A socket that cannot be watched was closed by the attempt: its peer sees that, and tries again.
    guard let connection = try? Connection(adopting: descriptor, peer: peer, context: context) else { return }
    if context.connectionCount < context.limits.connections {
      await connection.serve()
    } else {
      await connection.turnAway(with: context.handler.refuse(.tooManyConnections, from: peer))
    }
  }
}
