import EventLoop
import HTTPServer
import HTTPWire
import Routing
@testable import Time

/// A route of the simulation that streams, with content that is known beforehand.
///
/// Subscribers are signaled after every commit. Each gets a number for every wake-up, and a last word when
/// the server drains.
///
/// `@unchecked Sendable`: the thread that drives the simulation is the only one that uses it.
final class StreamingRoute: @unchecked Sendable {
  static let target = "/simulated-stream"
  static let maxNumbers = 8

  private let loop: EventLoop
  private var subscribers: [StreamedRequest] = []

  init(loop: EventLoop) {
    self.loop = loop
  }

  var route: Route {
    Route(.get, "/simulated-stream", name: "stream", summary: "Streams numbers.", access: .open) { stream in
      let request = stream.request
      return .stream(ResponseHead(status: .ok)) { [self] writer throws(StreamFailure) in
        subscribers.append(request)
        defer { subscribers.removeAll { $0 === request } }
        for number in 0..<Self.maxNumbers {
          let wake = try await request.wait(until: loop.now + .seconds(5))
          guard wake != .draining else { return try await writer.write(Array("bye;".utf8)) }
          try await writer.write(Array("\(number);".utf8))
        }
      }
    }
  }

  /// Called on the loop.
  func signalAll() {
    for request in subscribers { request.signal() }
  }
}
