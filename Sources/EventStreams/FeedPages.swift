internal import ChangeFeed
internal import EventLoop
internal import JSONText
internal import HTTPWire
internal import JobsAPI
internal import Ledger
internal import Routing
internal import Time

/// Reads the change feed for one request.
struct FeedPages {
  let views: JobViews
  let query: JobListQuery

  /// The number of entries that are read without other work of the loop between.
  static let batchSize = 64
  /// The number of entries that one request for a page reads, where few are included.
  private static let maxReadEntries = 5000
  /// The size from which a page ends.
  private static let maxPageBytes = 8 << 20

  /// The next entries, whether they are included or not.
  ///
  /// - Parameter cursor: nil for the beginning.
  func batch(after cursor: Cursor?, limit: Int = batchSize) async throws(Problem) -> FeedPage {
    try await read { (reader) throws(FeedFailure) in try await reader.page(after: cursor, limit: limit) }
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
    var (cursor, readEntries) = (start, 0)
    var page = Page()
    // Bounded by the rows, the bytes or the entries of a page.
    while true {
      let batch = try await batch(after: cursor, limit: min(Self.batchSize, limit - page.count))
      for (index, entry) in batch.entries.enumerated() {
        let position = batch.cursor(after: entry)
        guard let event = FeedEvent(entry, at: position, for: query) else { continue }
        page.append(event)
        guard page.count >= limit || page.size >= Self.maxPageBytes else { continue }
        page.hasMore = batch.hasMore || index + 1 < batch.entries.count
        page.next = position
        return page
      }
      readEntries += batch.entries.count
      (cursor, page.next, page.hasMore) = (batch.next, batch.next, batch.hasMore)
      guard batch.hasMore, readEntries < Self.maxReadEntries else { return page }
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
      event.append(asLineTo: &events)
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
