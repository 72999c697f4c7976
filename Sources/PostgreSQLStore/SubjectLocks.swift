internal import StoreSeam
internal import PostgreSQL
internal import Tables

/// The locks of subjects: what has a negative number, and no row of its own that could be locked.
extension PostgreSQLRows {
  /// The lock is of the database, and ends with the transaction, also behind a pooler.
  private static let lockSubjects = Query(
    "SELECT pg_advisory_xact_lock(number) FROM unnest($1::bigint[]) AS number")

  func lock(subject number: Int64) throws(StorageError) { try lock(subjects: [number]) }

  func lock(subjects numbers: [Int64]) throws(StorageError) {
    let missing = Set(numbers).subtracting(lockedSubjects).filter { $0 < 0 }.sorted()
    guard !missing.isEmpty else { return }
    _ = try run(Self.lockSubjects, [.integers(missing)])
    noteLocked(missing)
  }

  func noteLocked(_ subjects: [Int64]) {
    guard !lockedSubjects.isSuperset(of: subjects) else { return }
    lockedSubjects.formUnion(subjects)
    // The one that had the lock may have changed what was read before.
    for name in sharedTables { tableRows[name] = nil }
  }

  /// Whether this transaction has the lock of a job or subject, which it takes where it can.
  func isLocked(_ number: Int64) throws(StorageError) -> Bool {
    guard number < 0 else { return try loaded(number) != nil }
    try lock(subject: number)
    return true
  }
}
