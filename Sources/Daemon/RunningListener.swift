internal import ClientAddress
internal import EventLoop
internal import HTTPServer
internal import System
internal import TLS

/// A running listener: a loop, its thread, and a server at one or more addresses.
struct RunningListener {
  let loop: EventLoop
  private let server: Server
  let name: String
  private let thread: Thread

  /// Runs `loop`, on which `server` was started.
  init(named name: String, server: Server, loop: EventLoop) throws(SystemError) {
    self.loop = loop
    self.name = name
    self.server = server
    thread = try Thread(named: name) { loop.run() }
  }

  /// Uses `tls` for new connections.
  func show(_ tls: TLSContext) {
    loop.start { [server] in await server.show(tls) }
  }

  /// Uses other limits from now on.
  func show(_ limits: ServerLimits) {
    loop.start { [server] in await server.show(limits) }
  }

  /// Ends the streams that are open, and serves on.
  func restartStreams() {
    loop.start { [server] in await server.restartStreams() }
  }

  func drain() {
    loop.start { [server] in await server.drain() }
  }

  /// Ends its streams; other requests are served as before.
  func endStreams() {
    loop.start { [server] in await server.endStreams() }
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
