import CSQLite
import FaultyDisk
import Jobs
import Store

/// One call of ``StoreWriter/commit(_:)``, and when it was made, as a place in the disk's record.
struct Attempt {
  let deliveries: [Delivery]
  let start: Int
  let end: Int
  let isAcknowledged: Bool
}

/// The rule that everything here checks.
///
/// An acknowledged batch is always there. A batch that was refused, or whose commit never returned, is there whole or
/// not at all; and only the last such may be there, since every later commit writes over it in the log.
enum Verdict {
  /// What is wrong with the database at `path` after `attempts`, had the disk stopped at `cut`; nil where nothing is.
  ///
  /// - Parameter fault: under what the result is written down; nil for one that may fail.
  static func problem(
    with path: String, after attempts: [Attempt], cutAt cut: Int, fault: String?
  ) -> String? {
    do {
      // The writer first: it is what makes the database whole again.
      _ = try StoreWriter(path: path)
      if let damage = try integrityProblem(of: path) { return "damaged: \(damage)" }
      let found = try Model(try StoreReader(path: path))
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

  /// The full check, where ``StoreReader/damage()`` leaves out whether indices agree with their tables.
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
