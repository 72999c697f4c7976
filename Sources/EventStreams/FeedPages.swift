internal import ChangeFeed
internal import EventLoop
internal import JSONText
internal import HTTPWire
internal import JobsAPI
internal import StoreSeam
internal import Routing
internal import Time

/// Reads the change feed for one request.
struct FeedPages {
  let views: JobViews
  let query: ListQuery

  /// The number of changes that are read without other work of the loop between.
  private static let batchSize = 64
  /// The same where rows include large members.
  private static let batchSizeWithParts = 8
  /// The number of batches that one request for a page reads, where few are included.
  private static let maxBatches = 80
  /// The size from which a page ends.
  private static let maxPageBytes = 8 << 20

  /// The next entries, whether they are included or not.
  ///
  /// - Parameter cursor: nil for the beginning.
  func batch(after cursor: Cursor?, limit: Int = .max) async throws(Problem) -> Batch {
    let size = min(limit, query.parts.isEmpty ? Self.batchSize : Self.batchSizeWithParts)
    let page = try await read { [query] (reader) throws(FeedFailure) in
      try await reader.page(
        after: cursor, limit: size, matching: query.lastingFilter, including: query.parts)
    }
    return Batch(page: page, members: try await views.members(of: page.entries.compactMap(\.row)))
  }

  /// Entries of the feed, with what the capabilities add to their jobs.
  struct Batch {
    let page: FeedPage
    fileprivate let members: [Int64: [JobMember]]
  }

  /// The event of an entry of `batch`; nil where it is not shown.
  func event(_ entry: FeedEntry, of batch: Batch) throws(Problem) -> FeedEvent? {
    try FeedEvent(
      entry, at: batch.page.cursor(after: entry), for: query, from: views, adding: batch.members)
  }

  /// The cursor after which `start` reads; nil for the beginning.
  func cursor(of start: FeedRequest.Start) async throws(Problem) -> Cursor? {
    switch start {
    case .beginning: nil
    case .after(let cursor): cursor
    case .now: try await read { (reader) throws(FeedFailure) in try await reader.end() }
    }
  }

  private func read<Value>(
    _ body: (FeedReader) async throws(FeedFailure) -> Value
  ) async throws(Problem) -> Value {
    let result = try await views.read { (reader) throws(StorageError) -> Result<Value, CursorRefusal> in
      do throws(FeedFailure) {
        return .success(try await body(FeedReader(reader)))
      } catch {
        switch error {
        case .refused(let refusal): return .failure(refusal)
        case .storage(let error): throw error
        }
      }
    }
    do throws(CursorRefusal) { return try result.get() } catch { throw Problem(error) }
  }

  /// A page of what the query includes, as it is answered.
  func page(after start: Cursor?, limit: Int) async throws(Problem) -> Page {
    var cursor = start
    var batches = 0
    var page = Page()
    // Bounded by the rows, the bytes or the batches of a page.
    while true {
      let read = try await self.batch(after: cursor, limit: limit - page.count)
      let batch = read.page
      for entry in batch.entries {
        if let event = try event(entry, of: read) { page.append(event) }
        guard page.size >= Self.maxPageBytes else { continue }
        let position = batch.cursor(after: entry)
        (page.next, page.hasMore) = (position, batch.hasMore || position != batch.next)
        return page
      }
      batches += 1
      (cursor, page.next, page.hasMore) = (batch.next, batch.next, batch.hasMore)
      guard batch.hasMore, page.count < limit, batches < Self.maxBatches else { return page }
      await yield()
    }
  }

  /// Lets the loop do other work.
  func yield() async {
    _ = await views.loop.sleep(until: views.loop.now)
  }
}

extension FeedPages {
  /// The document of one page.
  struct Page {
    private var events: [UInt8] = [UInt8(ascii: "[")]
    private(set) var count = 0
    /// The cursor after the page.
    var next: Cursor?
    /// Whether the next page can be read at once.
    var hasMore = false

    var size: Int { events.count }

    mutating func append(_ event: FeedEvent) {
      if count > 0 { events.append(UInt8(ascii: ",")) }
      events += event.line
      count += 1
    }

    var response: Response {
      var writer = JSONWriter(capacity: events.count + 96)
      writer.object { object in
        object.member("events", raw: (events + [UInt8(ascii: "]")])[...])
        object.member("next", string: next?.text)
        object.member("more", bool: hasMore)
      }
      writer.raw([UInt8(ascii: "\n")])
      return .json(writer.bytes)
    }
  }
}

extension Problem {
  /// The answer to a cursor that would lead to a gap.
  fileprivate init(_ refusal: CursorRefusal) {
    let cause =
      switch refusal {
      case .otherStore: "the cursor is of another store, or from before a backup was restored"
      case .tooOld: "the cursor is older than the deletions that are still known"
      case .inFuture: "the cursor is greater than the last change of this store"
      }
    self.init(.gone, .cursorExpired, cause + ": begin again without a cursor")
  }
}
