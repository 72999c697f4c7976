internal import ChangeFeed
internal import JobsAPI
internal import StoreSeam
internal import Routing

/// A batch of changes, and its text.
///
/// Streams at the same position share one.
final class FeedBatch {
  let page: FeedPage
  let text: FeedText

  init(_ batch: FeedPages.Batch, from pages: FeedPages, _ form: FeedForm) throws(Problem) {
    page = batch.page
    var text = FeedText()
    for entry in page.entries {
      guard let event = try pages.event(entry, of: batch) else { continue }
      if form.isLines {
        text.bytes += event.line
        text.bytes.append(UInt8(ascii: "\n"))
      } else {
        text.bytes += event.serverSent
      }
      (text.count, text.lastChange) = (text.count + 1, entry.change)
    }
    self.text = text
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

/// What decides which changes a stream shows, and how.
struct FeedForm: Hashable {
  /// The parameters that select the jobs and their members: names and values.
  let selection: [String]
  /// Whether each event is a line of JSON, not a server-sent event.
  let isLines: Bool
}

/// The batch that was read last on a loop.
///
/// After a commit, many streams read from the same position.
final class RecentBatch {
  private struct Key: Equatable {
    let cursor: Cursor
    let form: FeedForm
    /// A commit that the batch may lack wakes the streams after this has grown.
    let generation: Int
  }

  private let changes: FeedReceiver
  private var last: (key: Key, batch: FeedBatch)?

  init(_ changes: FeedReceiver) {
    self.changes = changes
  }

  /// The batch after `cursor`: the last one, or one that is read now.
  func batch(after cursor: Cursor, from pages: FeedPages, _ form: FeedForm) async throws(Problem) -> FeedBatch
  {
    let key = Key(cursor: cursor, form: form, generation: changes.generation)
    if let last, last.key == key { return last.batch }
    let batch = try FeedBatch(try await pages.batch(after: cursor), from: pages, form)
    // One with large members would hold much memory for long.
    if pages.query.parts.isEmpty { last = (key, batch) }
    return batch
  }
}
