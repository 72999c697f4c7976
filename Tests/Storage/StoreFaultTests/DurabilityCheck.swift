import CSQLite
import FaultyDisk
import Jobs
import StoreSeam
import SQLiteStore
import Work

/// One call of ``Ledger/commit(_:)``, with its position in the disk's record.
struct Attempt {
  let deliveries: [Delivery]
  let start: Int
  let end: Int
  let isAcknowledged: Bool
}

/// The durability rule that these tests check.
///
/// An acknowledged batch is always stored. A batch that was rejected, or whose commit never returned, is
/// stored completely or not at all. Only the last such batch may be stored, because every later commit
/// overwrites it in the WAL.
enum DurabilityCheck {
  /// The first problem of the database at `path` after `attempts`.
  ///
  /// The disk stopped at `cut`.
  ///
  /// - Parameter fault: the name under which the result is recorded; nil for a check that may fail.
  /// - Returns: nil without a problem.
  static func problem(
    with path: String, after attempts: [Attempt], cutAt cut: Int, fault: String?
  ) -> String? {
    do {
      // The writer first, because opening it recovers the database.
      _ = try SQLiteStore(path: path)
      if let damage = try integrityProblem(of: path) { return "damaged: \(damage)" }
      let reader = try SQLiteReader(path: path)
      if let gap = try feedProblem(of: reader) { return gap }
      let found = try Model(reader)
      let acknowledged = attempts.filter { $0.isAcknowledged && $0.end <= cut }
      let kept = acknowledged.flatMap(\.deliveries)
      let lost = Set(kept.map(\.receivedAt)).subtracting(found.deliveries)
      if let fault {
        ProofRecord.note(
          fault, acknowledged: kept.count, lost: lost.count, appliedTwice: found.appliedTwice)
      }
      guard lost.isEmpty else { return "\(lost.count) acknowledged deliveries are lost" }
      let last = acknowledged.last?.end ?? 0
      let doubtful = attempts.filter { $0.start >= last && $0.start < cut && $0.end > last }
      let allowed = [[]] + doubtful.filter { !($0.isAcknowledged && $0.end <= cut) }.map(\.deliveries)
      return allowed.contains { Model(kept + $0).jobs == found.jobs } ? nil : "jobs differ from the model"
    } catch {
      return "\(error)"
    }
  }

  /// What the change feed or the work table shows differently from the jobs. Nil for nothing.
  private static func feedProblem(of reader: SQLiteReader) throws -> String? {
    let entries = try reader.changes(after: 0, limit: 1_000_000)
    let jobs = try reader.jobs(matching: JobFilter(), before: nil, limit: 1_000_000).jobs
    guard Set(entries.map(\.id)) == Set(jobs.map(\.id)), entries.count == jobs.count else {
      return "the feed lists \(entries.count) of \(jobs.count) jobs"
    }
    for entry in entries where try reader.job(entry.id)?.change != entry.change {
      return "the feed has another change number than job \(entry.id)"
    }
    let due = jobs.compactMap(\.pollState.dueAt).min()
    return try reader.nextDue(.poll) == due ? nil : "the next check is not that of the jobs"
  }

  /// The full integrity check.
  ///
  /// ``SQLiteReader/damage()`` does not check that indexes agree with their tables.
  static func integrityProblem(of path: String) throws -> String? {
    var handle: OpaquePointer?
    defer { sqlite3_close_v2(handle) }
    guard sqlite3_open(path, &handle) == SQLITE_OK else { return "cannot be opened" }
    var statement: OpaquePointer?
    defer { sqlite3_finalize(statement) }
    guard sqlite3_prepare_v2(handle, "PRAGMA integrity_check", -1, &statement, nil) == SQLITE_OK,
      sqlite3_step(statement) == SQLITE_ROW, let text = sqlite3_column_text(statement, 0)
    else { return "cannot be checked: \(String(cString: sqlite3_errmsg(handle)))" }
    let verdict = String(cString: text)
    return verdict == "ok" ? nil : verdict
  }
}
