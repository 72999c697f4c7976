import EventLoop
import HTTPServer
import HTTPWire
import Time

/// The streams of a server under test.
///
/// `@unchecked Sendable`: the thread that drives the loop is the only one that uses it.
final class StreamProbe: @unchecked Sendable {
  var open = 0
  /// The requests that wait for signals, in the order in which they came.
  var waiting: [StreamedRequest] = []
  /// The failures that handlers have seen.
  private(set) var failures: [StreamFailure] = []
  private(set) var lastFailure = MonotonicTime(nanoseconds: 0)
  var bytesRead = 0 {
    didSet { mostHeld = max(mostHeld, bytesRead - bytesWritten) }
  }
  /// The most bytes that an echo had read and not written yet.
  private(set) var mostHeld = 0
  var bytesWritten = 0

  func note(_ failure: StreamFailure, at time: MonotonicTime) {
    failures.append(failure)
    lastFailure = time
  }
}

/// Handlers that stream, one for each path below `/stream`.
final class StreamRoutes {
  static let maxBodyBytes = 300_000_000

  let probe: StreamProbe
  private let loop: EventLoop

  init(loop: EventLoop, probe: StreamProbe) {
    self.loop = loop
    self.probe = probe
  }

  func respond(to request: StreamedRequest) async throws(StreamFailure) -> StreamedResponse {
    do throws(StreamFailure) {
      return try await route(request)
    } catch {
      probe.note(error, at: loop.now)
      throw error
    }
  }

  private func route(_ request: StreamedRequest) async throws(StreamFailure) -> StreamedResponse {
    let segments = request.head.target.segments
    let number = segments.count > 2 ? Int(segments[2]) ?? 0 : 0
    switch segments.count > 1 ? segments[1] : "" {
    // Sends the body back while it arrives.
    case "echo":
      return stream(of: nil) { writer throws(StreamFailure) in try await self.echo(request, to: writer) }
    // The same, with a declared length.
    case "sized-echo":
      guard case .length(let length) = request.head.bodyFraming else { return .whole(Response(status: .ok)) }
      return stream(of: length) { writer throws(StreamFailure) in try await self.echo(request, to: writer) }
    case "count":
      var count = 0
      while let piece = try await read(request) { count += piece.count }
      return .whole(Response(status: .ok, body: Array("\(count)".utf8)))
    // Reads on after a failure, which must not look like the end of the body.
    case "again":
      do throws(StreamFailure) {
        while try await read(request) != nil {}
      } catch {
        _ = try await read(request)
      }
      return .whole(Response(status: .ok))
    case "ignore": return .whole(Response(status: .ok))
    case "first":
      let piece = try await read(request)
      return .whole(Response(status: .ok, body: piece ?? []))
    // So many bytes, without a declared length.
    case "bytes":
      return stream(of: nil) { writer throws(StreamFailure) in try await self.write(number, to: writer) }
    // A declared length, and as many bytes as the next segment has.
    case "declared":
      let written = Int(segments.last ?? "") ?? 0
      return stream(of: number) { writer throws(StreamFailure) in try await self.write(written, to: writer) }
    case "no-content":
      return .stream(ResponseHead(status: .noContent)) { writer throws(StreamFailure) in
        try await writer.write([0x78])
      }
    case "abandon":
      return stream(of: nil) { writer throws(StreamFailure) in
        try await writer.write(Array("half".utf8))
        try await writer.flush()
        throw .abandoned
      }
    case "events":
      return stream(of: nil) { writer throws(StreamFailure) in
        try await self.sendEvents(of: request, to: writer)
      }
    // A stream that ignores the shutdown.
    case "stubborn":
      return stream(of: nil) { writer throws(StreamFailure) in while true { _ = try await request.wait() } }
    case "poll":
      probe.waiting.append(request)
      let wake = try await request.wait(until: loop.now + .seconds(30))
      return .whole(Response(status: .ok, body: Array("\(wake)".utf8)))
    // For tests on other threads: wakes all that wait, and shows how many streams are open besides.
    case "signal":
      for request in probe.waiting { request.signal() }
      return .whole(Response(status: .ok))
    case "open": return .whole(Response(status: .ok, body: Array("\(probe.open - 1)".utf8)))
    default: return .whole(Response(status: .notFound))
    }
  }

  private func stream(
    of length: Int?, _ produce: @escaping (ResponseWriter) async throws(StreamFailure) -> Void
  ) -> StreamedResponse {
    .stream(ResponseHead(status: .ok, contentLength: length)) { [probe, loop] writer throws(StreamFailure) in
      do throws(StreamFailure) {
        try await produce(writer)
      } catch {
        probe.note(error, at: loop.now)
        throw error
      }
    }
  }

  private func read(_ request: StreamedRequest) async throws(StreamFailure) -> [UInt8]? {
    let piece = try await request.body.read()
    probe.bytesRead += piece?.count ?? 0
    return piece
  }

  private func echo(_ request: StreamedRequest, to writer: ResponseWriter) async throws(StreamFailure) {
    while let piece = try await read(request) {
      // Not flushed: the next read does that, or the end.
      try await writer.write(piece)
      probe.bytesWritten += piece.count
    }
  }

  /// Writes in pieces of no round size.
  private func write(_ count: Int, to writer: ResponseWriter) async throws(StreamFailure) {
    var rest = count
    while rest > 0 {
      let size = min(rest, 10_007)
      try await writer.write(Array(repeating: 0x78, count: size))
      probe.bytesWritten += size
      rest -= size
    }
  }

  private func sendEvents(of request: StreamedRequest, to writer: ResponseWriter) async throws(StreamFailure)
  {
    probe.waiting.append(request)
    var count = 0
    // Ends with the shutdown, or with the peer.
    while true {
      switch try await request.wait(until: loop.now + .seconds(1000)) {
      case .signaled:
        count += 1
        try await writer.write(Array("event \(count);".utf8))
      case .deadline: try await writer.write(Array("heartbeat;".utf8))
      case .draining: return try await writer.write(Array("bye".utf8))
      }
    }
  }
}
