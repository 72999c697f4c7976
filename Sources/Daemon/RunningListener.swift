internal import ClientAddress
internal import EventLoop
internal import HTTPServer
internal import System
internal import TLS

/// A running listener: a loop, its thread, and a server at one or more addresses.
struct RunningListener {
  private let loop: EventLoop
  private let server: Server
  private let thread: Thread

  /// Runs `loop`, on which `server` was started.
  init(named name: String, server: Server, loop: EventLoop) throws(SystemError) {
    self.loop = loop
    self.server = server
    thread = try Thread(named: name) { loop.run() }
  }

  /// Uses `tls` for new connections.
  func show(_ tls: TLSContext) {
    loop.start { [server] in await server.show(tls) }
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

/// The end of a server.
struct ServerEnd: Sendable {
  /// The error that ended it; nil after a shutdown.
  var error: SystemError?
  /// The number of complete requests that were cut before their response.
  var cutRequests = 0
}
