import CSQLite
import EventLoop
import Glibc
@testable import GroupCommit
import Jobs
import Logging
@testable import Observability
@testable import Replicate
import Store
@testable import System
import Testing
@testable import Time

/// A store with a running ``CommitThread``, for tests that write and wait.
final class CommittingStore {
  let path: String
  let queue = CommitQueue()
  let metrics = Metrics(secretCount: 1)
  let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
  private let folder: String
  private let writing: Thread

  /// - Parameter busyTimeout: how many milliseconds a commit waits for another's lock.
  init(busyTimeout: Int32 = 5000) throws {
    var template = Array("/tmp/replicate-webhookd-committing-XXXXXX".utf8CString)
    try #require(mkdtemp(&template) != nil)
    folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    path = folder + "/jobs.db"
    let writer = try StoreWriter(
      path: path, busyTimeout: busyTimeout, validateOutput: RequestedOutput.judge, restore: ErasedBody.restore
    )
    writing = try Thread(named: "writer") { [queue, metrics, logger] in
      let committer = Committer(
        writer: writer, queue: queue, checkpointer: Checkpointer(), metrics: metrics, logger: logger)
      committer.run()
    }
  }

  deinit {
    queue.close()
    writing.join()
    for name in ["jobs.db", "jobs.db-wal", "jobs.db-shm"] { unlink(folder + "/" + name) }
    rmdir(folder)
  }

  /// Makes the store reject every history row, each by itself.
  func poison() throws {
    try execute(
      """
      CREATE TRIGGER poison BEFORE INSERT ON deliveries BEGIN SELECT RAISE(ABORT, 'poisoned'); END
      """)
  }

  /// Runs SQL on a connection of its own.
  func execute(_ sql: String) throws {
    var handle: OpaquePointer?
    defer { sqlite3_close_v2(handle) }
    try #require(sqlite3_open(path, &handle) == SQLITE_OK)
    try #require(sqlite3_exec(handle, sql, nil, nil, nil) == SQLITE_OK)
  }

  static func order(_ id: String, at now: Timestamp) throws -> Order {
    let digest = try #require(BodyDigest(bytes: Array(repeating: 1, count: BodyDigest.byteCount)))
    return Order(
      id: id, idempotencyKey: nil, digest: digest, request: Array("{}".utf8), model: nil, createdAt: now,
      timeout: nil, retries: 0)
  }
}
