import CSQLite

/// A deliberate fault of the daemon, which shows that the checks can fail.
///
/// Triggers in the database undo or repeat what a rule has written, so that no fault is compiled in.
enum PlantedFault: CaseIterable {
  /// An order is not queued again after a call that had no effect.
  case forgetsRequeue
  /// An order that is being sent may be claimed again.
  case claimsTwice
  /// A create call without an answer is repeated before it is searched for.
  case repeatsUnansweredCall
  /// A retry is not counted.
  case forgetsRetry
  /// Open jobs are not polled.
  case forgetsPolls
  /// A cancel request is dropped.
  case forgetsCancel
  /// Ends are not added to the sums of usage.
  case forgetsUsage
  /// Changes of state are not added to the counters of jobs.
  case forgetsCounts
  /// An end is not written to the outbox.
  case forgetsCallback
  /// A delivery is acknowledged, and its row is not written.
  case forgetsDelivery
  /// A job's end takes no new change number.
  case forgetsChange
  /// A deletion leaves no tombstone.
  case forgetsTombstone
  /// A retry does not name the job that it retries.
  case forgetsRetried
  /// The release of a held end is not in the job's history.
  case forgetsRelease

  var sql: String {
    switch self {
    case .forgetsRequeue:
      """
      CREATE TRIGGER planted BEFORE UPDATE OF stage ON orders
      WHEN NEW.stage = 'queued' AND OLD.stage IN ('sending', 'unanswered') BEGIN SELECT RAISE(IGNORE); END
      """
    case .claimsTwice:
      """
      CREATE TRIGGER planted AFTER UPDATE OF stage ON orders WHEN NEW.stage = 'sending'
      BEGIN UPDATE orders SET stage = 'queued', due_at = OLD.due_at WHERE job = NEW.job; END
      """
    case .repeatsUnansweredCall:
      """
      CREATE TRIGGER planted AFTER INSERT ON work WHEN NEW.kind = 'search' BEGIN
        UPDATE orders SET stage = 'queued' WHERE job = NEW.job;
        UPDATE work SET kind = 'create' WHERE job = NEW.job AND kind = 'search';
      END
      """
    case .forgetsRetry:
      """
      CREATE TRIGGER planted AFTER UPDATE OF retries_left ON orders
      BEGIN UPDATE orders SET retries_left = OLD.retries_left WHERE job = NEW.job; END
      """
    case .forgetsPolls:
      """
      CREATE TRIGGER planted AFTER UPDATE ON work WHEN NEW.kind = 'poll'
      BEGIN DELETE FROM work WHERE job = NEW.job AND kind = 'poll'; END
      """
    case .forgetsCancel:
      """
      CREATE TRIGGER planted BEFORE UPDATE OF cancel_requested ON orders BEGIN SELECT RAISE(IGNORE); END
      """
    case .forgetsUsage: "CREATE TRIGGER planted BEFORE INSERT ON usage BEGIN SELECT RAISE(IGNORE); END"
    case .forgetsCounts:
      "CREATE TRIGGER planted BEFORE UPDATE ON job_counts BEGIN SELECT RAISE(IGNORE); END"
    case .forgetsChange:
      """
      CREATE TRIGGER planted BEFORE INSERT ON changes
      WHEN (SELECT phase FROM jobs WHERE number = NEW.job) IN ('succeeded', 'failed', 'canceled')
      BEGIN SELECT RAISE(IGNORE); END
      """
    case .forgetsTombstone:
      "CREATE TRIGGER planted BEFORE INSERT ON tombstones BEGIN SELECT RAISE(IGNORE); END"
    case .forgetsRetried:
      """
      CREATE TRIGGER planted AFTER INSERT ON orders WHEN NEW.retry_of IS NOT NULL
      BEGIN UPDATE orders SET retry_of = NULL WHERE job = NEW.job; END
      """
    case .forgetsRelease:
      """
      CREATE TRIGGER planted BEFORE INSERT ON deliveries WHEN NEW.provider_status = 'released'
      BEGIN SELECT RAISE(IGNORE); END
      """
    case .forgetsCallback:
      "CREATE TRIGGER planted BEFORE INSERT ON callbacks BEGIN SELECT RAISE(IGNORE); END"
    case .forgetsDelivery:
      """
      CREATE TRIGGER planted BEFORE INSERT ON deliveries WHEN NEW.position = 3 BEGIN SELECT RAISE(IGNORE); END
      """
    }
  }

  /// A part of the problem that is found.
  var problem: String {
    switch self {
    case .forgetsRequeue, .forgetsPolls: "waits past its deadline"
    case .claimsTwice, .repeatsUnansweredCall: "is created again"
    case .forgetsRetry: "times"
    case .forgetsCancel: "after it was canceled"
    case .forgetsUsage: "count as"
    case .forgetsCounts: "are counted as"
    case .forgetsChange: "/events has"
    case .forgetsTombstone: "is deleted"
    case .forgetsRetried: "without the job that it retries"
    case .forgetsRelease: "was not held"
    case .forgetsCallback: "a callback waits past its deadline"
    case .forgetsDelivery: "was acknowledged and is not stored"
    }
  }

  /// Plants a fault in the database at `path`.
  static func plant(_ sql: String, in path: String) {
    var database: OpaquePointer?
    guard sqlite3_open(path, &database) == SQLITE_OK, sqlite3_exec(database, sql, nil, nil, nil) == SQLITE_OK
    else { preconditionFailure("the fault cannot be planted: \(String(cString: sqlite3_errmsg(database)))") }
    sqlite3_close(database)
  }
}
