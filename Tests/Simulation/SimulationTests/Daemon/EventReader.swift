import Simulation
@testable import Time

/// A client of server-sent events that reconnects as `EventSource` does.
///
/// It repeats the id of the last whole event, and stops at a 204.
final class EventReader {
  struct Event {
    var id: String?
    var name = "message"
    var data: String?
  }

  let target: String
  /// The id of the last event.
  var lastEventID: String?
  private(set) var isDone = false
  /// Nil while there is no connection.
  private var response: Response?
  /// When it last connected, received an event, or was refused.
  private(set) var actedAt = MonotonicTime(nanoseconds: 0)

  /// How the connection of a reader has ended.
  enum End {
    /// The response has ended or was cut, or the server has refused it for now.
    case mayReconnect
    /// The server has answered 204.
    case complete
    /// The server has refused the request with this status.
    case refused(Int)
  }

  init(_ target: String) {
    self.target = target
  }

  /// The request of the next connection.
  var request: [UInt8] {
    let position = lastEventID.map { "Last-Event-ID: \($0)\r\n" } ?? ""
    return Array(
      "GET \(target) HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\(position)\r\n".utf8)
  }

  /// Whether a response is being received.
  var isListening: Bool { response?.status == 200 }

  func connect(over connection: ClientConnection, at now: MonotonicTime) {
    response = Response(over: connection)
    actedAt = now
  }

  func stop() {
    isDone = true
    response = nil
  }

  /// Passes on whole events, and returns the end of the connection; nil while there is none.
  func poll(at now: MonotonicTime, _ observer: (Event) -> Void) -> End? {
    guard let response else { return nil }
    response.parse { event in
      actedAt = now
      if let id = event.id { lastEventID = id }
      if event.data != nil { observer(event) }
    }
    guard response.isComplete || response.connection.peer.isOver else { return nil }
    self.response = nil
    actedAt = now
    response.connection.isIdle = true
    switch response.status {
    case nil, 200, 408, 429, 503: return .mayReconnect
    case 204:
      isDone = true
      return .complete
    case .some(let status): return .refused(status)
    }
  }
}

extension EventReader {
  /// A response with events, as far as it was received.
  private final class Response {
    let connection: ClientConnection
    private(set) var status: Int?
    private(set) var isComplete = false
    /// Bytes that were parsed.
    private var offset = 0
    private var content: [UInt8] = []

    init(over connection: ClientConnection) {
      self.connection = connection
    }

    func parse(_ observer: (Event) -> Void) {
      let received = connection.peer.received
      guard received.count > offset else { return }
      if status == nil { parseHead(received) }
      guard status == 200 else { return }
      while !isComplete, let chunk = nextChunk(in: received) {
        if chunk.isEmpty { isComplete = true }
        content += chunk
      }
      while let end = content.firstRange(of: [10, 10]) {
        let event = Self.event(in: String(decoding: content[..<end.lowerBound], as: UTF8.self))
        content.removeFirst(end.upperBound)
        observer(event)
      }
    }

    private func parseHead(_ received: [UInt8]) {
      guard let end = received.firstRange(of: Array("\r\n\r\n".utf8)) else { return }
      status = Int(String(decoding: received.dropFirst(9).prefix(3), as: UTF8.self))
      offset = end.upperBound
      // The content of any other response does not matter.
      isComplete = status != 200
    }

    private func nextChunk(in received: [UInt8]) -> ArraySlice<UInt8>? {
      guard let line = received[offset...].firstRange(of: [13, 10]),
        let size = Int(String(decoding: received[offset..<line.lowerBound], as: UTF8.self), radix: 16),
        received.count >= line.upperBound + size + 2
      else { return nil }
      offset = line.upperBound + size + 2
      return received[line.upperBound..<line.upperBound + size]
    }

    private static func event(in text: String) -> Event {
      var event = Event()
      for line in text.split(separator: "\n") {
        let value = line.split(separator: ":", maxSplits: 1).last.map { String($0.drop { $0 == " " }) }
        if line.hasPrefix("id:") { event.id = value }
        if line.hasPrefix("event:") { event.name = value ?? "" }
        if line.hasPrefix("data:") { event.data = value }
      }
      return event
    }
  }
}
