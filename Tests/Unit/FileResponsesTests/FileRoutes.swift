import EventLoop
@testable import FileResponses
import Foundation
import HTTPServer
import HTTPWire
import LiveDaemon
import Routing
import Synchronization
import System

/// A server of the files in a temporary folder, on the kernel's sockets and a thread of its own.
final class FileRoutes {
  static let tag = #""0123456789abcdef""#
  let folder: TemporaryFolder
  let port: Int
  private let loop: EventLoop
  private let server: Server
  private let thread: System.Thread
  private let openStreamCount: Shared

  init(_ limits: ServerLimits = ServerLimits(), calls: any FileCalls = LinuxFiles()) throws {
    let kernel = try LinuxKernel()
    let listener = try kernel.listen(on: .ipv4(host: "127.0.0.1", port: 0), mode: nil, backlog: 64)
    guard case .ipv4(_, let port) = listener.bound else { throw Unusable("no port") }
    let (loop, folder, count) = (EventLoop(kernel: kernel), try TemporaryFolder(), Shared())
    let readers = FileReaders(named: "files", threads: 2, calls: calls)
    let server = Server(
      loop: loop, limits: limits,
      handler: Handler(try Self.routes(folder.url.path, readers), openStreams: count))
    loop.start {
      _ = try? await server.run(listeningOn: [ServerSocket(descriptor: listener.descriptor)])
      loop.stop()
    }
    (self.folder, self.port, self.loop, self.server) = (folder, Int(port), loop, server)
    openStreamCount = count
    thread = try System.Thread(named: "file-server") { loop.run() }
  }

  /// The number of responses that are under way.
  var openStreams: Int { openStreamCount.value.load(ordering: .relaxed) }

  /// Drains, and waits until the last connection has ended.
  func stop() {
    loop.start { [server] in await server.drain() }
    thread.join()
  }

  func write(_ bytes: [UInt8], to name: String) throws {
    try Data(bytes).write(to: folder.url.appendingPathComponent(name))
  }

  final class Shared: Sendable { let value = Atomic(0) }

  private static func routes(_ folder: String, _ readers: FileReaders) throws -> RouteTable {
    try RouteTable([
      Route(.get, "/ping", name: "ping", summary: "", access: .open) { _ in
        Response(status: .ok, body: Array("pong".utf8))
      },
      Route(.get, "/files/{name}", name: "file", summary: "", access: .open) {
        (stream: RoutedStream<Void>) in
        let file: OpenedFile
        do throws(SystemError) { file = try await readers.open("\(folder)/\(stream.path["name"])") } catch {
          return stream.refuse(Problem(.notFound, .fileNotFound, "\(error)"))
        }
        let fields = [("Content-Type", "image/png"), ("Cache-Control", "no-cache")]
        do throws(Problem) {
          return try FileResponse(file, tag: Self.tag, fields: fields, readBy: readers)
            .response(to: stream.request.head)
        } catch {
          return stream.refuse(error)
        }
      },
    ])
  }

  private final class Handler: RequestHandler, RefusalHandler {
    private let routes: RouteTable
    private let openStreams: Shared

    init(_ routes: sending RouteTable, openStreams: Shared) {
      (self.routes, self.openStreams) = (routes, openStreams)
    }

    func admit(_ head: RequestHead, from peer: Peer) -> Admission {
      routes.admit(head, from: peer, refusals: self)
    }

    func refuse(_ refusal: Refusal, from peer: Peer) -> Response { Problem(refusal).response }

    func refuse(
      _ problem: Problem, of head: RequestHead, at match: RouteTable.Match?, from peer: Peer
    ) -> Response {
      problem.response
    }

    func observe(_ event: ConnectionEvent) {
      switch event {
      case .streamOpened: openStreams.value.add(1, ordering: .relaxed)
      case .streamClosed: openStreams.value.subtract(1, ordering: .relaxed)
      default: break
      }
    }
  }
}

extension FileRoutes {
  func connect(receiveBuffer: Int32? = nil) throws -> HTTPConnection {
    try HTTPConnection(host: "127.0.0.1", port: port, timeoutSeconds: 20, receiveBuffer: receiveBuffer)
  }

  /// The whole answer to one request, on a connection of its own.
  func answer(
    _ path: String, method: String = "GET", version: String = "1.1", _ fields: [String] = []
  ) throws -> FileAnswer {
    let connection = try connect()
    let lines = ["\(method) \(path) HTTP/\(version)", "Host: a", "Connection: close"] + fields
    try connection.send(Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8))
    return try FileAnswer(connection.receiveAll())
  }
}

/// An answer that ended with its connection.
struct FileAnswer {
  let status: Int
  private let lines: [String]
  let body: [UInt8]

  init(_ bytes: [UInt8]) throws {
    guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else { throw Unusable("no answer") }
    let text = String(decoding: bytes[..<end.lowerBound], as: UTF8.self)
    lines = text.split(separator: "\r\n").map(String.init)
    status = Int(lines[0].split(separator: " ")[1]) ?? 0
    body = Array(bytes[end.upperBound...])
  }

  /// The value of a field; nil where it is absent.
  subscript(name: String) -> String? {
    lines.dropFirst().first { $0.lowercased().hasPrefix(name.lowercased() + ": ") }
      .map { String($0.dropFirst(name.utf8.count + 2)) }
  }
}
