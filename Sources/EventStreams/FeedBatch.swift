internal import ChangeFeed
internal import JobsAPI
internal import Ledger
internal import Routing

/// A batch of changes, and its text for each kind of stream.
///
/// Streams at the same position share one.
final class FeedBatch {
  let page: FeedPage
  private var texts: [FeedForm: FeedText] = [:]

  init(_ page: FeedPage) {
    self.page = page
  }

  /// The entries that the query includes, as text.
  func text(for query: JobListQuery, _ form: FeedForm) -> FeedText {
    if let text = texts[form] { return text }
    var text = FeedText()
    for entry in page.entries {
      guard let event = FeedEvent(entry, at: page.cursor(after: entry), for: query) else { continue }
      if form.isLines {
        event.append(asLineTo: &text.bytes)
        text.bytes.append(UInt8(ascii: "\n"))
      } else {
        event.append(to: &text.bytes)
      }
      (text.count, text.lastChange) = (text.count + 1, entry.change)
    }
    texts[form] = text
    return text
  }
}

/// Events as they are written.
struct FeedText {
  var bytes: [UInt8] = []
  /// The number of events.
  var count = 0
  /// That of the last event; nil without one.
  var lastChange: Int64?
}

/// What decides the text of a change.
struct FeedForm: Hashable {
  /// The parameters of the query, which select the jobs and their members.
  let parameters: [String]
  /// Whether each event is a line of JSON, not a server-sent event.
  let isLines: Bool
}

/// The batch that was read last on a loop.
///
/// After a commit many streams read from the same position.
final class RecentBatch {
  private let changes: FeedReceiver
  private var batch: FeedBatch?
  private var cursor: Cursor?
  private var generation = 0

  init(_ changes: FeedReceiver) {
    self.changes = changes
  }

  /// The batch after `cursor`: that which was read last, or a new one from `read`.
  func batch(
    after cursor: Cursor, read: () async throws(Problem) -> FeedPage
  ) async throws(Problem) -> FeedBatch {
    // A later commit wakes its streams after the generation has grown.
    if let batch, self.cursor == cursor, generation == changes.generation { return batch }
    let generation = changes.generation
    let batch = FeedBatch(try await read())
    (self.batch, self.cursor, self.generation) = (batch, cursor, generation)
    return batch
  }
}
