internal import EventLoop
internal import HTTPServer

/// One listening address with its loop, thread and server.
struct RunningListener {
  private let loop: EventLoop
  private let server: Server
  private let thread: Thread

  /// Serves `descriptor`, a listening socket, from now on. `ended` is called once, on the loop, when the server has ended.
  init(
    named name: String, descriptor: Int32, loop: EventLoop, handler: sending any RequestHandler,
    limits: ServerLimits, ended: @escaping @Sendable (SystemError?) -> Void
  ) throws(SystemError) {
    let server = Server(loop: loop, limits: limits, handler: handler)
    loop.start {
      do throws(SystemError) {
        try await server.run(listeningOn: descriptor)
        ended(nil)
      } catch {
        ended(error)
      }
    }
    self.loop = loop
    self.server = server
    thread = try Thread(named: name) { loop.run() }
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
