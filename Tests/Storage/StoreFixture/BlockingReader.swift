internal import EventLoop
package import Jobs
package import StoreSeam
internal import System
package import Tables
package import Time
package import Work

/// A reader whose calls block their thread until they are answered.
///
/// A simulated loop thereby reads a store across a network at one moment of its clock, as it reads a file.
package final class BlockingReader: StoreReader {
  private let reader: Held<any StoreReader>
  /// Returns when the feed shows all that is committed.
  private let awaitFeed: () throws(StorageError) -> Void

  /// - Parameter awaitFeed: called before each read of the feed, which other tests' transactions hold back.
  package init(_ reader: any StoreReader, awaitFeed: @escaping () throws(StorageError) -> Void) {
    self.reader = Held(reader)
    self.awaitFeed = awaitFeed
  }

  /// Where all such readers wait for their answers.
  private static let loop: EventLoop? = {
    guard let kernel = try? LinuxKernel() else { return nil }
    let loop = EventLoop(kernel: kernel)
    guard (try? Thread(named: "reads", { loop.run() })) != nil else { return nil }
    return loop
  }()

  /// Reads on another thread, and blocks this one until then.
  package func answer<Value: Sendable>(
    _ read: @escaping @Sendable (any StoreReader) async throws(StorageError) -> Value
  ) throws(StorageError) -> Value {
    guard let loop = Self.loop else { throw .unavailable("no thread for reads") }
    let answer = OneShot<Result<Value, StorageError>>()
    loop.start { [reader] in
      do throws(StorageError) {
        answer.set(.success(try await read(reader.value)))
      } catch {
        answer.set(.failure(error))
      }
    }
    guard let result = answer.wait(timeout: .seconds(60)) else {
      throw .unavailable("a read has not ended within a minute")
    }
    return try result.get()
  }

  /// A value that one thread at a time uses.
  private struct Held<Value>: @unchecked Sendable {
    let value: Value

    init(_ value: Value) { self.value = value }
  }
}

extension BlockingReader {
  package func job(_ id: String) async throws(StorageError) -> JobRecord? {
    try answer { (reader) async throws(StorageError) in try await reader.job(id) }
  }

  package func queuedOrders(before moment: Timestamp, limit: Int) async throws(StorageError) -> Int {
    try answer { (reader) async throws(StorageError) in
      try await reader.queuedOrders(before: moment, limit: limit)
    }
  }

  package func openOrders() async throws(StorageError) -> OpenOrders {
    try answer { (reader) async throws(StorageError) in try await reader.openOrders() }
  }

  package func jobs(
    matching filter: JobFilter, before: Int64?, limit: Int, including parts: JobParts
  ) async throws(StorageError) -> JobPage {
    try answer { (reader) async throws(StorageError) in
      try await reader.jobs(matching: filter, before: before, limit: limit, including: parts)
    }
  }

  package func firstNumber(recordedAt moment: Timestamp) async throws(StorageError) -> Int64 {
    try answer { (reader) async throws(StorageError) in try await reader.firstNumber(recordedAt: moment) }
  }

  package func jobs(
    withMember key: String, after position: MemberPosition, limit: Int, times: Range<Timestamp>
  ) async throws(StorageError) -> [MemberRow] {
    try answer { (reader) async throws(StorageError) in
      try await reader.jobs(withMember: key, after: position, limit: limit, times: times)
    }
  }

  package func history(
    ofJob id: String, after position: Int64, limit: Int
  ) async throws(StorageError) -> JobHistory? {
    try answer { (reader) async throws(StorageError) in
      try await reader.history(ofJob: id, after: position, limit: limit)
    }
  }

  package func nextDue() async throws(StorageError) -> NextDue {
    try answer { (reader) async throws(StorageError) in try await reader.nextDue() }
  }

  package func nextDue(_ kind: WorkKind) async throws(StorageError) -> Timestamp? {
    try answer { (reader) async throws(StorageError) in try await reader.nextDue(kind) }
  }

  package func newestUpdate() async throws(StorageError) -> Timestamp? {
    try answer { (reader) async throws(StorageError) in try await reader.newestUpdate() }
  }

  package func changes(
    after cursor: Int64, limit: Int, matching filter: JobFilter, including parts: JobParts
  ) async throws(StorageError) -> FeedSlice {
    try awaitFeed()
    return try answer { (reader) async throws(StorageError) in
      try await reader.changes(after: cursor, limit: limit, matching: filter, including: parts)
    }
  }

  package func feedPosition() async throws(StorageError) -> FeedPosition {
    try awaitFeed()
    return try answer { (reader) async throws(StorageError) in try await reader.feedPosition() }
  }

  package func key(_ name: String) async throws(StorageError) -> [UInt8]? {
    try answer { (reader) async throws(StorageError) in try await reader.key(name) }
  }

  package func rows(_ query: TableQuery) async throws(StorageError) -> [TableRow] {
    try answer { (reader) async throws(StorageError) in try await reader.rows(query) }
  }

  package func ping() async throws(StorageError) {
    try answer { (reader) async throws(StorageError) in try await reader.ping() }
  }
}
