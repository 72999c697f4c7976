package import Jobs
package import StoreSeam

/// Reads pages of the change feed from a store.
///
/// A reader that passes the cursor of each page to the next call misses nothing. It may skip intermediate
/// states, but never the newest one of a job, nor a deletion.
package struct FeedReader {
  private let reader: any StoreReader

  package init(_ reader: any StoreReader) {
    self.reader = reader
  }

  /// A page of what has changed after `cursor`, in the order of the change numbers.
  ///
  /// - Parameters:
  ///   - cursor: from ``FeedPage/next`` of an earlier page; nil for the first page of all jobs.
  ///   - limit: the maximum number of changes that are examined, at least one.
  ///   - filter: of the jobs; deletions are always listed.
  ///   - parts: what the rows include.
  package func page(
    after cursor: Cursor?, limit: Int, matching filter: JobFilter = JobFilter(),
    including parts: JobParts = []
  ) async throws(FeedFailure) -> FeedPage {
    let cursor = if let cursor { cursor } else { try await beginning() }
    let slice: FeedSlice
    do throws(StorageError) {
      slice = try await reader.changes(
        after: cursor.number, limit: limit, matching: filter, including: parts)
    } catch {
      throw .storage(error)
    }
    // Validated after the read: tombstones that were deleted just before it would be missing.
    if let refusal = cursor.refusal(at: try await position()) { throw .refused(refusal) }
    return FeedPage(
      entries: slice.entries, next: Cursor(number: slice.last, epoch: cursor.epoch, start: cursor.start),
      hasMore: slice.hasMore, start: cursor.start)
  }

  /// The end of the feed, for a reader that needs only later changes.
  package func end() async throws(FeedFailure) -> Cursor {
    Cursor(endOf: try await position())
  }

  /// Where a first pass begins.
  private func beginning() async throws(FeedFailure) -> Cursor {
    let position = try await position()
    return Cursor(number: 0, epoch: position.epoch, start: position.lastChange)
  }

  private func position() async throws(FeedFailure) -> FeedPosition {
    do throws(StorageError) {
      return try await reader.feedPosition()
    } catch {
      throw .storage(error)
    }
  }
}

/// A page of the change feed.
package struct FeedPage: Sendable {
  /// Each job once, with its newest state.
  package let entries: [FeedEntry]
  /// The cursor after the page.
  package let next: Cursor
  /// Whether the page has ended at a limit, so that more may follow.
  package let hasMore: Bool
  /// That of the cursor after which the page was read.
  fileprivate let start: Int64

  /// The cursor after one entry of the page.
  package func cursor(after entry: FeedEntry) -> Cursor {
    Cursor(number: entry.change, epoch: next.epoch, start: start)
  }
}

/// Why a page was not read.
package enum FeedFailure: Error, Equatable, Sendable {
  case refused(CursorRefusal)
  case storage(StorageError)
}
