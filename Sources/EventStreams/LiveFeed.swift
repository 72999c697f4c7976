internal import ChangeFeed
internal import EventLoop
internal import HTTPServer
internal import JSONText
internal import JobsAPI
internal import Ledger
internal import Routing
internal import Time

/// Writes the change feed to one stream, until its peer or the daemon ends it.
final class LiveFeed {
  private let pages: FeedPages
  private let observer: FeedObserver
  private let isLines: Bool
  private let count: (Int) -> Void
  private let report: (Problem) -> Void
  /// What was read last, until it is written. An idle stream holds no rows.
  private var unwritten: FeedPage?
  private var cursor: Cursor
  /// The number that the client knows from the last event's id.
  private var knownNumber: Int64
  private var lastWrite: MonotonicTime

  /// How long a stream waits after a read that has failed.
  private static let pauses = Duration.seconds(1)...ServerSentEvents.keepAliveInterval

  /// - Parameters:
  ///   - isLines: whether each event is a line of JSON, not a server-sent event.
  ///   - count: receives the number of events that are written.
  ///   - report: receives the failures of reads, which are repeated.
  init(
    _ pages: FeedPages, _ observer: FeedObserver, first: FeedPage, isLines: Bool,
    count: @escaping (Int) -> Void, report: @escaping (Problem) -> Void
  ) {
    self.pages = pages
    self.observer = observer
    self.isLines = isLines
    self.count = count
    self.report = report
    unwritten = first
    cursor = first.next
    knownNumber = -1
    lastWrite = pages.views.loop.now
  }

  func run(_ writer: ResponseWriter) async throws(StreamFailure) {
    var pause = Self.pauses.lowerBound
    // Ends with the peer, the shutdown, or a cursor that has expired.
    while true {
      let step = try await writeBatch(to: writer)
      if pages.views.loop.now >= lastWrite + ServerSentEvents.keepAliveInterval {
        try await write(keepAlive(), to: writer)
      }
      let deadline: MonotonicTime
      switch step {
      case .refused: return
      // Other work of the loop comes first.
      case .more: deadline = pages.views.loop.now
      case .complete:
        pause = Self.pauses.lowerBound
        deadline = lastWrite + ServerSentEvents.keepAliveInterval
      case .failed:
        deadline = pages.views.loop.now + pause
        pause = min(pause * 2, Self.pauses.upperBound)
      }
      guard try await observer.wait(after: cursor, until: deadline) != .draining else { return }
    }
  }

  private enum Step {
    case complete
    case more
    case failed
    /// The client reconnects, and receives the reason.
    case refused
  }

  /// Writes the next rows. Their memory is free again before the next wait.
  private func writeBatch(to writer: ResponseWriter) async throws(StreamFailure) -> Step {
    let batch: FeedPage
    let events: [(change: Int64, text: [UInt8])]
    do throws(Problem) {
      batch = if let unwritten { unwritten } else { try await pages.batch(after: cursor) }
      events = try render(batch)
    } catch {
      guard error.code != .cursorExpired else { return .refused }
      report(error)
      return .failed
    }
    (unwritten, cursor) = (nil, batch.next)
    for event in events {
      try await write(event.text, to: writer)
      knownNumber = event.change
    }
    count(events.count)
    return batch.hasMore ? .more : .complete
  }

  private func write(_ bytes: [UInt8], to writer: ResponseWriter) async throws(StreamFailure) {
    try await writer.write(bytes)
    lastWrite = pages.views.loop.now
  }

  private func render(_ batch: FeedPage) throws(Problem) -> [(change: Int64, text: [UInt8])] {
    var events: [(change: Int64, text: [UInt8])] = []
    for entry in batch.entries {
      guard let event = try pages.event(entry, of: batch) else { continue }
      events.append((entry.change, isLines ? event.line + [UInt8(ascii: "\n")] : event.serverSent))
    }
    return events
  }

  /// A comment, or the cursor where it has moved over changes that are not shown.
  ///
  /// Without it a client that sees few events would reconnect with an old cursor.
  private func keepAlive() -> [UInt8] {
    guard cursor.number > knownNumber else {
      return isLines ? [UInt8(ascii: "\n")] : ServerSentEvents.comment
    }
    knownNumber = cursor.number
    guard isLines else { return ServerSentEvents.position(cursor.text) }
    var writer = JSONWriter(capacity: 64)
    writer.object { object in
      object.member("event", string: "position")
      object.member("cursor", string: cursor.text)
    }
    writer.raw([UInt8(ascii: "\n")])
    return writer.bytes
  }
}
