internal import ChangeFeed
internal import EventLoop
internal import HTTPServer
internal import HTTPWire
internal import JSONText
internal import JobsAPI
internal import StoreSeam
internal import Routing
internal import Time

/// Writes the change feed to one stream, until its peer or the daemon ends it.
final class LiveFeed {
  private let pages: FeedPages
  private let recent: RecentBatch
  private let observer: FeedObserver
  private let form: FeedForm
  private let count: (Int) -> Void
  private let report: (Problem) -> Void
  /// What was read last, until it is written. An idle stream holds no rows.
  private var unwritten: FeedBatch?
  private var cursor: Cursor
  /// The number that the client knows from the last event's id.
  private var knownNumber: Int64
  private var lastWrite: MonotonicTime

  /// How long a stream waits after a read that has failed.
  private static let pauses = Duration.seconds(1)...ServerSentEvents.keepAliveInterval

  /// - Parameters:
  ///   - recent: shared by the streams of a loop.
  ///   - count: receives the number of events that are written.
  ///   - report: receives the failures of reads, which are repeated.
  init(
    _ pages: FeedPages, _ recent: RecentBatch, _ observer: FeedObserver, first: FeedBatch, form: FeedForm,
    count: @escaping (Int) -> Void, report: @escaping (Problem) -> Void
  ) {
    self.pages = pages
    self.recent = recent
    self.observer = observer
    self.form = form
    self.count = count
    self.report = report
    unwritten = first
    cursor = first.page.next
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
    let batch: FeedBatch
    do throws(Problem) {
      batch =
        if let unwritten { unwritten } else { try await recent.batch(after: cursor, from: pages, form) }
    } catch {
      guard error.code != .cursorExpired else { return .refused }
      report(error)
      return .failed
    }
    (unwritten, cursor) = (nil, batch.page.next)
    if let lastChange = batch.text.lastChange {
      try await write(batch.text.bytes, to: writer)
      knownNumber = lastChange
      count(batch.text.count)
    }
    return batch.page.hasMore ? .more : .complete
  }

  private func write(_ bytes: [UInt8], to writer: ResponseWriter) async throws(StreamFailure) {
    try await writer.write(bytes)
    lastWrite = pages.views.loop.now
  }

  /// A comment, or the cursor where it has moved over changes that are not shown.
  ///
  /// Without it a client that sees few events would reconnect with an old cursor.
  private func keepAlive() -> [UInt8] {
    guard cursor.number > knownNumber else {
      return form.isLines ? [UInt8(ascii: "\n")] : ServerSentEvents.comment
    }
    knownNumber = cursor.number
    guard form.isLines else { return ServerSentEvents.position(cursor.text) }
    var writer = JSONWriter(capacity: 64)
    writer.object { object in
      object.member("event", string: "position")
      object.member("cursor", string: cursor.text)
    }
    writer.raw([UInt8(ascii: "\n")])
    return writer.bytes
  }
}
