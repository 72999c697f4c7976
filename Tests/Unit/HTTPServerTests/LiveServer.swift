import ClientAddress
import EventLoop
import HTTPServer
import System
import Synchronization
import Testing

/// A server on the kernel's sockets, on a thread of its own.
final class LiveServer {
  /// To be read after ``stop()``.
  let streams = StreamProbe()
  let port: UInt16
  private let loop: EventLoop
  private let server: Server
  private let thread: Thread

  init(_ limits: ServerLimits = ServerLimits()) throws {
    let kernel = try LinuxKernel()
    let listener = try kernel.listen(on: .ipv4(host: "127.0.0.1", port: 0), mode: nil, backlog: 64)
    guard case .ipv4(_, let port) = listener.bound else { throw LiveClient.Failure() }
    let loop = EventLoop(kernel: kernel)
    let server = Server(
      loop: loop, limits: limits, handler: EchoHandler(loop: loop, streams: streams, failed: { _ in }))
    loop.start {
      do throws(SystemError) {
        _ = try await server.run(listeningOn: [ServerSocket(descriptor: listener.descriptor)])
      } catch { Issue.record(error) }
      loop.stop()
    }
    (self.port, self.loop, self.server) = (port, loop, server)
    thread = try Thread(named: "live-server") { loop.run() }
  }

  /// Drains, and waits until the last connection has ended.
  func stop() {
    loop.start { [server] in await server.drain() }
    thread.join()
  }

  /// The response to one request, on a connection of its own.
  func get(_ path: String) throws -> String {
    let client = try LiveClient(to: port)
    try client.send(Array("GET \(path) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".utf8))
    var response: [UInt8] = []
    while let bytes = try client.receive() { response += bytes }
    return String(decoding: response, as: UTF8.self)
  }

  /// Waits until so many streams are open.
  func wait(forOpenStreams count: Int) throws {
    for _ in 0..<10_000 where try !get("/stream/open").hasSuffix("\r\n\r\n\(count)") {}
    #expect(try get("/stream/open").hasSuffix("\r\n\r\n\(count)"))
  }
}
