internal import ClientAddress
internal import EventLoop
internal import HTTPServer
internal import System
internal import TLS

/// What listens for one purpose, at one or more addresses: a loop, its thread and a server.
struct RunningListener {
  private let loop: EventLoop
  private let server: Server
  private let thread: Thread

  /// Serves `sockets` from now on. `ended` is called once, on the loop, when the server has ended.
  init(
    named name: String, sockets: [ServerSocket], loop: EventLoop, handler: sending any RequestHandler,
    limits: ServerLimits, trustedProxies: TrustedProxies, tls: TLSContext?,
    ended: @escaping @Sendable (ServerEnd) -> Void
  ) throws(SystemError) {
    let server = Server(
      loop: loop, limits: limits, handler: handler, trustedProxies: trustedProxies, tls: tls)
    loop.start {
      do throws(SystemError) {
        ended(ServerEnd(cutRequests: try await server.run(listeningOn: sockets)))
      } catch {
        ended(ServerEnd(error: error))
      }
    }
    self.loop = loop
    self.server = server
    thread = try Thread(named: name) { loop.run() }
  }

  /// Shows `tls` to connections from now on.
  func show(_ tls: TLSContext) {
    loop.start { [server] in await server.show(tls) }
  }

  func drain() {
    loop.start { [server] in await server.drain() }
  }

  func abort() {
    loop.start { [server] in await server.abort() }
  }

  /// Ends the loop and its thread.
  func stop() {
    loop.stop()
    thread.join()
  }
}

/// How a server has ended.
struct ServerEnd: Sendable {
  /// Nil unless an error was the reason.
  var error: SystemError?
  /// Requests that had come whole and were not answered.
  var cutRequests = 0
}
